"""The rights and audiences that a URL can ask for."""

from enum import Enum, StrEnum, auto


class Permission(StrEnum):
    """An action on a resource of the RBAC policy, `resource:action` (reference: Stytch's default resources)."""

    SCIM_GET = "stytch.scim:get"
    SCIM_CREATE = "stytch.scim:create"
    SCIM_UPDATE = "stytch.scim:update"
    SCIM_DELETE = "stytch.scim:delete"
    ALLOWED_DOMAINS = "stytch.organization:update.settings.allowed-domains"
    IMPLICIT_ROLES = "stytch.organization:update.settings.implicit-roles"
    MEMBER_PASSWORD = "stytch.member:update.info.delete.password"  # noqa: S105 -- an action

    @property
    def label(self) -> str:
        """What the right lets a person do, to follow "the right to"."""
        return _LABELS[self]


_LABELS = {
    Permission.SCIM_GET: "see the SCIM connection and what it provisioned",
    Permission.SCIM_CREATE: "create a SCIM connection",
    Permission.SCIM_UPDATE: "change the SCIM connection and its token",
    Permission.SCIM_DELETE: "delete the SCIM connection",
    Permission.ALLOWED_DOMAINS: "change which e-mail domains the organization vouches for",
    Permission.IMPLICIT_ROLES: "decide which groups give which roles",
    Permission.MEMBER_PASSWORD: "reset a member's password",
}


class Audience(Enum):
    """Who may call a URL that no single permission guards."""

    ANYONE = auto()
    SIGNED_IN = auto()
    # Machines: the edge of each checks who calls, and answers every refusal in their form.
    # An identity provider with its bearer token;
    SCIM_CLIENT = auto()
    # a product's backend with a secret of the project;
    PROJECT = auto()
    # a product's page in a browser, with the public token and mostly a session.
    SDK = auto()


MACHINES = frozenset({Audience.SCIM_CLIENT, Audience.PROJECT, Audience.SDK})
