"""The organization's SCIM connection and its tokens."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class ScimConnectionStatus(StrEnum):
    """Stytch's states of a SCIM connection."""

    ACTIVE = "active"
    DELETED = "deleted"


class ScimIdentityProvider(StrEnum):
    """Every identity provider that Stytch's API names for SCIM."""

    GENERIC = "generic"
    OKTA = "okta"
    MICROSOFT_ENTRA = "microsoft-entra"
    CYBERARK = "cyberark"
    JUMPCLOUD = "jumpcloud"
    ONELOGIN = "onelogin"
    PINGFEDERATE = "pingfederate"
    RIPPLING = "rippling"

    @property
    def label(self) -> str:
        """The name under which the provider sells itself."""
        return _IDENTITY_PROVIDER_LABELS[self]


_IDENTITY_PROVIDER_LABELS = {
    ScimIdentityProvider.GENERIC: "Generic SCIM 2.0",
    ScimIdentityProvider.OKTA: "Okta",
    ScimIdentityProvider.MICROSOFT_ENTRA: "Microsoft Entra ID",
    ScimIdentityProvider.CYBERARK: "CyberArk",
    ScimIdentityProvider.JUMPCLOUD: "JumpCloud",
    ScimIdentityProvider.ONELOGIN: "OneLogin",
    ScimIdentityProvider.PINGFEDERATE: "PingFederate",
    ScimIdentityProvider.RIPPLING: "Rippling",
}


@dataclass(frozen=True, slots=True)
class ScimConnection:
    """The organization's link to its IdP; the token itself is never here, only its last four characters."""

    connection_id: str
    organization_id: str
    status: ScimConnectionStatus
    display_name: str
    identity_provider: ScimIdentityProvider
    base_url: str
    bearer_token_last_four: str
    bearer_token_expires_at: datetime | None
    # What was refused in order to keep the organization usable, until the identity provider succeeds; "" for nothing.
    attention: str = ""
    attention_at: datetime | None = None
    # Since when deactivations wait for an approval, and until when they go on after one (ScimFeature.SAFEGUARD).
    hold_started_at: datetime | None = None
    hold_approved_until: datetime | None = None
    # How many people wait for a decision; from MAX_COUNTED on, so many or more.
    waiting_conflicts: int = 0
    # Since when every call is refused, and the name of the admin who wants it so (ScimFeature.PAUSE).
    paused_at: datetime | None = None
    paused_by: str = ""

    @property
    def entered_url(self) -> str:
        """The base URL as an admin enters it: for Entra with Microsoft's own switch to requests that keep to RFC 7644."""
        is_entra = self.identity_provider is ScimIdentityProvider.MICROSOFT_ENTRA
        return f"{self.base_url}?aadOptscim062020" if is_entra else self.base_url

    @property
    def version(self) -> str:
        """What a change of its name or identity provider must say that it has seen."""
        return connection_version(self.display_name, self.identity_provider)


def connection_version(display_name: str, identity_provider: str) -> str:
    """Return what tells a connection from itself before a change."""
    return hashlib.sha256(f"{identity_provider} {display_name}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class NewScimConnection:
    """A connection with a token just made, which is shown this once."""

    connection: ScimConnection
    bearer_token: str = field(repr=False)


class ScimConnectionGateway(Protocol):
    """The organization's SCIM connection. Reading needs `stytch.scim:get`, changing `stytch.scim:update`.

    What makes a token raises StepUpRequired unless the password was entered a short while ago (portal.directory.step_up).
    """

    def get(self) -> ScimConnection | None:
        """Return the active connection, or None; an organization has at most one (Stytch: scim.connection.get)."""
        ...

    def create(self, *, display_name: str, identity_provider: ScimIdentityProvider) -> NewScimConnection:
        """Make the connection with its first token; needs `stytch.scim:create`.

        Raises Invalid, Conflict where there is an active one, StepUpRequired.
        """
        ...

    def update(
        self, connection_id: str, *, display_name: str, identity_provider: ScimIdentityProvider, version: str
    ) -> ScimConnection:
        """Rename the connection, and say which identity provider it is for; tokens, people and groups stay.

        Raises NotFound, Invalid, Conflict where it is not as `version` says any more (ScimConnection.version).
        """
        ...
