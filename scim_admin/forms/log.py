"""Query parameters of the log, and the form that exports it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from portal.directory.scim.log import ScimOutcome, ScimRequestFilter
from portal.web.exports import FileFormat
from portal.web.listing import ListQuery
from portal.web.times import exact, zone_label

_MAX_ID_LENGTH = 100
_MAX_TEXT_LENGTH = 100
# Request IDs begin with the time since then.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_METHODS = {method: f"{method} only" for method in ("GET", "POST", "PUT", "PATCH", "DELETE")}
# In place of a method.
_CHANGES = "changes"
_DATES = "dates"
_PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7)}


class _TimestampField(forms.DateTimeField):
    """A date and time in the zone of the reader, to the minute."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})

    def __init__(self, label: str) -> None:
        super().__init__(
            label=label,
            required=False,
            error_messages={"invalid": "Use a date and a time, such as 2026-01-31T09:00."},
        )

    def clean(self, value: Any) -> Any:
        """Return the timestamp, None if the field is empty. Raise ValidationError if it can't be read or is before 1970."""
        timestamp = super().clean(value)
        if timestamp and timestamp < _EPOCH:
            raise forms.ValidationError("Enter a date after 1969.")
        return timestamp


class LogFilter(forms.Form):
    """Conditions on the requests to show."""

    # The id of a deleted connection; empty for the active one.
    connection_id = forms.CharField(required=False, max_length=_MAX_ID_LENGTH, widget=forms.HiddenInput)
    q = forms.CharField(
        label="Search by person, group or request ID",
        required=False,
        max_length=_MAX_TEXT_LENGTH,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Person, group or request ID"}),
    )
    outcome = forms.ChoiceField(
        label="Result",
        required=False,
        choices=[("", "All results"), (ScimOutcome.SUCCEEDED, "Succeeded"), (ScimOutcome.FAILED, "Failed")],
        error_messages={"invalid_choice": "Choose one of the filters in the list."},
    )
    resource_type = forms.ChoiceField(
        label="About",
        required=False,
        choices=[("", "Everything"), ("User", "People"), ("Group", "Groups")],
        error_messages={"invalid_choice": "Choose people or groups, or no filter."},
    )
    resource_id = forms.CharField(required=False, max_length=_MAX_ID_LENGTH, widget=forms.HiddenInput)
    method = forms.ChoiceField(
        label="Kind",
        required=False,
        choices=[("", "All requests"), (_CHANGES, "Changes only"), *_METHODS.items()],
        error_messages={"invalid_choice": f"Use {', '.join(_METHODS)} or {_CHANGES}, or leave it out for all."},
    )
    period = forms.ChoiceField(
        label="Time",
        required=False,
        choices=[("", "Any time"), ("day", "Last 24 hours"), ("week", "Last 7 days"), (_DATES, "Choose dates…")],
        error_messages={"invalid_choice": "Choose one of the filters in the list."},
    )
    since = _TimestampField("From")
    until = _TimestampField("Until")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in ("since", "until"):
            self.fields[name].label = f"{self.fields[name].label} ({zone_label(timezone.localtime())})"

    def clean(self) -> None:
        """Reject a period that ends before it begins."""
        since, until = (self.cleaned_data.get(name) for name in ("since", "until"))
        if since and until and until <= since:
            self.add_error("until", "“Until” must be later than “From”.")

    @property
    def given(self) -> list[tuple[str, str]]:
        """The parameters that were given, for the hidden fields of another form."""
        values = ((name, str(self.data.get(name, ""))) for name in LogFilter.base_fields)
        return [(name, value) for name, value in values if value]

    @property
    def wanted(self) -> ScimRequestFilter:
        """The filter. A resource id implies the resource type, which is left out; a period replaces the dates."""
        chosen = self.cleaned_data
        period = _PERIODS.get(chosen["period"])
        return ScimRequestFilter(
            outcome=ScimOutcome(chosen["outcome"]) if chosen["outcome"] else None,
            resource_type="" if chosen["resource_id"] else chosen["resource_type"],
            resource_id=chosen["resource_id"],
            method="" if chosen["method"] == _CHANGES else chosen["method"],
            changes_only=chosen["method"] == _CHANGES,
            text=chosen["q"],
            since=timezone.now() - period if period else chosen["since"],
            until=None if period else chosen["until"],
        )


def _period_in_words(since: datetime | None, until: datetime | None) -> str:
    begin, end = (exact(one) if one else "" for one in (since, until))
    if begin and end:
        return f"{begin} to {end}"
    return f"Since {begin}" if begin else f"Until {end}"


def _label(field: forms.BoundField) -> str:
    """Return the label of the choice that a field has."""
    return str(next(option.data["label"] for option in field if option.data["selected"]))


class LogQuery(LogFilter, ListQuery):
    """Filter and page of the log."""

    def __init__(self, data: QueryDict, **options: Any) -> None:
        given = data.copy()
        if not given.get("period") and (given.get("since") or given.get("until")):
            given["period"] = _DATES
        super().__init__(given, **options)

    @property
    def has_dates(self) -> bool:
        """Whether the period is given by dates, or their fields have errors."""
        return self.data.get("period") == _DATES or bool({"since", "until"} & set(self.errors))

    @property
    def chips(self) -> list[tuple[str, tuple[str, ...]]]:
        """The active filters in words, each with the parameters that it consists of."""
        chosen, chips = self.cleaned_data, list[tuple[str, tuple[str, ...]]]()
        if chosen["q"]:
            chips.append((f"“{chosen['q']}”", ("q",)))
        for name in ("outcome", "resource_type", "method"):
            if chosen[name] and not (name == "resource_type" and chosen["resource_id"]):
                chips.append((_label(self[name]), (name,)))
        if chosen["period"] in _PERIODS:
            chips.append((_label(self["period"]), ("period",)))
        elif chosen["since"] or chosen["until"]:
            chips.append((_period_in_words(chosen["since"], chosen["until"]), ("period", "since", "until")))
        return chips


class ExportForm(LogFilter):
    """Filter and file format of the export."""

    file_format = forms.TypedChoiceField(choices=[(one, one) for one in FileFormat], coerce=FileFormat)
