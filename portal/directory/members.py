"""Members, as the JSON API asks a directory for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from portal.directory.organizations import Organization
from portal.directory.pages import DEFAULT_LIMIT
from portal.directory.policy import ADMIN_ROLE
from portal.directory.search import Found, Operand


class RoleSourceType(StrEnum):
    """Where a member's role comes from, in Stytch's words (MemberRole.sources[].type)."""

    DIRECT_ASSIGNMENT = "direct_assignment"
    EMAIL_ASSIGNMENT = "email_assignment"
    SSO_CONNECTION = "sso_connection"
    SSO_CONNECTION_GROUP = "sso_connection_group"
    SCIM_CONNECTION_GROUP = "scim_connection_group"


@dataclass(frozen=True, slots=True)
class MemberRoleSource:
    """What grants a role, with what tells it from others of its kind: `email_domain`, or `connection_id` and `group_id`."""

    type: RoleSourceType
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemberRole:
    """One role of a member, with every source that grants it."""

    role_id: str
    sources: tuple[MemberRoleSource, ...]


class MemberStatus(StrEnum):
    """Stytch's member states; a deleted member stays stored and cannot sign in."""

    PENDING = "pending"
    INVITED = "invited"
    ACTIVE = "active"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class RetiredEmail:
    """An address that a member had, and that nobody else of the organization can take."""

    email_id: str
    email_address: str


@dataclass(frozen=True, slots=True)
class ScimRegistration:
    """Who a member is to the identity provider: the SCIM document as it is stored, and the groups as (id, name)."""

    connection_id: str
    registration_id: str
    external_id: str
    user_id: str
    active: bool
    document: Mapping[str, Any]
    groups: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A person in one organization; the same e-mail address elsewhere is another member.

    All behind `roles` is only told by the embedded directory, `scim_registration` to the JSON API alone.
    """

    member_id: str
    organization_id: str
    email_address: str
    name: str
    status: MemberStatus
    roles: tuple[MemberRole, ...]
    email_address_verified: bool = False
    is_breakglass: bool = False
    external_id: str = ""
    # "" for a member without a password.
    member_password_id: str = ""
    mfa_enrolled: bool = False
    mfa_phone_number: str = ""
    default_mfa_method: str = ""
    retired_email_addresses: tuple[RetiredEmail, ...] = ()
    trusted_metadata: Mapping[str, Any] = field(default_factory=dict)
    untrusted_metadata: Mapping[str, Any] = field(default_factory=dict)
    scim_registration: ScimRegistration | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        """Say whether the member administers the organization."""
        return ADMIN_ROLE in self.role_ids

    @property
    def role_ids(self) -> frozenset[str]:
        """The ids of all effective roles."""
        return frozenset(role.role_id for role in self.roles)


RESOURCE, SELF = "stytch.member", "stytch.self"
# The action that each field needs of a member (Stytch: Update Member). What has none is for the project alone.
FIELD_ACTIONS: Mapping[str, str] = {
    "name": "update.info.name",
    "email_address": "update.info.email",
    "unlink_email": "update.info.email",
    "untrusted_metadata": "update.info.untrusted-metadata",
    "is_breakglass": "update.settings.is-breakglass",
    "mfa_phone_number": "update.info.mfa-phone",
    "mfa_enrolled": "update.settings.mfa-enrolled",
    "default_mfa_method": "update.settings.default-mfa-method",
    "roles": "update.settings.roles",
}
PROJECT_ONLY = ("trusted_metadata", "external_id")
# What gives power: whoever may make members needs the right to change it, too.
POWERS = ("roles", "is_breakglass")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChanges:
    """What is given, by Stytch's names; None leaves a thing as it is, or at its default.

    Of the metadata the keys that are given are replaced, and those that are null taken away. `unlink_email` lets go of the
    address that `email_address` takes the place of.
    """

    email_address: str | None = None
    unlink_email: bool | None = None
    name: str | None = None
    trusted_metadata: Mapping[str, Any] | None = None
    untrusted_metadata: Mapping[str, Any] | None = None
    is_breakglass: bool | None = None
    mfa_phone_number: str | None = None
    mfa_enrolled: bool | None = None
    default_mfa_method: str | None = None
    roles: Sequence[str] | None = None
    external_id: str | None = None


class MemberGateway(Protocol):
    """What signing in needs of members."""

    def get(self, member_id: str) -> Member:
        """Return the member. Raises NotFound, also for another organization's member."""
        ...


class ProjectMemberGateway(MemberGateway, Protocol):
    """The organization's members. `member_id` may be an external id; no method but `reactivate` knows deleted ones.

    What members do needs actions on `stytch.member`, of their own account those on `stytch.self` are as good.
    """

    def by_email_address(self, email_address: str) -> Member:
        """Return the member who has the address. Raises NotFound."""
        ...

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Member]:
        """Return a page of the members whom all operands find (Stytch: organizations.members.search).

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor, Refused.
        """
        ...

    def create(self, new: MemberChanges, *, as_pending: bool = False) -> Member:
        """Make a member, who is active at once or pending.

        Needs `stytch.member:create`, and for roles and is_breakglass the right to change them, too. Raises Invalid, Refused,
        Conflict: address or external id taken.
        """
        ...

    def update(self, member_id: str, changes: MemberChanges) -> Member:
        """Change what is given, all of it or nothing (Stytch: organizations.members.update).

        A new address takes the password away, and is not verified. Raises NotFound, Invalid, Refused, Conflict: address or
        external id taken, a phone number there, nobody left as admin.
        """
        ...

    def delete(self, member_id: str) -> str:
        """End a membership and return whose id it was: sessions, sign-in links, roles, password and MFA go.

        Raises NotFound, Refused, Conflict for the last admin.
        """
        ...

    def reactivate(self, member_id: str) -> Member:
        """Have a deleted member be active again, without what was taken; needs `stytch.member:create`.

        Raises NotFound, Refused, Invalid where the address was never verified, Conflict where another member has it.
        """
        ...

    def delete_password(self, member_password_id: str) -> Member:
        """Take the password away; sessions go on. Raises NotFound, Refused."""
        ...

    def delete_mfa_phone_number(self, member_id: str) -> Member:
        """Take the phone number away; sessions go on. Raises NotFound, Refused."""
        ...

    def delete_totp(self, member_id: str) -> Member:
        """Take the authenticator app away; sessions go on. Raises NotFound, Refused."""
        ...

    def delete_external_id(self, member_id: str) -> Member:
        """Forget what the product calls the member. Only the project may: raises NotFound, Refused."""
        ...

    def unlink_retired_email(self, member_id: str, *, email_id: str = "", email_address: str = "") -> Member:
        """Let go of a former address, which then another member can have. Raises NotFound, Invalid, Refused."""
        ...


class MembersGateway(Protocol):
    """The members of all organizations of the project; only the project itself reaches them."""

    def search(
        self,
        organizations: Sequence[Organization],
        operands: Sequence[Operand] = (),
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Found[Member]:
        """Return a page of the members of several organizations. Raises Invalid, InvalidCursor."""
        ...

    def get(self, member_id: str, *, include_deleted: bool = False) -> tuple[Member, Organization]:
        """Return a member, and the organization (Stytch: dangerously_get). Raises NotFound."""
        ...
