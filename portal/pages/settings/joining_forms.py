"""The forms of Settings › Joining: invitations, and joining without one."""

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
    organization_version,
)

INVITES: Mapping[str, str] = {
    NOT_ALLOWED: "Off",
    RESTRICTED: "People at allowed domains",
    ALL_ALLOWED: "Anyone",
}
# Stytch's names of the providers whose tenants can be allowed, as people know them.
TENANTS: Mapping[str, str] = {"github": "GitHub", "slack": "Slack", "hubspot": "HubSpot"}
_LABELS = {name: f"{label} IDs" for name, label in TENANTS.items()}
_MAX_TENANTS, _MAX_LENGTH = 100, 5000


class SettingsForm(forms.Form):
    """A form with some of the settings. Those that the member may not change aren't sent, and don't change."""

    names: Sequence[str] = ()
    version = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: QueryDict | None = None, *, organization: Organization) -> None:
        self.organization = organization
        super().__init__(data, initial={"version": organization_version(organization, *self.names)})

    def renewed(self, organization: Organization) -> Self:
        """Return the form as it was sent, with the version of now, so that sending it again replaces what is stored."""
        self.data = cast("QueryDict", self.data).copy()
        self.data["version"] = organization_version(organization, *self.names)
        return self

    def sends(self, name: str) -> bool:
        """Say whether the browser sent a setting. A switch that is off is sent by the name of the setting only."""
        return name in cast("QueryDict", self.data).getlist("editable")

    @property
    def given(self) -> Mapping[str, Any]:
        """The values of a valid form by setting."""
        raise NotImplementedError

    @property
    def changes(self) -> OrganizationChanges:
        """What a valid form changes."""
        before = self.organization.settings
        return OrganizationChanges(
            **{name: value for name, value in self.given.items() if value != getattr(before, name)}
        )


class InvitesForm(SettingsForm):
    """Who can be invited by email."""

    names = ("email_invites",)
    email_invites = forms.ChoiceField(choices=list(INVITES.items()), required=False)

    @property
    def given(self) -> Mapping[str, Any]:
        """The values of a valid form by setting."""
        chosen = self.cleaned_data["email_invites"]
        return {"email_invites": chosen} if chosen else {}

    @property
    def chosen(self) -> str:
        """The choice to show."""
        return str(self.data.get("email_invites") or self.organization.settings.email_invites)


class JoinForm(SettingsForm):
    """Who joins without an invitation: by email domain, or with a tenant of an OAuth provider."""

    names = ("email_jit_provisioning", "oauth_tenant_jit_provisioning", "allowed_oauth_tenants")
    email_jit_provisioning = forms.BooleanField(required=False)
    oauth_tenant_jit_provisioning = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict | None = None, *, organization: Organization) -> None:
        super().__init__(data, organization=organization)
        allowed = organization.settings.allowed_oauth_tenants
        for name in TENANTS:
            self.fields[f"tenants_{name}"] = forms.CharField(
                label=_LABELS[name],
                required=False,
                max_length=_MAX_LENGTH,
                initial="\n".join(allowed.get(name, ())),
                widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "none"}),
                help_text="The provider’s IDs of its organizations, one on each line.",
            )

    def clean(self) -> dict[str, Any]:
        """Read the tenants, one on each line, each once."""
        cleaned: dict[str, Any] = super().clean() or {}
        for name in TENANTS:
            tenants = [one.strip() for one in cleaned.get(f"tenants_{name}", "").splitlines()]
            cleaned[f"tenants_{name}"] = tuple(dict.fromkeys(one for one in tenants if one))
            if len(cleaned[f"tenants_{name}"]) > _MAX_TENANTS:
                self.add_error(f"tenants_{name}", f"Enter at most {_MAX_TENANTS} IDs.")
        return cleaned

    @property
    def given(self) -> Mapping[str, Any]:
        """The values of a valid form by setting."""
        values: dict[str, Any] = {
            name: RESTRICTED if self.cleaned_data[name] else NOT_ALLOWED
            for name in ("email_jit_provisioning", "oauth_tenant_jit_provisioning")
            if self.sends(name)
        }
        if self.sends("allowed_oauth_tenants"):
            tenants = {name: self.cleaned_data[f"tenants_{name}"] for name in TENANTS}
            before = self.organization.settings.allowed_oauth_tenants
            values["allowed_oauth_tenants"] = {
                name: found for name, found in tenants.items() if found or name in before
            }
        return values

    def is_on(self, name: str) -> bool:
        """Say whether to show a switch as on."""
        if self.is_bound and self.sends(name):
            return name in self.data
        return bool(getattr(self.organization.settings, name) == RESTRICTED)

    @property
    def has_tenants(self) -> bool:
        """Whether a list of tenants has entries or errors."""
        return any(one.value() or one.errors for one in self.tenant_fields)

    @property
    def tenant_fields(self) -> list[forms.BoundField]:
        """The lists of tenants."""
        return [self[f"tenants_{name}"] for name in TENANTS]
