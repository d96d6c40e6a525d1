"""The Stytch B2B API as a directory. It maps requests and responses, and has no rules of its own."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property

from django.conf import settings

from portal.directory.activity import ActivityGateway
from portal.directory.actor import Origin
from portal.directory.bulk_invitations import BulkInvitationGateway
from portal.directory.counts import CountGateway
from portal.directory.domains import DomainGateway
from portal.directory.embedding import EmbeddingGateway
from portal.directory.logos import Logo, LogoGateway
from portal.directory.member_locks import LockRecorder, MemberLockGateway
from portal.directory.passkeys import PasskeyGateway
from portal.directory.preferences import PreferencesGateway
from portal.directory.remembered_devices import RememberedDeviceGateway
from portal.directory.roles import RoleReviewGateway
from portal.directory.session_limits import SessionLimitGateway
from portal.directory.sessions import AllSessionsGateway, SignedIn
from portal.directory.sign_in_links import SignInLinkGateway
from portal.directory.sign_in_settings import SignInSettingsGateway
from portal.directory.themes import ThemeGateway
from portal.stytch.account import StytchAccount
from portal.stytch.discovery import StytchDiscovery
from portal.stytch.email_discovery import StytchEmailDiscovery
from portal.stytch.email_otps import StytchEmailOtps
from portal.stytch.http import StytchApi
from portal.stytch.invitations import StytchInvitations
from portal.stytch.member_changes import StytchEmailUpdates, StytchMemberRoles
from portal.stytch.members import StytchMembers
from portal.stytch.organization import StytchOrganization
from portal.stytch.rbac import StytchOrganizationRbac, StytchRbac
from portal.stytch.recovery_codes import StytchRecoveryCodes
from portal.stytch.roles import StytchRoles
from portal.stytch.scim.scim import StytchScim
from portal.stytch.scope import Scope
from portal.stytch.sessions import StytchSessions
from portal.stytch.sms_otps import StytchSmsOtps
from portal.stytch.totps import StytchTotps


class StytchDirectory:
    """Implements portal.directory.directory.Directory."""

    # Stytch's API has no place for them that only the portal changes. The pages keep them in a cookie.
    preferences: PreferencesGateway | None = None
    # A list would have to be kept in a database of the portal's own, which there is none of.
    bulk_invitations: BulkInvitationGateway | None = None
    # The product sends its own invitations and password resets.
    sign_in_links: SignInLinkGateway | None = None
    # Stytch ends locks on its own, and its API can't.
    member_locks: MemberLockGateway | None = None
    # Stytch stores the URL of a logo, and no images.
    logo: LogoGateway | None = None
    # Its API has no place for it, either. The project's theme applies to every organization.
    theme: ThemeGateway | None = None
    # Stytch ends the sessions of one member at a time.
    all_sessions: AllSessionsGateway | None = None
    # Stytch's API has no log of an organization's changes.
    activity: ActivityGateway | None = None
    # Its API returns lists, and no numbers.
    counts: CountGateway | None = None
    # Stytch's API doesn't say how many members sign in by what, and has no second factor that only admins need.
    sign_in_settings: SignInSettingsGateway | None = None
    # Its API can't count members by role, and doesn't list the people in a group.
    role_review: RoleReviewGateway | None = None
    # Stytch has passkeys for consumers only.
    passkeys: PasskeyGateway | None = None
    # Stytch takes the organization's word for its domains.
    domains: DomainGateway | None = None
    # In Stytch, the product chooses how long each session lasts.
    session_limits: SessionLimitGateway | None = None
    # Stytch asks for the second factor at every sign-in.
    remembered_devices: RememberedDeviceGateway | None = None

    # Its tickets and sessions would have to be kept here, and Stytch's API has no session with fewer permissions.
    embedding: EmbeddingGateway | None = None

    def __init__(self, scope: Scope, rbac: StytchRbac) -> None:
        self._scope, self._rbac = scope, rbac

    def acting_as(self, signed_in: SignedIn) -> "StytchDirectory":
        """Return the same directory, with the member's session in each request, so that Stytch checks their permissions."""
        return StytchDirectory(replace(self._scope, signed_in=signed_in), self._rbac)

    @cached_property
    def rbac(self) -> StytchOrganizationRbac:
        """Which permissions its roles grant."""
        return StytchOrganizationRbac(self._scope, self._rbac)

    @cached_property
    def organization(self) -> StytchOrganization:
        """The organization itself."""
        return StytchOrganization(self._scope)

    @cached_property
    def sessions(self) -> StytchSessions:
        """Its member sessions."""
        return StytchSessions(self._scope)

    @cached_property
    def member_roles(self) -> StytchMemberRoles:
        """The roles that its members were assigned manually."""
        return StytchMemberRoles(self._scope, self.rbac)

    @cached_property
    def email_updates(self) -> StytchEmailUpdates:
        """Changes of its members' addresses."""
        return StytchEmailUpdates(self._scope, self.rbac)

    @cached_property
    def account(self) -> StytchAccount:
        """The account of the acting member."""
        return StytchAccount(self._scope)

    @cached_property
    def email_otps(self) -> StytchEmailOtps:
        """Codes by email."""
        return StytchEmailOtps(self._scope)

    @cached_property
    def totps(self) -> StytchTotps:
        """Its members' authenticator apps."""
        return StytchTotps(self._scope)

    @cached_property
    def sms_otps(self) -> StytchSmsOtps:
        """Codes by text message."""
        return StytchSmsOtps(self._scope)

    @cached_property
    def recovery_codes(self) -> StytchRecoveryCodes:
        """Its members' recovery codes."""
        return StytchRecoveryCodes(self._scope)

    @cached_property
    def members(self) -> StytchMembers:
        """Its members."""
        return StytchMembers(self._scope)

    @cached_property
    def invitations(self) -> StytchInvitations:
        """Inviting people, and pending invitations."""
        return StytchInvitations(self._scope, self.rbac)

    @cached_property
    def roles(self) -> StytchRoles:
        """Its own roles, and roles by email domain."""
        return StytchRoles(self._scope, self._rbac)

    @cached_property
    def scim(self) -> StytchScim:
        """Its SCIM connection."""
        return StytchScim(self._scope, self.rbac)


