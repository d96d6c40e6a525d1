"""Members: people who can sign in to an organization (Stytch: members)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from django.utils import timezone

from portal.directory.frames import Embedding
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.phone_numbers import shown_ending
from portal.directory.policy import ADMIN_ROLE, MEMBER_ROLE
from portal.directory.preferences import Preferences
from portal.directory.scim.connection import ScimIdentityProvider


class RoleSourceType(StrEnum):
    """Where a member's role comes from, in Stytch's terms (MemberRole.sources[].type)."""

    DIRECT_ASSIGNMENT = "direct_assignment"
    EMAIL_ASSIGNMENT = "email_assignment"
    SSO_CONNECTION = "sso_connection"
    SSO_CONNECTION_GROUP = "sso_connection_group"
    SCIM_CONNECTION_GROUP = "scim_connection_group"


@dataclass(frozen=True, slots=True)
class MemberRoleSource:
    """What grants a role. `details` identify the source: `email_domain`, or `connection_id` and `group_id`."""

    type: RoleSourceType
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MemberRole:
    """One role of a member, with every source that grants it."""

    role_id: str
    sources: tuple[MemberRoleSource, ...]


class MemberStatus(StrEnum):
    """Stytch's member statuses. A deleted member stays stored and can't sign in."""

    PENDING = "pending"
    INVITED = "invited"
    ACTIVE = "active"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class RetiredEmail:
    """A former address of a member, which no other member of the organization can have."""

    email_id: str
    email_address: str


@dataclass(frozen=True, slots=True)
class ScimRegistration:
    """A member as the identity provider knows them: the stored SCIM document, and the groups as (ID, name)."""

    connection_id: str
    registration_id: str
    external_id: str
    user_id: str
    active: bool
    document: Mapping[str, Any]
    groups: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A person in one organization. The same email address in another organization is another member.

    Only the embedded directory returns passkeys and preferences, and `scim_registration` only to the JSON API.
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
    # "" if the member has no password.
    member_password_id: str = ""
    mfa_enrolled: bool = False
    mfa_phone_number: str = ""
    mfa_phone_number_verified: bool = False
    # "" if the member has no authenticator app.
    totp_registration_id: str = ""
    default_mfa_method: str = ""
    # How many passkeys the member has, and whether the last second factor that they used was one.
    passkeys: int = 0
    used_passkey_last: bool = False
    retired_email_addresses: tuple[RetiredEmail, ...] = ()
    trusted_metadata: Mapping[str, Any] = field(default_factory=dict)
    untrusted_metadata: Mapping[str, Any] = field(default_factory=dict)
    scim_registration: ScimRegistration | None = None
    preferences: Preferences = field(default_factory=Preferences)
    # Since when and until when no password or code is checked, after too many wrong ones (portal.directory.member_locks).
    lock_created_at: datetime | None = None
    lock_expires_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_admin(self) -> bool:
        """Say whether the member is an admin of the organization."""
        return ADMIN_ROLE in self.role_ids

    @property
    def has_phone(self) -> bool:
        """Say whether the member has a phone number that counts: one whose first code was right."""
        return bool(self.mfa_phone_number) and self.mfa_phone_number_verified

    @property
    def phone_ending(self) -> str:
        """The last two digits of the phone number: no page shows more of it."""
        return shown_ending(self.mfa_phone_number)

    @property
    def is_locked(self) -> bool:
        """Say whether the member is locked now."""
        return self.lock_expires_at is not None and self.lock_expires_at > timezone.now()

    @property
    def direct_role_ids(self) -> tuple[str, ...]:
        """The roles that were assigned manually, without the one that every member has."""
        return tuple(
            role.role_id
            for role in self.roles
            if role.role_id != MEMBER_ROLE
            and any(source.type is RoleSourceType.DIRECT_ASSIGNMENT for source in role.sources)
        )

    def version_of(self, *names: str) -> str:
        """Return a version of some fields, which changes when one of them does."""
        values = [getattr(self, name) for name in sorted(names)]
        return hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:16]

    @property
    def role_ids(self) -> frozenset[str]:
        """The IDs of all effective roles."""
        return frozenset(role.role_id for role in self.roles)


RESOURCE, SELF = "stytch.member", "stytch.self"
# Characters that a search by email address alone needs (Stytch). It ignores shorter words.
MIN_ADDRESS_PART = 3
# The action that changing each field needs (Stytch: Update Member).
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
# Fields that only the project can change.
PROJECT_ONLY = ("trusted_metadata", "external_id")
# Fields that give permissions: to set them for a new member, a member needs their actions too.
PRIVILEGED = ("roles", "is_breakglass")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChanges:
    """Fields to change, in Stytch's terms. None changes nothing, or keeps the default.

    Given metadata keys are replaced, null removes one. With `unlink_email`, the address that `email_address` replaces isn't
    kept for the member.
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

    @property
    def given(self) -> tuple[str, ...]:
        """The names of the fields that are given."""
        return tuple(one.name for one in fields(self) if getattr(self, one.name) is not None)


