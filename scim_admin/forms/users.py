"""The query of the list of people."""

from django import forms

from portal.directory.scim.users import ScimUserState
from portal.web.listing import ListQuery

_MAX_SEARCH_LENGTH = 256


class PeopleQuery(ListQuery):
    """Filters and page size of the list of people."""

    q = forms.CharField(
        label="Search by name, userName or email",
        required=False,
        max_length=_MAX_SEARCH_LENGTH,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    state = forms.ChoiceField(
        label="State",
        required=False,
        choices=[
            ("", "All"),
            (ScimUserState.ACTIVE, "Active"),
            (ScimUserState.DEACTIVATED, "Deactivated"),
            (ScimUserState.CANNOT_SIGN_IN, "Can’t sign in"),
        ],
        error_messages={"invalid_choice": "Use active, deactivated or cannot-sign-in, or leave it out for all."},
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
