"""Organizations: the customers' accounts (Stytch: organizations)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec

from portal.directory.pages import DEFAULT_LIMIT
from portal.directory.policy import Role
from portal.directory.search import Found, Operand
from portal.directory.second_factors import METHODS, OPTIONAL, REQUIRED_FOR_ALL
from portal.directory.themes import INHERITED, Theme

ALL_ALLOWED, RESTRICTED, NOT_ALLOWED = "ALL_ALLOWED", "RESTRICTED", "NOT_ALLOWED"
# Values of allowed_auth_methods.
PASSWORD, MAGIC_LINK, EMAIL_OTP = "password", "magic_link", "email_otp"


@dataclass(frozen=True, slots=True)
class EmailImplicitRoleAssignment:
    """A role of every member whose email address is in a domain."""

    domain: str
    role_id: str


@dataclass(frozen=True, slots=True)
class OrganizationSettings:
    """How people join an organization and sign in to it, and which roles they get by that."""

    sso_jit_provisioning: str = ALL_ALLOWED
    sso_jit_provisioning_allowed_connections: tuple[str, ...] = ()
    sso_default_connection_id: str = ""
    email_jit_provisioning: str = NOT_ALLOWED
    email_invites: str = ALL_ALLOWED
    auth_methods: str = ALL_ALLOWED
    allowed_auth_methods: tuple[str, ...] = ()
    mfa_policy: str = OPTIONAL
    mfa_methods: str = ALL_ALLOWED
    allowed_mfa_methods: tuple[str, ...] = ()
    # Ours: whether admins need a second factor where the policy leaves it to the others, and whether passkeys are one,
    # ALL_ALLOWED or NOT_ALLOWED. "" follows `mfa_methods`.
    mfa_required_for_admins: bool = False
    passkeys: str = ""
    # Ours: for how many days members can have a device remembered, which then isn't asked for a second factor; 0 for never.
    remembered_device_days: int = 0
    # Ours: sessions end when they aren't used for this long, and this long after their start. 0 sets no limit of its own.
    session_idle_minutes: int = 0
    session_duration_minutes: int = 0
    # Ours: how the portal's pages and its emails to members look, where that differs from the project's theme.
    theme: Theme = INHERITED
    oauth_tenant_jit_provisioning: str = NOT_ALLOWED
    allowed_oauth_tenants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    claimed_email_domains: tuple[str, ...] = ()
    first_party_connected_apps_allowed_type: str = ALL_ALLOWED
    allowed_first_party_connected_apps: tuple[str, ...] = ()
    third_party_connected_apps_allowed_type: str = ALL_ALLOWED
    allowed_third_party_connected_apps: tuple[str, ...] = ()
    rbac_email_implicit_role_assignments: tuple[EmailImplicitRoleAssignment, ...] = ()

    def allows(self, auth_method: str) -> bool:
        """Say whether members can sign in by a method of `allowed_auth_methods`. Emergency admins always can."""
        return self.auth_methods != RESTRICTED or auth_method in self.allowed_auth_methods

    @property
    def second_factors(self) -> tuple[str, ...]:
        """The second factors that members can use, of `allowed_mfa_methods`."""
        return tuple(one for one in METHODS if self.mfa_methods != RESTRICTED or one in self.allowed_mfa_methods)

    @property
    def allows_passkeys(self) -> bool:
        """Whether passkeys are second factors on the portal's pages: a list of methods alone excludes them, as it can't name them."""
        return self.passkeys == ALL_ALLOWED if self.passkeys else self.mfa_methods != RESTRICTED

    def requires_second_factor(self, *, is_admin: bool) -> bool:
        """Say whether the organization wants a second factor of its admins, or of the other members."""
        return self.mfa_policy == REQUIRED_FOR_ALL or (is_admin and self.mfa_required_for_admins)


DEFAULT_SETTINGS = OrganizationSettings()
# For a person whose change of settings would replace one that they haven't seen.
CHANGED_IN_THE_MEANTIME = "Someone else changed these settings in the meantime."


@dataclass(frozen=True, slots=True)
class ActiveScimConnection:
    """The summary of an organization's SCIM connection (Stytch: ActiveSCIMConnection)."""

    connection_id: str
    display_name: str
    bearer_token_last_four: str
    bearer_token_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Organization:
    """A customer's account. Nothing of one organization is visible in another.

    Only the embedded directory returns `created_at` and `updated_at`, and `scim_active_connection` only to the JSON API.
    """

    organization_id: str
    organization_name: str
    organization_slug: str
    organization_logo_url: str = ""
    organization_external_id: str = ""
    email_allowed_domains: tuple[str, ...] = ()
    settings: OrganizationSettings = DEFAULT_SETTINGS
    # In addition to the roles of the project's policy.
    custom_roles: tuple[Role, ...] = ()
    trusted_metadata: Mapping[str, Any] = field(default_factory=dict)
    # Of its own pages that may frame the portal (portal.directory.embedding).
    embed_origins: tuple[str, ...] = ()
    scim_active_connection: ActiveScimConnection | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


