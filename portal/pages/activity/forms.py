"""Query parameters of the activity log, and the form that exports it."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from django import forms
from django.utils import timezone

from portal.directory.activity import ActivityFilter, ActivityKind
from portal.directory.actor import ActorType
from portal.web.exports import FileFormat
from portal.web.listing import ListQuery

_MAX_LENGTH = 200
_FIRST_YEAR = 1970
_ACTORS = {
    ActorType.MEMBER: "Members",
    ActorType.SCIM: "Identity provider",
    ActorType.PROJECT: "Product",
    ActorType.OPERATOR: "Operator",
    ActorType.VISITOR: "Not signed in",
}
_KINDS = {
    ActivityKind.MEMBERS: "Members",
    ActivityKind.SIGN_IN: "Sign-in",
    ActivityKind.USERS: "People",
    ActivityKind.GROUPS: "Groups",
    ActivityKind.ROLES: "Roles",
    ActivityKind.SCIM: "SCIM connection",
    ActivityKind.ORGANIZATION: "Organization",
}
# In place of a kind: no sign-ins, and not what the identity provider does with people, groups and members.
_NOT_ROUTINE = "not-routine"


class Period(StrEnum):
    """Which time entries are from. The values appear in URLs."""

    DAY = "1"
    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"
    # Between the dates `since` and `until`.
    DATES = "dates"


_PERIODS = {
    Period.DAY: "Today",
    Period.WEEK: "Last 7 days",
    Period.MONTH: "Last 30 days",
    Period.QUARTER: "Last 90 days",
    Period.DATES: "Between dates",
}


class _Date(forms.DateField):
    """A day."""

    widget = forms.DateInput(attrs={"type": "date"})

    def __init__(self, label: str) -> None:
        super().__init__(label=label, required=False, error_messages={"invalid": "Use a date, such as 2026-01-31."})

    def clean(self, value: Any) -> Any:
        """Return the day, None if the field is empty. Raise ValidationError if it can't be read or is before 1970."""
        day = super().clean(value)
        if day and day.year < _FIRST_YEAR:
            raise forms.ValidationError("Enter a date after 1969.")
        return day


class ActivityFilterForm(forms.Form):
    """Conditions on the entries to show."""

    q = forms.CharField(
        label="Search activity",
        required=False,
        max_length=_MAX_LENGTH,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Person, group or request ID"}),
    )
    who = forms.ChoiceField(label="Who", required=False, choices=[("", "Anyone"), *_ACTORS.items()])
    what = forms.ChoiceField(
        label="What",
        required=False,
        choices=[("", "All changes"), (_NOT_ROUTINE, "All except routine"), *_KINDS.items()],
    )
    when = forms.ChoiceField(label="When", required=False, choices=[("", "Any time"), *_PERIODS.items()])
    since = _Date("From")
    until = _Date("To")
    # The IDs of an actor and of a target, which only links have.
    actor_id = forms.CharField(required=False, max_length=_MAX_LENGTH, widget=forms.HiddenInput)
    target_id = forms.CharField(required=False, max_length=_MAX_LENGTH, widget=forms.HiddenInput)

    def clean(self) -> None:
        """Reject a period that ends before it begins."""
        since, until = (self.cleaned_data.get(name) for name in ("since", "until"))
        if since and until and until < since:
            self.add_error("until", "Enter a “To” date that isn’t before “From”.")

    @property
    def given(self) -> list[tuple[str, str]]:
        """The parameters that were given, for the hidden fields of another form."""
        values = ((name, str(self.data.get(name, ""))) for name in ActivityFilterForm.base_fields)
        return [(name, value) for name, value in values if value]

    @property
    def wanted(self) -> ActivityFilter:
        """The filter. Periods begin and end with days, so that a cursor stays valid while the time passes."""
        chosen = self.cleaned_data
        since, until = self._period(chosen["when"])
        return ActivityFilter(
            text=chosen["q"],
            actor_type=ActorType(chosen["who"]) if chosen["who"] else None,
            actor_id=chosen["actor_id"],
            target_id=chosen["target_id"],
            kind=ActivityKind(chosen["what"]) if chosen["what"] not in {"", _NOT_ROUTINE} else None,
            without_routine=chosen["what"] == _NOT_ROUTINE,
            since=since,
            until=until,
        )

    def _period(self, when: str) -> tuple[datetime | None, datetime | None]:
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        if when == Period.DATES:
            since, until = self.cleaned_data["since"], self.cleaned_data["until"]
            return (
                today.replace(since.year, since.month, since.day) if since else None,
                # The last day of the calendar has no next one.
                today.replace(until.year, until.month, until.day) + timedelta(days=1)
                if until and until < date.max
                else None,
            )
        return (today - timedelta(days=int(when) - 1), None) if when else (None, None)


class ActivityQuery(ActivityFilterForm, ListQuery):
    """Filter and page of the activity log."""


class ExportForm(ActivityFilterForm):
    """Filter and file format of the export."""

    file_format = forms.TypedChoiceField(choices=[(one, one) for one in FileFormat], coerce=FileFormat)
