"""The forms of Settings › Sign-in: which methods are allowed, and who needs which second factor."""

from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

from django import forms
from django.http import QueryDict

from portal.directory.organizations import (
    ALL_ALLOWED,
    NOT_ALLOWED,
    RESTRICTED,
    Organization,
    OrganizationChanges,
    OrganizationSettings,
    organization_version,
)
from portal.directory.second_factors import METHODS, OPTIONAL, PASSKEY, REQUIRED_FOR_ALL, SMS_OTP, TOTP
from portal.directory.sign_in_settings import MethodReview
from portal.web.sign_in_methods import OWN_METHODS

FACTORS: Mapping[str, str] = {
    PASSKEY: "Passkey or security key",
    TOTP: "Authenticator app",
    SMS_OTP: "Text message",
}
OF_METHODS = ("auth_methods", "allowed_auth_methods")
_OF_MFA = ("mfa_policy", "mfa_required_for_admins", "mfa_methods", "allowed_mfa_methods", "passkeys")
_EVERYONE, _ADMINS, _OPTIONAL = "everyone", "admins", "optional"
# Selected where nobody becomes one.
_NOBODY = ""


class MethodsForm(forms.Form):
    """The methods to allow, and the version of those that the member saw."""

    methods = forms.MultipleChoiceField(
        choices=list(OWN_METHODS.items()), error_messages={"required": "Allow at least one method."}
    )
    version = forms.CharField(widget=forms.HiddenInput, required=False)
    # The directory checks it. The choices are those of the review, which a sent form doesn't need again.
    emergency_admin = forms.CharField(
        label="Emergency admin",
        required=False,
        max_length=128,
        widget=forms.Select,
        help_text="They can always sign in, with any method. The activity log says so.",
    )

    def offer(self, review: MethodReview) -> None:
        """Offer the admins who could become emergency admins."""
        people = [(one.member_id, one.name or one.email_address) for one in review.candidates]
        cast("forms.Select", self.fields["emergency_admin"].widget).choices = [(_NOBODY, "No one new"), *people]

    def renewed(self, organization: Organization) -> Self:
        """Return the form as it was sent, with the version of now, so that sending it again replaces what is stored."""
        self.data = cast("QueryDict", self.data).copy()
        self.data["version"] = organization_version(organization, *OF_METHODS)
        return self

    @property
    def chosen(self) -> tuple[str, ...]:
        """The chosen methods of a valid form, in the order shown."""
        return tuple(one for one in OWN_METHODS if one in self.cleaned_data["methods"])


def allowed_after(settings: OrganizationSettings, chosen: Sequence[str]) -> tuple[str, ...]:
    """Return the methods to store: those chosen, and others that were listed before, which the page doesn't show."""
    others = [one for one in settings.allowed_auth_methods if one not in OWN_METHODS]
    return (*chosen, *(others if settings.auth_methods == RESTRICTED else ()))


def allowed_now(settings: OrganizationSettings) -> tuple[str, ...]:
    """Return the methods of the page that are allowed."""
    return tuple(one for one in OWN_METHODS if settings.allows(one))


class SecondFactorForm(forms.Form):
    """Who needs a second factor, and which ones count. A member may be allowed to change only one of the two."""

    policy = forms.ChoiceField(required=False, choices=[(one, one) for one in (_OPTIONAL, _ADMINS, _EVERYONE)])
    factors = forms.MultipleChoiceField(required=False, choices=list(FACTORS.items()))
    version = forms.CharField(widget=forms.HiddenInput, required=False)
    # Whether it was filled in before the member confirmed that it's them, and isn't saved yet.
    is_kept = False

    def __init__(self, data: QueryDict | None = None, *, organization: Organization, has_own: bool) -> None:
        """`has_own` says whether the directory stores what Stytch's settings can't say."""
        self._settings, self._has_own = organization.settings, has_own
        initial = {
            "policy": policy_of(organization.settings),
            "factors": _factors_of(organization.settings, has_own=has_own),
            "version": organization_version(organization, *self._names),
        }
        super().__init__(data, initial=initial)

    @property
    def _names(self) -> tuple[str, ...]:
        return _OF_MFA if self._has_own else tuple(one for one in _OF_MFA if not _is_own(one))

    def clean(self) -> dict[str, Any]:
        """Require a factor that products can ask for."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "factors" in cleaned and self._sends_factors and not set(METHODS) & set(cleaned["factors"]):
            self.add_error("factors", "Accept an authenticator app or text messages: products can’t ask for passkeys.")
        return cleaned

    @property
    def changes(self) -> OrganizationChanges:
        """What a valid form changes."""
        values: dict[str, Any] = {}
        policy = self.cleaned_data["policy"]
        if policy and policy != policy_of(self._settings):
            values["mfa_policy"] = REQUIRED_FOR_ALL if policy == _EVERYONE else OPTIONAL
            if self._has_own:
                values["mfa_required_for_admins"] = policy == _ADMINS
        factors = set(self.cleaned_data["factors"])
        if self._sends_factors and factors != set(_factors_of(self._settings, has_own=self._has_own)):
            allowed = [one for one in METHODS if one in factors]
            is_all = len(allowed) == len(METHODS)
            values["mfa_methods"] = ALL_ALLOWED if is_all else RESTRICTED
            values["allowed_mfa_methods"] = [] if is_all else allowed
            if self._has_own:
                # What follows from Stytch's setting needs no own one.
                own = ALL_ALLOWED if PASSKEY in factors else NOT_ALLOWED
                values["passkeys"] = "" if is_all is (PASSKEY in factors) else own
        return OrganizationChanges(**values)

    @property
    def _sends_factors(self) -> bool:
        """Whether the browser sent the factors: it leaves out those of a member who may not change them."""
        return "factors" in self.data or "with_factors" in self.data

    def renewed(self, organization: Organization) -> Self:
        """Return the form as it was sent, with the version of now, so that sending it again replaces what is stored."""
        self.data = cast("QueryDict", self.data).copy()
        self.data["version"] = organization_version(organization, *self._names)
        return self

    @property
    def shown(self) -> tuple[str, Sequence[str]]:
        """The policy and the factors to show: as they were sent, or as they are stored."""
        if not self.is_bound:
            return self.initial["policy"], self.initial["factors"]
        data = cast("QueryDict", self.data)
        factors = data.getlist("factors") if self._sends_factors else self.initial["factors"]
        return data.get("policy") or self.initial["policy"], factors


def policy_of(settings: OrganizationSettings) -> str:
    """Return the choice of the form that an organization has."""
    if settings.mfa_policy == REQUIRED_FOR_ALL:
        return _EVERYONE
    return _ADMINS if settings.mfa_required_for_admins else _OPTIONAL


def policy_text(settings: OrganizationSettings) -> str:
    """Return that choice in words."""
    return {_EVERYONE: "required for everyone", _ADMINS: "required for admins", _OPTIONAL: "optional"}[
        policy_of(settings)
    ]


def _factors_of(settings: OrganizationSettings, *, has_own: bool) -> Sequence[str]:
    passkeys = [PASSKEY] if has_own and settings.allows_passkeys else []
    return [*passkeys, *settings.second_factors]


def _is_own(name: str) -> bool:
    return name in {"mfa_required_for_admins", "passkeys"}
