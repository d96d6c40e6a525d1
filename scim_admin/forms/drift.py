"""The query and the form of the drift page."""

from enum import StrEnum
from typing import Any

from django import forms
from django.http import QueryDict

from portal.web.listing import ListQuery


class DriftKind(StrEnum):
    """The kinds of differences, one list each."""

    CHANGED = "changed"
    UNMANAGED = "unmanaged"
    GROUP_ROLES = "group-roles"
    UNMAPPED = "unmapped"

    @property
    def label(self) -> str:
        """The label of the list in the navigation."""
        return _LABELS[self]


_LABELS = {
    DriftKind.CHANGED: "Changed manually",
    DriftKind.UNMANAGED: "Not managed",
    DriftKind.GROUP_ROLES: "Groups deleted or renamed",
    DriftKind.UNMAPPED: "Groups without a role",
}


class DriftQuery(ListQuery):
    """The kind and the page to show."""

    kind = forms.TypedChoiceField(
        choices=[(kind, kind.label) for kind in DriftKind],
        coerce=DriftKind,
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": f"Use {', '.join(DriftKind)}."},
    )

    def __init__(self, data: QueryDict, **options: Any) -> None:
        super().__init__(data, **options)
        self.data = {"kind": DriftKind.CHANGED.value, **self.data}


class TakeForm(forms.Form):
    """The person to match with the identity provider, and the differences that were shown."""

    user_id = forms.CharField(max_length=100)
    version = forms.CharField(max_length=100)
