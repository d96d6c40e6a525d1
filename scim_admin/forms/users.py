"""The query of the list of people."""

from django import forms

from portal.directory.scim.users import ScimUserState
from portal.web.listing import ListQuery

_MAX_SEARCH_LENGTH = 256


class PeopleQuery(ListQuery):
    """Filters and page size of the list of people."""

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

    field_order = ("q", "state", "limit")

    @property
    def search(self) -> str:
        """The text to search for, or ""."""
        return str(self.cleaned_data["q"])

    @property
    def chosen_state(self) -> ScimUserState | None:
        """The state to filter by, or None."""
        chosen = self.cleaned_data["state"]
        return ScimUserState(chosen) if chosen else None
