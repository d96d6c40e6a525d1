"""What the address of the list of groups can say."""

from typing import Any

from django import forms
from django.http import QueryDict

from portal.web.listing import ListQuery

_LONGEST_NAME = 256


class GroupsQuery(ListQuery):
    """Which page of groups, and what to search for."""

    q = forms.CharField(
        label="Search by name",
        required=False,
        max_length=_LONGEST_NAME,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: QueryDict, *, searchable: bool, **options: Any) -> None:
        super().__init__(data, **options)
        if not searchable:
            del self.fields["q"]

    @property
    def search(self) -> str:
        """What to search for, "" for all and where the directory can't search."""
        return str(self.cleaned_data.get("q", ""))
