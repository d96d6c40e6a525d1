"""What the address of the list of people can say."""

from django import forms

from portal.directory.scim.users import ScimUserState
from portal.web.listing import ListQuery

_LONGEST_SEARCH = 256


class PeopleQuery(ListQuery):
    """Which page of people, what to search for, and in which state they are."""

    q = forms.CharField(
        label="Search by name, userName or email",
        required=False,
        max_length=_LONGEST_SEARCH,
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
        """What to search for, "" for all."""
        return str(self.cleaned_data["q"])

    @property
    def chosen_state(self) -> ScimUserState | None:
        """Which state is asked for, None for all."""
        chosen = self.cleaned_data["state"]
        return ScimUserState(chosen) if chosen else None
