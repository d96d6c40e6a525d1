"""The contract of every directory. Pages and the API know only these Protocols.

A directory is bound to one organization when it is opened, so no call can name another. Methods take and return frozen
values, and raise only the errors of `portal.directory.errors`. A capability that a directory lacks is None.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from portal.directory.account import AccountGateway
from portal.directory.activity import ActivityGateway
from portal.directory.actor import Origin
from portal.directory.bulk_invitations import BulkInvitationGateway
from portal.directory.counts import CountGateway
from portal.directory.discovery import Discovery, EmailDiscovery
from portal.directory.domains import DomainGateway
from portal.directory.email_otps import EmailOtpGateway
from portal.directory.email_updates import EmailUpdateGateway
from portal.directory.embedding import EmbeddingGateway
from portal.directory.invitations import InvitationGateway
from portal.directory.logos import Logo, LogoGateway
from portal.directory.member_locks import LockRecorder, MemberLockGateway
from portal.directory.member_roles import MemberRoleGateway
from portal.directory.members import MemberGateway
from portal.directory.organizations import OrganizationGateway
from portal.directory.passkeys import PasskeyGateway
from portal.directory.preferences import PreferencesGateway
from portal.directory.rbac import RbacGateway
from portal.directory.recovery_codes import RecoveryCodeGateway
from portal.directory.remembered_devices import RememberedDeviceGateway
from portal.directory.roles import RoleGateway, RoleReviewGateway
from portal.directory.scim.conflicts import ScimConflictGateway
from portal.directory.scim.connection import ScimConnectionGateway
from portal.directory.scim.contacts import ScimContactGateway
from portal.directory.scim.deletion import ScimDeletionGateway
from portal.directory.scim.drift import ScimDriftGateway
from portal.directory.scim.group_roles import ScimGroupRoleGateway, ScimGroupRoleReviewGateway
from portal.directory.scim.groups import ScimGroupDetailGateway, ScimGroupGateway
from portal.directory.scim.health import ScimHealthGateway
from portal.directory.scim.log import ScimLogGateway
from portal.directory.scim.pause import ScimPauseGateway
from portal.directory.scim.restoration import ScimRestorationGateway
from portal.directory.scim.safeguard import ScimSafeguardGateway
from portal.directory.scim.tokens import ScimTokenGateway
from portal.directory.scim.users import ScimUserGateway
from portal.directory.session_limits import SessionLimitGateway
from portal.directory.sessions import AllSessionsGateway, SessionGateway, SignedIn
from portal.directory.sign_in_links import SignInLinkGateway
from portal.directory.sign_in_settings import SignInSettingsGateway
from portal.directory.sms_otps import SmsOtpGateway
from portal.directory.themes import ThemeGateway
from portal.directory.totps import TotpGateway


class ScimGateway(Protocol):
    """SCIM, noun by noun. A noun that the directory lacks is None."""

    @property
    def connection(self) -> ScimConnectionGateway:
        """The connection, its name and identity provider."""
        ...

    @property
    def tokens(self) -> ScimTokenGateway:
        """The connection's bearer tokens, and their rotation."""
        ...

    @property
    def pause(self) -> ScimPauseGateway | None:
        """Pausing and resuming provisioning."""
        ...

    @property
    def deletion(self) -> ScimDeletionGateway:
        """Deleting the connection."""
        ...

    @property
    def restoration(self) -> ScimRestorationGateway | None:
        """Deleted connections, and restoring them."""
        ...

    @property
    def contacts(self) -> ScimContactGateway | None:
        """The email addresses that are notified."""
        ...

    @property
    def groups(self) -> ScimGroupGateway:
        """The groups that the identity provider pushed."""
        ...

    @property
    def group_details(self) -> ScimGroupDetailGateway | None:
        """The members of a group, and the groups around it."""
        ...

    @property
    def users(self) -> ScimUserGateway | None:
        """The users that the identity provider pushed."""
        ...

    @property
    def conflicts(self) -> ScimConflictGateway | None:
        """Existing members that the identity provider also sends."""
        ...

    @property
    def group_roles(self) -> ScimGroupRoleGateway:
        """The roles that groups grant."""
        ...

    @property
    def group_role_review(self) -> ScimGroupRoleReviewGateway | None:
        """A preview of changes of group roles, and renamed or deleted groups."""
        ...

    @property
    def safeguard(self) -> ScimSafeguardGateway | None:
        """The deactivation safeguard."""
        ...

    @property
    def drift(self) -> ScimDriftGateway | None:
        """Differences between the organization and the identity provider."""
        ...

    @property
    def log(self) -> ScimLogGateway | None:
        """The log of SCIM requests."""
        ...

    @property
    def health(self) -> ScimHealthGateway | None:
        """The health of the connection, and its setup progress."""
        ...


