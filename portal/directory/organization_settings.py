"""How people come into an organization and sign in to it: Stytch's settings, in its words and with its defaults.

Source: Stytch's Organization object.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
