"""What the drift page is asked, and told."""

from enum import StrEnum
from typing import Any

from django import forms
from django.http import QueryDict

from portal.web.listing import ListQuery


class Kind(StrEnum):
    """In which way the organization is not as the identity provider says."""

    CHANGED = "changed"
    UNMANAGED = "unmanaged"
    GROUP_ROLES = "group-roles"
    UNMAPPED = "unmapped"

    @property
    def label(self) -> str:
        """What the entry of the navigation says."""
        return _LABELS[self]


_LABELS = {
    Kind.CHANGED: "Changed by hand",
    Kind.UNMANAGED: "Not managed",
    Kind.GROUP_ROLES: "Groups gone or renamed",
    Kind.UNMAPPED: "Groups without a role",
}


class DriftQuery(ListQuery):
    """Which page, and of which kind."""

    kind = forms.TypedChoiceField(
        choices=[(kind, kind.label) for kind in Kind],
        coerce=Kind,
        widget=forms.HiddenInput,
        error_messages={"invalid_choice": f"Use {', '.join(Kind)}."},
    )

    def __init__(self, data: QueryDict, **options: Any) -> None:
        super().__init__(data, **options)
        self.data = {"kind": Kind.CHANGED.value, **self.data}


class TakeForm(forms.Form):
    """Whose values to take, and which differences were shown."""

    user_id = forms.CharField(max_length=100)
    version = forms.CharField(max_length=100)