class MemberState(StrEnum):
    """What a list of members is limited to. The values appear in URLs."""

    ACTIVE = "active"
    INVITED = "invited"
    DEACTIVATED = "deactivated"

    @property
    def statuses(self) -> tuple[MemberStatus, ...]:
        """The statuses of these members."""
        return _STATUSES[self]


_STATUSES: Mapping[MemberState, tuple[MemberStatus, ...]] = {
    MemberState.ACTIVE: (MemberStatus.ACTIVE,),
    MemberState.INVITED: (MemberStatus.INVITED, MemberStatus.PENDING),
    MemberState.DEACTIVATED: (MemberStatus.DELETED,),
}


class SignInMethod(StrEnum):
    """What a list of members is limited to, by what they can sign in with besides an email. The values appear in URLs."""

    PASSWORD = "password"  # noqa: S105 -- a method
    PASSKEY = "passkey"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class MemberFilter:
    """Conditions that members must meet. An empty one matches every member who isn't deactivated.

    Only directories with `has_details` know those after `role_id`.
    """

    # Words that the name or the email address contains.
    text: str = ""
    state: MemberState | None = None
    role_id: str = ""
    sign_in: SignInMethod | None = None
    # Whether they have an authenticator app, a phone number or a passkey.
    has_second_factor: bool | None = None
    # Whether an identity provider manages them.
    is_managed: bool | None = None


@dataclass(frozen=True, slots=True)
class MemberManager:
    """The identity provider that manages a member, and the user that it has for them."""

    connection_name: str
    identity_provider: ScimIdentityProvider
    user_id: str


@dataclass(frozen=True, slots=True)
class ListedMember:
    """A member in a list. Only the embedded directory knows who manages them, and when they were active last."""

    member: Member
    manager: MemberManager | None = None
    last_active_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A live session of a member, as others may see it."""

    member_session_id: str
    started_at: datetime
    last_accessed_at: datetime
    ip_address: str
    user_agent: str
    # Set if it's the session of a frame in a product's page.
    embedding: Embedding | None = None


@dataclass(frozen=True, slots=True)
class MemberDetails:
    """A member with what the list leaves out."""

    listed: ListedMember
    # The names of the groups that grant roles, by ID. The Stytch directory knows none.
    group_names: Mapping[str, str] = field(default_factory=dict)
    # None if the directory doesn't know them, or the caller may not see them.
    sessions: tuple[SessionSummary, ...] | None = None


@dataclass(frozen=True, slots=True)
class Helper:
    """A member with the permission that the caller lacks."""

    name: str
    email_address: str


class MemberGateway(Protocol):
    """Members, as signing in and the pages need them. Acting members need actions on `stytch.member`, or on `stytch.self`."""

    @property
    def has_details(self) -> bool:
        """Whether names can be searched, and whether managers and activity are known."""
        ...

    def get(self, member_id: str) -> Member:
        """Return the member. Raise NotFound if the organization has no such member."""
        ...

    def page(self, wanted: MemberFilter = ..., *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ListedMember]:
        """Return a page of members. Needs `stytch.member:search`.

        A search stops after many thousand members; the cursor then continues after them. Raise Invalid unless `limit` is
        1 to 1000, InvalidCursor, Forbidden.
        """
        ...

    def helpers(self, role_ids: Sequence[str], *, limit: int = 3) -> tuple[Helper, ...]:
        """Return active members who have one of the roles, by email address. Needs no permission: it says who can help.

        At most `limit`, and none from beyond the first many thousand members.
        """
        ...

    def details(self, member_id: str) -> MemberDetails:
        """Return a member, deactivated ones included. Needs `stytch.member:search`, and for sessions `revoke-sessions`.

        Acting members need neither to see their own. Raise NotFound, Forbidden.
        """
        ...

    def update(self, member_id: str, changes: MemberChanges, *, version: str = "") -> Member:
        """Make all changes or none (Stytch: organizations.members.update).

        A new address isn't verified, and deletes the password. Raise NotFound, Invalid, Forbidden, Conflict if the address or
        external ID is taken, the member already has a phone number, the organization would have no admin, or the fields
        changed after `version` (Member.version_of). Pages can't change what an identity provider manages, and need a recent
        proof for what protects the account (portal.directory.step_up).
        """
        ...

    def delete(self, member_id: str) -> str:
        """Delete a member and return their ID. Their sessions, sign-in links, roles, password and MFA are deleted.

        Raise NotFound, Forbidden, Conflict for the last admin. Pages need a recent proof, and raise Conflict for a member of
        an identity provider.
        """
        ...

    def reactivate(self, member_id: str) -> Member:
        """Reactivate a deleted member, without what was deleted. Needs `stytch.member:create`.

        Raise NotFound, Forbidden, Invalid if the address was never verified, Conflict if another member has it. Pages need a
        recent proof.
        """
        ...

    def delete_password(self, member_password_id: str) -> Member:
        """Delete a password. Sessions continue. Pages need a recent proof. Raise NotFound, Forbidden."""
        ...

    def unlink_retired_email(self, member_id: str, *, email_id: str = "", email_address: str = "") -> Member:
        """Release a former address, so that another member can have it. Pages need a recent proof.

        Raise NotFound, Invalid, Forbidden.
        """
        ...
