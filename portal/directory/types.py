"""What a directory returns: frozen values, named after the nouns and fields of the Stytch B2B API."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar

from portal.directory.organization_settings import DEFAULT_SETTINGS, OrganizationSettings
from portal.directory.policy import ADMIN_ROLE, Role

T = TypeVar("T")

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
# Nothing that is only shown is counted further.
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list; `next_cursor` is None on the last page.

    `searched_to` is given where a search was ended for taking long: it continues at the cursor, behind this moment.
    """

    items: tuple[T, ...]
    next_cursor: str | None
    searched_to: datetime | None = None


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


@dataclass(frozen=True, slots=True)
class AuthenticationFactor:
    """One way in which a member has shown who they are in a session, in Stytch's words."""

    type: str
    delivery_method: str
    created_at: datetime
    last_authenticated_at: datetime


@dataclass(frozen=True, slots=True)
class MemberSession:
    """A member signed in, in one browser, until `expires_at` or revocation.

    All behind `password_entered_at` is only told by the embedded directory.
    """

    member_session_id: str
    member_id: str
    organization_id: str
    organization_slug: str
    roles: frozenset[str]
    started_at: datetime
    last_accessed_at: datetime
    expires_at: datetime
    # When the password was last entered in it; None where it was not.
    password_entered_at: datetime | None = None
    # How the member showed who they are in the session of another organization that this one was exchanged for.
    exchanged_factors: tuple[AuthenticationFactor, ...] = ()
    # What the product wants in it and in its JWT.
    custom_claims: Mapping[str, Any] = field(default_factory=dict)
    # From where it was started.
    ip_address: str = ""
    user_agent: str = ""

    @property
    def authentication_factors(self) -> tuple[AuthenticationFactor, ...]:
        """How the member has shown who they are: by this organization's password, the one way in so far, or elsewhere."""
        entered_at = self.password_entered_at
        if entered_at is None:
            return self.exchanged_factors
        own = AuthenticationFactor("password", "knowledge", min(entered_at, self.started_at), entered_at)
        return (*self.exchanged_factors, own)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A good session with its member and organization, and the token that proves it."""

    session: MemberSession
    member: Member
    organization: Organization
    session_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Discovered:
    """A person whose password is right in these organizations, before choosing one (Stytch: discovery)."""

    email_address: str
    organizations: tuple[Organization, ...]
    intermediate_session_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SentLink:
    """A one-time link to choose a password; `url` is "" where it was emailed."""

    email_address: str
    expires_at: datetime
    url: str = field(default="", repr=False)


class ActorType(StrEnum):
    """What kind of party makes a change."""

    MEMBER = "member"
    SCIM = "scim"
    OPERATOR = "operator"
    # A backend of the product, with a secret of the project.
    PROJECT = "project"
    VISITOR = "visitor"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and on whose behalf; written into the activity log."""

    type: ActorType
    id: str = ""
    name: str = ""
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from; written into the activity log beside the actor."""

    ip_address: str = ""
    user_agent: str = ""
    request_id: str = ""


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
    # Since when deactivations wait for an approval, and until when they go on after one (ScimFeature.BRAKE).
    brake_stopped_at: datetime | None = None
    brake_released_until: datetime | None = None
    # How many people wait for a decision; from MOST_COUNTED on, so many or more.
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


@dataclass(frozen=True, slots=True)
class ScimGroup:
    """A group that the IdP pushed; `member_count` and `updated_at` are None where the directory does not tell them."""

    group_id: str
    group_name: str
    organization_id: str
    connection_id: str
    member_count: int | None = None
    updated_at: datetime | None = None
    # What everybody in it is by it, not by the groups that it is in; None where the directory tells it elsewhere.
    role_ids: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScimGroupMember:
    """A provisioned person in a group."""

    user_id: str
    user_name: str
    display_name: str
    active: bool


class ScimFeature(StrEnum):
    """What only some directories can do with SCIM data."""

    GROUP_SEARCH = "group-search"
    GROUP_MEMBERS = "group-members"
    PEOPLE = "people"
    # Tells where it is not as the identity provider says.
    DRIFT = "drift"
    # Has many deactivations wait for an approval.
    BRAKE = "brake"
    # Lets people of a deleted connection be deactivated or kept, and says beforehand how many there are.
    PEOPLE_CHOICE = "people-choice"
    # Keeps a deleted connection for a while, and can restore it.
    RESTORE = "restore"
    # Keeps whom to tell by e-mail what a connection needs.
    CONTACTS = "contacts"
    # Can refuse every call for a while, on an admin's word.
    PAUSE = "pause"
    # Keeps the list of members whom provisioning would take over.
    CONFLICTS = "conflicts"
    # Tells beforehand whom a change of a group's roles affects, and marks groups that were renamed or deleted since.
    ROLE_PREVIEW = "role-preview"
    # Tells when a token was made, and when, from where and by which client it was last used.
    TOKEN_USE = "token-use"  # noqa: S105 -- a word


class ScimRefusal(StrEnum):
    """What was wrong with who called, or with the address; the identity provider is not told, the log is."""

    NO_TOKEN = "no_token"  # noqa: S105 -- a word, as those below
    NO_BEARER = "no_bearer"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105
    EXPIRED_TOKEN = "expired_token"  # noqa: S105
    REVOKED_TOKEN = "revoked_token"  # noqa: S105
    # The token is another connection's, as the log of the connection says that the address names,
    FOREIGN_TOKEN = "foreign_token"  # noqa: S105
    # and as the log of the connection says whose token it is.
    OTHER_ADDRESS = "other_address"
    NO_CONNECTION_ID = "no_connection_id"
    CONNECTION_DELETED = "connection_deleted"
    # Everything was right, but an admin has paused the connection.
    PAUSED = "paused"
    # Everything was right, but anybody on the way could read it.
    PLAIN_HTTP = "plain_http"