RESOURCE = "stytch.organization"
# The action that changing each field needs (Stytch: Update Organization).
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
    "mfa_required_for_admins": "update.settings.mfa-policy",
    "passkeys": "update.settings.allowed-mfa-methods",
    "remembered_device_days": "update.settings.mfa-policy",
    "session_idle_minutes": "update.settings.allowed-auth-methods",
    "session_duration_minutes": "update.settings.allowed-auth-methods",
    "theme": "update.info.logo-url",
    "oauth_tenant_jit_provisioning": "update.settings.oauth-tenant-jit-provisioning",
    "allowed_oauth_tenants": "update.settings.allowed-oauth-tenants",
    "rbac_email_implicit_role_assignments": "update.settings.implicit-roles",
}
# Those of them that Stytch's organizations don't have, so the API doesn't, either.
OWN_FIELDS = frozenset(
    {
        "mfa_required_for_admins",
        "passkeys",
        "remembered_device_days",
        "session_idle_minutes",
        "session_duration_minutes",
        "theme",
    }
)
# Fields that only the project can change.
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
    """Fields to change, in Stytch's terms. None changes nothing, or keeps the default.

    Given keys of `trusted_metadata` are replaced, null removes one.
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
    mfa_required_for_admins: bool | None = None
    passkeys: str | None = None
    remembered_device_days: int | None = None
    session_idle_minutes: int | None = None
    session_duration_minutes: int | None = None
    theme: Theme | None = None
    oauth_tenant_jit_provisioning: str | None = None
    allowed_oauth_tenants: Mapping[str, Sequence[str]] | None = None
    claimed_email_domains: Sequence[str] | None = None
    first_party_connected_apps_allowed_type: str | None = None
    allowed_first_party_connected_apps: Sequence[str] | None = None
    third_party_connected_apps_allowed_type: str | None = None
    allowed_third_party_connected_apps: Sequence[str] | None = None
    rbac_email_implicit_role_assignments: Sequence[EmailImplicitRoleAssignment] | None = None


def organization_version(organization: Organization, *names: str) -> str:
    """Return the version of some fields of an organization, named as in `OrganizationChanges`, for `update()`."""
    return ",".join(f"{name}:{_digest(organization, name)}" for name in names)


def changed_since(organization: Organization, version: str) -> tuple[str, ...]:
    """Return the fields of a version that have another value now. One that isn't a version of ours counts as a change."""
    seen = [part.partition(":") for part in version.split(",")]
    return tuple(name for name, _, digest in seen if name not in _FIELDS or _digest(organization, name) != digest)


_FIELDS = frozenset((*FIELD_ACTIONS, *PROJECT_ONLY))


def _digest(organization: Organization, name: str) -> str:
    owner = organization if hasattr(organization, name) else organization.settings
    return hashlib.sha256(msgspec.json.encode(getattr(owner, name), order="deterministic")).hexdigest()[:16]


class OrganizationGateway(Protocol):
    """The organization itself."""

    def get(self) -> Organization:
        """Return the organization. Raise NotFound if no organization has this slug."""
        ...

    def update(self, changes: OrganizationChanges, *, version: str = "") -> Organization:
        """Make all changes or none, and return the organization (Stytch: organizations.update).

        An acting member needs the action of each given field. With `version`, of `organization_version()`, nothing changes if
        one of its fields has another value now: raise Conflict with the field "version". Stytch's API can't compare and
        change in one step, so with Stytch, a change in the same second isn't noticed.

        Raise Invalid, Forbidden, Conflict if the slug or external ID is taken or the organization would have no admin.
        """
        ...

    @property
    def restorable_days(self) -> int:
        """Days for which the operator can restore the organization after its deletion, 0 if no one can."""
        ...

    def delete(self) -> str:
        """Delete the organization and return its ID. Needs `stytch.organization:delete`. Raise Forbidden, StepUpRequired.

        No one can sign in to it or use its SCIM token from then on, and no method finds it. Its slug and external ID are
        reserved while it can be restored.
        """
        ...


class ProjectOrganizationGateway(OrganizationGateway, Protocol):
    """The organization, for the project or for an acting member, who needs the action of each field that changes."""

    def get_with_connection(self) -> Organization:
        """Return the organization with its SCIM connection."""
        ...

    def member_count(self) -> int:
        """Return the number of members, without deleted ones. The time grows with the number."""
        ...

    def update(self, changes: OrganizationChanges, *, version: str = "") -> Organization:
        """Make all changes or none, as for a page, and return the organization with its SCIM connection."""
        ...

    def delete_external_id(self) -> Organization:
        """Delete the external ID, if there is one. Raise Forbidden on behalf of a member."""
        ...


class OrganizationsGateway(Protocol):
    """All organizations, for the project itself."""

    def create(self, new: OrganizationChanges) -> Organization:
        """Create an organization. Without a slug, it gets one derived from its name. Raise Invalid, Conflict."""
        ...

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Organization]:
        """Return a page of the organizations that match all operands (Stytch: organizations.search).

        `limit` is 1 to 1000. Raise Invalid, InvalidCursor.
        """
        ...

    def get_many(self, organization_ids: Sequence[str]) -> tuple[Organization, ...]:
        """Return organizations by ID, slug or external ID, each once, with their SCIM connections.

        Raise NotFound if one doesn't exist, Invalid for more than MAX_LIMIT.
        """
        ...
