"""What the address of the log of SCIM requests can say."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django import forms

from portal.directory.scim.log import ScimOutcome, ScimRequestFilter
from portal.web.listing import ListQuery

_LONGEST_ID = 100
# Ids begin with the time, counted from here.
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_METHODS = {
    "GET": "Read (GET)",
    "POST": "Create (POST)",
    "PUT": "Replace (PUT)",
    "PATCH": "Change (PATCH)",
    "DELETE": "Delete (DELETE)",
}


class _MomentField(forms.DateTimeField):
    """A moment to the minute, in the portal's time zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})

    def __init__(self, label: str) -> None:
        super().__init__(
            label=f"{label} (UTC)",
            required=False,
            error_messages={"invalid": "Use a date and a time, such as 2026-01-31T09:00."},
        )

    def clean(self, value: Any) -> Any:
        """Return the moment, None for none. Raises ValidationError."""
        moment = super().clean(value)
        if moment and moment < _FIRST:
            raise forms.ValidationError("Use a time from 1970 on.")
        return moment


class LogFilter(forms.Form):
    """Which requests of the log to show."""

    # Of a deleted connection; without it, the active one's.
    connection_id = forms.CharField(required=False, max_length=_LONGEST_ID, widget=forms.HiddenInput)
    outcome = forms.ChoiceField(
        label="Outcome",
        required=False,
        choices=[("", "All"), (ScimOutcome.SUCCEEDED, "Succeeded"), (ScimOutcome.REFUSED, "Failed")],
        error_messages={"invalid_choice": "Use succeeded or refused, or leave it out for all."},
    )
    resource_type = forms.ChoiceField(
        label="About",
        required=False,
        choices=[("", "Everything"), ("User", "People"), ("Group", "Groups")],
        error_messages={"invalid_choice": "Use User or Group, or leave it out for everything."},
    )
    resource_id = forms.CharField(required=False, max_length=_LONGEST_ID, widget=forms.HiddenInput)
    method = forms.ChoiceField(
        label="Method",
        required=False,
        choices=[("", "All"), *_METHODS.items()],
        error_messages={"invalid_choice": f"Use {', '.join(_METHODS)}, or leave it out for all."},
    )
    since = _MomentField("From")
    until = _MomentField("Until")

    def clean(self) -> None:
        """Refuse a time that ends before it begins."""
        since, until = (self.cleaned_data.get(name) for name in ("since", "until"))
        if since and until and until <= since:
            self.add_error("until", "This is not after “From”.")

    @property
    def given(self) -> list[tuple[str, str]]:
        """What was given, to be sent once more by another form."""
        values = ((name, str(self.data.get(name, ""))) for name in LogFilter.base_fields)
        return [(name, value) for name, value in values if value]

    @property
    def wanted(self) -> ScimRequestFilter:
        """Which calls are wanted; whom a call is about says of which kind they are."""
        chosen = self.cleaned_data
        return ScimRequestFilter(
            outcome=ScimOutcome(chosen["outcome"]) if chosen["outcome"] else None,
            resource_type="" if chosen["resource_id"] else chosen["resource_type"],
            resource_id=chosen["resource_id"],
            method=chosen["method"],
            since=chosen["since"],
            until=chosen["until"],
        )


class LogQuery(LogFilter, ListQuery):
    """Which page of the log, and of which calls."""


class FileFormat(StrEnum):
    """The form in which the log is taken away."""

    CSV = "csv"
    JSON_LINES = "jsonl"


class ExportForm(LogFilter):
    """Which calls are taken away, and in which form."""

    file_format = forms.TypedChoiceField(choices=[(one, one) for one in FileFormat], coerce=FileFormat)