class Directory(Protocol):
    """One organization's directory."""

    @property
    def organization(self) -> OrganizationGateway:
        """The organization itself."""
        ...

    @property
    def logo(self) -> LogoGateway | None:
        """Its logo."""
        ...

    @property
    def theme(self) -> ThemeGateway | None:
        """Changes of its theme."""
        ...

    @property
    def sessions(self) -> SessionGateway:
        """Its member sessions."""
        ...

    @property
    def session_limits(self) -> SessionLimitGateway | None:
        """The limits that it sets for sessions."""
        ...

    @property
    def all_sessions(self) -> AllSessionsGateway | None:
        """The sessions of all members at once."""
        ...

    @property
    def members(self) -> MemberGateway:
        """Its members."""
        ...

    @property
    def invitations(self) -> InvitationGateway:
        """Inviting people, and pending invitations."""
        ...

    @property
    def bulk_invitations(self) -> BulkInvitationGateway | None:
        """Inviting many people at once."""
        ...

    @property
    def member_roles(self) -> MemberRoleGateway:
        """The roles that its members were assigned manually."""
        ...

    @property
    def account(self) -> AccountGateway:
        """The account of the acting member."""
        ...

    @property
    def preferences(self) -> PreferencesGateway | None:
        """The preferences of the acting member."""
        ...

    @property
    def member_locks(self) -> MemberLockGateway | None:
        """Locks of its members."""
        ...

    @property
    def sign_in_links(self) -> SignInLinkGateway | None:
        """One-time links to set a password."""
        ...

    @property
    def sign_in_settings(self) -> SignInSettingsGateway | None:
        """Consequences of its sign-in settings."""
        ...

    @property
    def email_otps(self) -> EmailOtpGateway:
        """Codes by email."""
        ...

    @property
    def email_updates(self) -> EmailUpdateGateway:
        """Changes of its members' addresses."""
        ...

    @property
    def totps(self) -> TotpGateway:
        """Its members' authenticator apps."""
        ...

    @property
    def sms_otps(self) -> SmsOtpGateway:
        """Codes by text message."""
        ...

    @property
    def passkeys(self) -> PasskeyGateway | None:
        """Its members' passkeys."""
        ...

    @property
    def remembered_devices(self) -> RememberedDeviceGateway | None:
        """The acting member's devices that aren't asked for a second factor."""
        ...

    @property
    def recovery_codes(self) -> RecoveryCodeGateway:
        """Its members' recovery codes."""
        ...

    @property
    def embedding(self) -> EmbeddingGateway | None:
        """The portal in frames of the product's pages."""
        ...

    @property
    def domains(self) -> DomainGateway | None:
        """Its email domains, and what proves them."""
        ...

    @property
    def activity(self) -> ActivityGateway | None:
        """The activity log."""
        ...

    @property
    def counts(self) -> CountGateway | None:
        """Its numbers of members, users and groups."""
        ...

    @property
    def rbac(self) -> RbacGateway:
        """The RBAC policy."""
        ...

    @property
    def roles(self) -> RoleGateway:
        """Its own roles, and roles by email domain."""
        ...

    @property
    def role_review(self) -> RoleReviewGateway | None:
        """Numbers of its roles, and previews of their changes."""
        ...

    @property
    def scim(self) -> ScimGateway:
        """Its SCIM connection."""
        ...

    def acting_as(self, signed_in: SignedIn) -> "Directory":
        """Return the same organization's directory, with this member as the caller."""
        ...


class DirectoryProvider(Protocol):
    """Opens the directories of organizations."""

    def open(self, organization_slug: str, origin: Origin) -> Directory:
        """Return the organization's directory. This takes no query: an unknown slug raises NotFound when the directory is first used."""
        ...

    def names(self, organization_slugs: Collection[str]) -> Mapping[str, str]:
        """Return the names of organizations by slug, without those that don't exist.

        For visitors: it takes one query at most. A directory that can't do that returns the slugs in place of the names.
        """
        ...

    def moved_to(self, former_slug: str) -> str:
        """Return the slug of the organization that had another one recently, "" if there is none or the slug is in use.

        For visitors: it takes one query at most. A directory that doesn't know former slugs returns "".
        """
        ...

    def logo(self, organization_id: str, digest: str) -> Logo | None:
        """Return the stored logo of an organization with the digest of its URL, for anyone. None if there isn't one."""
        ...

    def lock_recorder(self) -> LockRecorder | None:
        """Return what records locked members; None if the directory limits attempts itself."""
        ...

    def email_discovery(self, origin: Origin) -> EmailDiscovery:
        """Return discovery by a code or link to an email address."""
        ...

    def discovery(self, origin: Origin) -> Discovery:
        """Return discovery, which signs people in before they choose an organization."""
        ...