class StytchProvider:
    """Implements portal.directory.directory.DirectoryProvider. One per process, with its connection pool."""

    def __init__(self) -> None:
        self._api = StytchApi(settings.STYTCH_BASE_URL, settings.STYTCH_PROJECT_ID, settings.STYTCH_SECRET)
        self._rbac = StytchRbac(self._api)

    def open(self, organization_slug: str, origin: Origin) -> StytchDirectory:  # noqa: ARG002 -- the gateway's signature
        """Return an organization's directory. This takes no request."""
        return StytchDirectory(Scope(self._api, organization_slug), self._rbac)

    def names(self, organization_slugs: Collection[str]) -> Mapping[str, str]:
        """Return the slugs: each name would take a request, which visitors could cause as often as they like."""
        return {slug: slug for slug in organization_slugs}

    def moved_to(self, former_slug: str) -> str:  # noqa: ARG002 -- the gateway's signature
        """Return "": Stytch's API doesn't report former slugs."""
        return ""

    def logo(self, organization_id: str, digest: str) -> Logo | None:  # noqa: ARG002 -- the gateway's signature
        """Return None: Stytch stores no images."""
        return None

    def lock_recorder(self) -> LockRecorder | None:
        """Return None: Stytch locks members itself."""
        return None

    def email_discovery(self, origin: Origin) -> StytchEmailDiscovery:  # noqa: ARG002 -- the gateway's signature
        """Return discovery by a code or link to an email address."""
        return StytchEmailDiscovery(self._api)

    def discovery(self, origin: Origin) -> StytchDiscovery:  # noqa: ARG002 -- the gateway's signature
        """Return discovery, which signs people in before they choose an organization."""
        return StytchDiscovery(self._api)
