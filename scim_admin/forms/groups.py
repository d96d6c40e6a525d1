"""What the address of the list of groups can say."""

from typing import Any

from django import forms
from django.http import QueryDict

from portal.web.listing import ListQuery

_LONGEST_NAME = 256


class GroupsQuery(ListQuery):
    """Which page of groups, and how their names begin."""

    q = forms.CharField(
        label="Group name begins with",
        required=False,
        max_length=_LONGEST_NAME,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )

    def __init__(self, data: QueryDict, *, searchable: bool, **options: Any) -> None:
        super().__init__(data, **options)
        if not searchable:
            del self.fields["q"]

    @property
    def name_prefix(self) -> str:
        """How the names begin, "" for all; also where the directory cannot search."""
        return str(self.cleaned_data.get("q", ""))
