"""Query parameters of the list of members."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.http import QueryDict

from portal.directory.members import MIN_ADDRESS_PART, MemberFilter, MemberState, SignInMethod
from portal.directory.policy import MEMBER_ROLE, role_name
from portal.web.exports import FileFormat
from portal.web.listing import ListQuery

_MAX_LENGTH = 200
_CHOICES = {"yes": True, "no": False}


class MemberQuery(ListQuery):
    """Filter and page of the list of members."""

    q = forms.CharField(
        label="Search members", required=False, max_length=_MAX_LENGTH, widget=forms.TextInput(attrs={"type": "search"})
    )
    state = forms.ChoiceField(
        label="Status",
        required=False,
        choices=[
            ("", "Active and invited"),
            (MemberState.ACTIVE, "Active"),
            (MemberState.INVITED, "Invited"),
            (MemberState.DEACTIVATED, "Deactivated"),
        ],
    )
    role = forms.ChoiceField(label="Role", required=False)
    managed = forms.ChoiceField(
        label="Managed by",
        required=False,
        choices=[("", "Managed by anyone"), ("yes", "Managed by the identity provider"), ("no", "Not managed")],
    )
    method = forms.ChoiceField(
        label="Sign-in method",
        required=False,
        choices=[
            ("", "Any sign-in"),
            (SignInMethod.PASSWORD, "With a password"),
            (SignInMethod.PASSKEY, "With a passkey"),
            (SignInMethod.NONE, "With neither"),
        ],
    )
    mfa = forms.ChoiceField(
        label="Second factor",
        required=False,
        choices=[("", "Any second factor"), ("yes", "Has a second factor"), ("no", "No second factor")],
    )

    def __init__(self, data: QueryDict, *, role_ids: Iterable[str], searches_names: bool, **options: Any) -> None:
        super().__init__(data, **options)
        if not searches_names:
            for name in ("managed", "method", "mfa"):
                del self.fields[name]
        # Every member has it.
        given = sorted((role_name(role_id), role_id) for role_id in role_ids if role_id != MEMBER_ROLE)
        self.fields["role"].choices = [("", "Any role"), *((role_id, name) for name, role_id in given)]  # type: ignore[attr-defined]  # -- a ChoiceField
        placeholder = "Search by name or email" if searches_names else "Search by email"
        self.fields["q"].widget.attrs["placeholder"] = placeholder
        self._searches_names = searches_names

    def clean_q(self) -> str:
        """Return the text to search for. Reject one that a search by email address would ignore, and so find everyone."""
        text: str = self.cleaned_data["q"]
        if text and not self._searches_names and max(map(len, text.split())) < MIN_ADDRESS_PART:
            raise forms.ValidationError(f"Enter at least {MIN_ADDRESS_PART} characters of an email address.")
        return text

    @property
    def wanted(self) -> MemberFilter:
        """The filter."""
        chosen = self.cleaned_data
        state = MemberState(chosen["state"]) if chosen["state"] else None
        return MemberFilter(
            text=chosen["q"],
            state=state,
            role_id=chosen["role"],
            sign_in=SignInMethod(chosen["method"]) if chosen.get("method") else None,
            has_second_factor=_CHOICES.get(chosen.get("mfa", "")),
            is_managed=_CHOICES.get(chosen.get("managed", "")),
        )

    @property
    def given(self) -> tuple[tuple[str, str], ...]:
        """The filter as names and values, for the form of an export."""
        chosen = getattr(self, "cleaned_data", {})
        return tuple((name, str(chosen[name])) for name in self.fields if name != "limit" and chosen.get(name))


class ExportQuery(MemberQuery):
    """Filter and file format of an export."""

    file_format = forms.TypedChoiceField(choices=[(one, one) for one in FileFormat], coerce=FileFormat)
