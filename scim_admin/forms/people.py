"""What the address of the list of people can say."""

from django import forms

from portal.directory.scim_people import ScimPersonState
from portal.web.listing import ListQuery

_LONGEST_PREFIX = 256


class PeopleQuery(ListQuery):
    """Which page of people, how their userName or e-mail address begins, and in which state they are."""

    q = forms.CharField(
        label="userName or e-mail begins with",
        required=False,
        max_length=_LONGEST_PREFIX,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    state = forms.ChoiceField(
        label="State",
        required=False,
        choices=[
            ("", "All"),
            (ScimPersonState.ACTIVE, "Active"),
            (ScimPersonState.DEACTIVATED, "Deactivated"),
            (ScimPersonState.CANNOT_SIGN_IN, "Can’t sign in"),
        ],
        error_messages={"invalid_choice": "Use active, deactivated or cannot-sign-in, or leave it out for all."},
    )

    field_order = ("q", "state", "limit")

    @property
    def name_prefix(self) -> str:
        """How the userName or the e-mail address begins, "" for all."""
        return str(self.cleaned_data["q"])

    @property
    def chosen_state(self) -> ScimPersonState | None:
        """Which state is asked for, None for all."""
        chosen = self.cleaned_data["state"]
        return ScimPersonState(chosen) if chosen else None
