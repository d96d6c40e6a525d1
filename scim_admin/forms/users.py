"""The query of the list of people."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.http import QueryDict

from portal.directory.scim.users import ScimUserState
from portal.web.listing import ListQuery

_MAX_SEARCH_LENGTH = 256
Choices = Sequence[tuple[str, Any]]


class PeopleQuery(ListQuery):
    """Filters and page size of the list of people. `group_choices` is asked only for a choice or the whole page."""

    q = forms.CharField(
        label="Search people by name, userName or email",
        required=False,
        max_length=_MAX_SEARCH_LENGTH,
        widget=forms.TextInput(
            attrs={"type": "search", "autocomplete": "off", "placeholder": "Search by name or email"}
        ),
    )
    state = forms.ChoiceField(
        label="State",
        required=False,
        choices=[
            ("", "Any status"),
            (ScimUserState.ACTIVE, "Active"),
            (ScimUserState.DEACTIVATED, "Deactivated"),
            (ScimUserState.CANNOT_SIGN_IN, "Can’t sign in"),
        ],
        error_messages={"invalid_choice": "Choose one of the filters in the list."},
    )
    group = forms.ChoiceField(
        label="Group",
        required=False,
        error_messages={"invalid_choice": "This group doesn’t exist. Choose one of the groups in the list."},
    )

    field_order = ("q", "state", "group", "limit")

    def __init__(self, data: QueryDict, *, group_choices: Callable[[], Choices], **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["group"].choices = group_choices  # type: ignore[attr-defined]  # -- a ChoiceField

    @property
    def search(self) -> str:
        """The text to search for, or ""."""
        return str(self.cleaned_data["q"])

    @property
    def group_id(self) -> str:
        """The group to filter by, or ""."""
        return str(self.cleaned_data["group"])

    @property
    def given(self) -> list[tuple[str, str]]:
        """The filters, for the hidden fields of another form."""
        values = ((name, str(self.cleaned_data[name])) for name in ("q", "state", "group"))
        return [(name, value) for name, value in values if value]

    @property
    def chosen_state(self) -> ScimUserState | None:
        """The state to filter by, or None."""
        chosen = self.cleaned_data["state"]
        return ScimUserState(chosen) if chosen else None
