"""The query of the list of groups."""

from typing import Any

from django import forms
from django.http import QueryDict

from portal.directory.scim.group_roles import MAX_GROUPS_AT_ONCE
from portal.directory.scim.groups import ScimGroupOrder
from portal.web.listing import ListQuery

_MAX_SEARCH_LENGTH = 256
_ROLES = {"": None, "with": True, "without": False}


class GroupsQuery(ListQuery):
    """Filters, order, page size and chosen groups of the list of groups. All but the last two need a `searchable` directory."""

    q = forms.CharField(
        label="Search groups by name",
        required=False,
        max_length=_MAX_SEARCH_LENGTH,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "placeholder": "Search by name"}),
    )
    roles = forms.ChoiceField(
        label="Roles",
        required=False,
        choices=[("", "Any roles"), ("with", "With roles"), ("without", "Without roles")],
        error_messages={"invalid_choice": "Choose one of the filters in the list."},
    )

    sort = forms.ChoiceField(
        label="Sort by",
        required=False,
        choices=[("", "By name"), (ScimGroupOrder.NEWEST, "Newest first")],
        error_messages={"invalid_choice": "Choose one of the orders in the list."},
    )

    field_order = ("q", "roles", "sort", "limit")

    def __init__(self, data: QueryDict, *, searchable: bool, **options: Any) -> None:
        super().__init__(data, **options)
        # They aren't a field: a group that doesn't exist can't be chosen, but does no harm in the URL.
        self.chosen = tuple(dict.fromkeys(data.getlist("groups")))[:MAX_GROUPS_AT_ONCE]
        if not searchable:
            del self.fields["q"], self.fields["roles"], self.fields["sort"]

    @property
    def search(self) -> str:
        """The text to search for, or ""."""
        return str(self.cleaned_data.get("q", ""))

    @property
    def order(self) -> ScimGroupOrder:
        """The order of the list."""
        return ScimGroupOrder(self.cleaned_data.get("sort") or ScimGroupOrder.NAME)

    @property
    def given(self) -> list[tuple[str, str]]:
        """The filters and the order, for the hidden fields of another form."""
        values = ((name, str(self.cleaned_data.get(name, ""))) for name in ("q", "roles", "sort"))
        return [(name, value) for name, value in values if value]

    @property
    def grants_roles(self) -> bool | None:
        """Whether only groups that grant roles are listed, or only others; None for all."""
        return _ROLES[self.cleaned_data.get("roles", "")]


class GroupMembersQuery(ListQuery):
    """Search and page size of the people in a group."""

    q = forms.CharField(
        label="Search members by name, userName or email",
        required=False,
        max_length=_MAX_SEARCH_LENGTH,
        widget=forms.TextInput(
            attrs={"type": "search", "autocomplete": "off", "placeholder": "Search by name or email"}
        ),
    )

    field_order = ("q", "limit")

    @property
    def search(self) -> str:
        """The text to search for, or ""."""
        return str(self.cleaned_data["q"])
