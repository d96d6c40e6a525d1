"""Organizations, as the JSON API asks a directory for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from portal.directory.pages import DEFAULT_LIMIT
from portal.directory.policy import Role
from portal.directory.search import Found, Operand

ALL_ALLOWED, RESTRICTED, NOT_ALLOWED = "ALL_ALLOWED", "RESTRICTED", "NOT_ALLOWED"
PASSWORD = "password"  # noqa: S105 -- a word of allowed_auth_methods


@dataclass(frozen=True, slots=True)
class EmailImplicitRoleAssignment:
    """A role that every member has whose e-mail address is of a domain."""

    domain: str
    role_id: str


@dataclass(frozen=True, slots=True)
class OrganizationSettings:
    """What an organization decides of how people come in, sign in, and what they get by that."""

    sso_jit_provisioning: str = ALL_ALLOWED
    sso_jit_provisioning_allowed_connections: tuple[str, ...] = ()
    sso_default_connection_id: str = ""
    email_jit_provisioning: str = NOT_ALLOWED
    email_invites: str = ALL_ALLOWED
    auth_methods: str = ALL_ALLOWED
    allowed_auth_methods: tuple[str, ...] = ()
    mfa_policy: str = "OPTIONAL"
    mfa_methods: str = ALL_ALLOWED
    allowed_mfa_methods: tuple[str, ...] = ()
    oauth_tenant_jit_provisioning: str = NOT_ALLOWED
    allowed_oauth_tenants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claimed_email_domains: tuple[str, ...] = ()
    first_party_connected_apps_allowed_type: str = ALL_ALLOWED
    allowed_first_party_connected_apps: tuple[str, ...] = ()
    third_party_connected_apps_allowed_type: str = ALL_ALLOWED
    allowed_third_party_connected_apps: tuple[str, ...] = ()
    rbac_email_implicit_role_assignments: tuple[EmailImplicitRoleAssignment, ...] = ()

    @property
    def allows_passwords(self) -> bool:
        """Say whether members may sign in by password; it does not hold of those who are there for an emergency."""
        return self.auth_methods != RESTRICTED or PASSWORD in self.allowed_auth_methods


DEFAULT_SETTINGS = OrganizationSettings()


@dataclass(frozen=True, slots=True)
class ActiveScimConnection:
    """What an organization says of its SCIM connection (Stytch: ActiveSCIMConnection)."""

    connection_id: str
    display_name: str
    bearer_token_last_four: str
    bearer_token_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Organization:
    """A customer of the product: the boundary that nothing crosses.

    All but the first three are only told by the embedded directory, `scim_active_connection` to the JSON API alone.
    """

    organization_id: str
    organization_name: str
    organization_slug: str
    organization_logo_url: str = ""
    organization_external_id: str = ""
    email_allowed_domains: tuple[str, ...] = ()
    settings: OrganizationSettings = DEFAULT_SETTINGS
    # Beside those of the project's policy.
    custom_roles: tuple[Role, ...] = ()
    trusted_metadata: Mapping[str, Any] = field(default_factory=dict)
    scim_active_connection: ActiveScimConnection | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


RESOURCE = "stytch.organization"
# The action that each field needs of a member (Stytch: Update Organization). What has none is for the project alone.
FIELD_ACTIONS: Mapping[str, str] = {
    "organization_name": "update.info.name",
    "organization_slug": "update.info.slug",
    "organization_logo_url": "update.info.logo-url",
    "sso_default_connection_id": "update.settings.default-sso-connection",
    "sso_jit_provisioning": "update.settings.sso-jit-provisioning",
    "sso_jit_provisioning_allowed_connections": "update.settings.sso-jit-provisioning",
    "email_allowed_domains": "update.settings.allowed-domains",
    "email_jit_provisioning": "update.settings.email-jit-provisioning",
    "email_invites": "update.settings.email-invites",
    "auth_methods": "update.settings.allowed-auth-methods",
    "allowed_auth_methods": "update.settings.allowed-auth-methods",
    "mfa_policy": "update.settings.mfa-policy",
    "mfa_methods": "update.settings.allowed-mfa-methods",
    "allowed_mfa_methods": "update.settings.allowed-mfa-methods",
    "oauth_tenant_jit_provisioning": "update.settings.oauth-tenant-jit-provisioning",
    "allowed_oauth_tenants": "update.settings.allowed-oauth-tenants",
    "rbac_email_implicit_role_assignments": "update.settings.implicit-roles",
}
PROJECT_ONLY = (
    "trusted_metadata",
    "organization_external_id",
    "claimed_email_domains",
    "first_party_connected_apps_allowed_type",
    "allowed_first_party_connected_apps",
    "third_party_connected_apps_allowed_type",
    "allowed_third_party_connected_apps",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationChanges:
    """What is given, by Stytch's names; None leaves a thing as it is, or at its default.

    Of `trusted_metadata` the keys that are given are replaced, and those that are null taken away.
    """

    organization_name: str | None = None
    organization_slug: str | None = None
    organization_logo_url: str | None = None
    organization_external_id: str | None = None
    trusted_metadata: Mapping[str, Any] | None = None
    email_allowed_domains: Sequence[str] | None = None
    sso_jit_provisioning: str | None = None
    sso_jit_provisioning_allowed_connections: Sequence[str] | None = None
    sso_default_connection_id: str | None = None
    email_jit_provisioning: str | None = None
    email_invites: str | None = None
    auth_methods: str | None = None
    allowed_auth_methods: Sequence[str] | None = None
    mfa_policy: str | None = None
    mfa_methods: str | None = None
    allowed_mfa_methods: Sequence[str] | None = None
    oauth_tenant_jit_provisioning: str | None = None
    allowed_oauth_tenants: Mapping[str, Sequence[str]] | None = None
    claimed_email_domains: Sequence[str] | None = None
    first_party_connected_apps_allowed_type: str | None = None
    allowed_first_party_connected_apps: Sequence[str] | None = None
    third_party_connected_apps_allowed_type: str | None = None
    allowed_third_party_connected_apps: Sequence[str] | None = None
    rbac_email_implicit_role_assignments: Sequence[EmailImplicitRoleAssignment] | None = None


class OrganizationGateway(Protocol):
    """The organization itself."""

    def get(self) -> Organization:
        """Return the organization. Raises NotFound when there is none of this slug."""
        ...


class ProjectOrganizationGateway(OrganizationGateway, Protocol):
    """The organization, which may be changed and deleted. What is given on behalf of a member needs rights field by field."""

    def whole(self) -> Organization:
        """Return the organization with its SCIM connection."""
        ...

    def member_count(self) -> int:
        """Return how many members it has; deleted ones do not count. It takes longer the more there are."""
        ...

    def update(self, changes: OrganizationChanges) -> Organization:
        """Change what is given, all of it or nothing, and return the whole (Stytch: organizations.update).

        Raises Invalid, Refused, Conflict: where slug or external id are taken, where nobody would be left as admin.
        """
        ...

    def delete_external_id(self) -> Organization:
        """Forget what the product calls it; harmless where there is nothing. Only the project may: raises Refused."""
        ...

    def delete(self) -> str:
        """Delete it and return its id; needs `stytch.organization:delete`. Raises Refused.

        Its members are deleted and their sessions end, its SCIM connection too; slug and external id are free again.
        """
        ...


class OrganizationsGateway(Protocol):
    """All organizations of the project; only the project itself reaches them."""

    def create(self, new: OrganizationChanges) -> Organization:
        """Make an organization; without a slug one is made of its name. Raises Invalid, Conflict."""
        ...

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Organization]:
        """Return a page of those that all operands find (Stytch: organizations.search).

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor.
        """
        ...

    def several(self, organization_ids: Sequence[str]) -> tuple[Organization, ...]:
        """Return those of these ids, slugs or external ids, each once and whole. Raises NotFound where there is one not."""
        ...
