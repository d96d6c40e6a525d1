"""Query parameters of the log, and the form that exports it."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django import forms

from portal.directory.scim.log import ScimOutcome, ScimRequestFilter
from portal.web.listing import ListQuery

_MAX_ID_LENGTH = 100
# Request IDs begin with the time since then.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_METHODS = {
    "GET": "Read (GET)",
    "POST": "Create (POST)",
    "PUT": "Replace (PUT)",
    "PATCH": "Change (PATCH)",
    "DELETE": "Delete (DELETE)",
}


class _TimestampField(forms.DateTimeField):
    """A date and time in UTC, to the minute."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"})

    def __init__(self, label: str) -> None:
        super().__init__(
            label=f"{label} (UTC)",
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
    outcome = forms.ChoiceField(
        label="Outcome",
        required=False,
        choices=[("", "All"), (ScimOutcome.SUCCEEDED, "Succeeded"), (ScimOutcome.FAILED, "Failed")],
        error_messages={"invalid_choice": "Use `succeeded` or `refused`, or leave it out for all."},
    )
    resource_type = forms.ChoiceField(
        label="About",
        required=False,
        choices=[("", "Everything"), ("User", "People"), ("Group", "Groups")],
        error_messages={"invalid_choice": "Use User or Group, or leave it out for everything."},
    )
    resource_id = forms.CharField(required=False, max_length=_MAX_ID_LENGTH, widget=forms.HiddenInput)
    method = forms.ChoiceField(
        label="Method",
        required=False,
        choices=[("", "All"), *_METHODS.items()],
        error_messages={"invalid_choice": f"Use {', '.join(_METHODS)}, or leave it out for all."},
    )
    since = _TimestampField("From")
    until = _TimestampField("Until")

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
        """The filter. A resource id implies the resource type, which is left out."""
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
    """Filter and page of the log."""


class FileFormat(StrEnum):
    """File formats of the export."""

    CSV = "csv"
    JSON_LINES = "jsonl"


class ExportForm(LogFilter):
    """Filter and file format of the export."""

    file_format = forms.TypedChoiceField(choices=[(one, one) for one in FileFormat], coerce=FileFormat)
