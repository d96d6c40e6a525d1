"""The organization's SCIM connection."""

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
        """The product name of the provider."""
        return _IDENTITY_PROVIDER_LABELS[self]

    @property
    def in_text(self) -> str:
        """The provider in a sentence: its product name, or "your identity provider" if that isn't known."""
        return "your identity provider" if self is ScimIdentityProvider.GENERIC else self.label


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
    """The organization's connection to its IdP, with only the last four characters of the token."""

    connection_id: str
    organization_id: str
    status: ScimConnectionStatus
    display_name: str
    identity_provider: ScimIdentityProvider
    base_url: str
    bearer_token_last_four: str
    bearer_token_expires_at: datetime | None
    # A change of the identity provider that was rejected to keep the organization usable, until one succeeds; "" for none.
    attention: str = ""
    attention_at: datetime | None = None
    # When the hold on deactivations started, and until when approved ones are accepted.
    hold_started_at: datetime | None = None
    hold_approved_until: datetime | None = None
    # How many conflicts wait for a decision, at most MAX_COUNTED.
    waiting_conflicts: int = 0
    # When provisioning was paused, and the name of the admin who paused it.
    paused_at: datetime | None = None
    paused_by: str = ""
    # None if the directory doesn't say it.
    created_at: datetime | None = None

    @property
    def entered_url(self) -> str:
        """The base URL as an admin enters it; for Entra with Microsoft's flag for requests that follow RFC 7644."""
        is_entra = self.identity_provider is ScimIdentityProvider.MICROSOFT_ENTRA
        return f"{self.base_url}?aadOptscim062020" if is_entra else self.base_url

    @property
    def version(self) -> str:
        """What a change of the name or identity provider must name as seen."""
        return connection_version(self.display_name, self.identity_provider)


def connection_version(display_name: str, identity_provider: str) -> str:
    """Return a hash of the name and identity provider of a connection."""
    return hashlib.sha256(f"{identity_provider} {display_name}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class NewScimConnection:
    """A connection with a new token, which can't be read again."""

    connection: ScimConnection
    bearer_token: str = field(repr=False)


class ScimConnectionGateway(Protocol):
    """The organization's SCIM connection. Reading needs `stytch.scim:get`, changing `stytch.scim:update`."""

    def get(self) -> ScimConnection | None:
        """Return the active connection, or None; an organization has at most one (Stytch: scim.connection.get)."""
        ...

    def create(self, *, display_name: str, identity_provider: ScimIdentityProvider) -> NewScimConnection:
        """Create the connection with its first token; needs `stytch.scim:create`.

        Raise Invalid, Conflict if there is an active connection, or StepUpRequired unless the password was entered
        recently (portal.directory.step_up).
        """
        ...

    def update(
        self, connection_id: str, *, display_name: str, identity_provider: ScimIdentityProvider, version: str
    ) -> ScimConnection:
        """Change the connection's name and identity provider; tokens, users and groups stay.

        Raise NotFound, Invalid, or Conflict if the connection changed after `version` (ScimConnection.version).
        """
        ...
