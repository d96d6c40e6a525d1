"""The query of the list of groups."""

from typing import Any

from django import forms
from django.http import QueryDict

from portal.web.listing import ListQuery

_MAX_SEARCH_LENGTH = 256


class GroupsQuery(ListQuery):
    """Filter and page size of the list of groups. Without `searchable`, there is no filter."""

    q = forms.CharField(
        label="Search by name",
        required=False,
        max_length=_MAX_SEARCH_LENGTH,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: QueryDict, *, searchable: bool, **options: Any) -> None:
        super().__init__(data, **options)
        if not searchable:
            del self.fields["q"]

    @property
    def search(self) -> str:
        """The text to search for, or ""."""
        return str(self.cleaned_data.get("q", ""))
