"""The embedded directory of one organization."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property

from portal.directory.actor import Origin
from portal.directory.logos import Logo, LogoGateway
from portal.directory.sessions import SignedIn
from portal.embedded import models
from portal.embedded.activity import EmbeddedActivity
from portal.embedded.counts import EmbeddedCounts
from portal.embedded.embedding.embedding import EmbeddedEmbedding
from portal.embedded.invitations.bulk import EmbeddedBulkInvitations
from portal.embedded.invitations.invitations import EmbeddedInvitations
from portal.embedded.members.account import EmbeddedAccount
from portal.embedded.members.locks import EmbeddedLockRecorder, EmbeddedMemberLocks
from portal.embedded.members.member_roles import EmbeddedMemberRoles
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.preferences import EmbeddedPreferences
from portal.embedded.members.sign_in_links import EmbeddedSignInLinks
from portal.embedded.organizations import former_slugs
from portal.embedded.organizations.domains import EmbeddedDomains
from portal.embedded.organizations.organizations import EmbeddedOrganization
from portal.embedded.organizations.sign_in_settings import EmbeddedSignInSettings
from portal.embedded.organizations.stored_logos import stored_logo
from portal.embedded.organizations.themes import EmbeddedTheme
from portal.embedded.own_roles import EmbeddedRoles
from portal.embedded.passwords.passwords import EmbeddedPasswords
from portal.embedded.passwords.resets import EmbeddedPasswordResets
from portal.embedded.rbac import EmbeddedRbac
from portal.embedded.role_review import EmbeddedRoleReview
from portal.embedded.scim.project_scim import EmbeddedProjectScim
from portal.embedded.scope import Scope
from portal.embedded.second_factors.passkeys import EmbeddedPasskeys
from portal.embedded.second_factors.recovery_codes import EmbeddedRecoveryCodes
from portal.embedded.second_factors.remembered_devices import EmbeddedRememberedDevices
from portal.embedded.second_factors.sms_otps import EmbeddedSmsOtps
from portal.embedded.second_factors.totps import EmbeddedTotps
from portal.embedded.sessions.discovery import EmbeddedDiscovery
from portal.embedded.sessions.everyone import EmbeddedAllSessions
from portal.embedded.sessions.session_limits import EmbeddedSessionLimits
from portal.embedded.sessions.sessions import EmbeddedSessions
from portal.embedded.sign_in.email_discovery import EmbeddedEmailDiscovery
from portal.embedded.sign_in.email_otps import EmbeddedEmailOtps
from portal.embedded.sign_in.email_updates import EmbeddedEmailUpdates
from portal.embedded.sign_in.magic_links import EmbeddedMagicLinks


class EmbeddedDirectory:
    """Implements portal.directory.project.ProjectDirectory, and with it portal.directory.directory.Directory."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def acting_as(self, signed_in: SignedIn) -> "EmbeddedDirectory":
        """Return the same directory, with this member as the caller."""
        return EmbeddedDirectory(replace(self._scope, signed_in=signed_in))

    @cached_property
    def organization(self) -> EmbeddedOrganization:
        """The organization itself."""
        return EmbeddedOrganization(self._scope)

    @cached_property
    def logo(self) -> LogoGateway:
        """Its logo."""
        # Imported here: only changing a logo needs the library for images.
        from portal.embedded.organizations.logos import EmbeddedLogo  # noqa: PLC0415 -- as above

        return EmbeddedLogo(self._scope)

    @cached_property
    def theme(self) -> EmbeddedTheme:
        """Changes of its theme."""
        return EmbeddedTheme(self.organization)

    @cached_property
    def sessions(self) -> EmbeddedSessions:
        """Its member sessions."""
        return EmbeddedSessions(self._scope)

    @cached_property
    def session_limits(self) -> EmbeddedSessionLimits:
        """The limits that it sets for sessions."""
        return EmbeddedSessionLimits(self._scope)

    @cached_property
    def all_sessions(self) -> EmbeddedAllSessions:
        """The sessions of all members at once."""
        return EmbeddedAllSessions(self._scope)

    @cached_property
    def members(self) -> EmbeddedMembers:
        """Its members."""
        return EmbeddedMembers(self._scope)

    @cached_property
    def invitations(self) -> EmbeddedInvitations:
        """Inviting people, and pending invitations."""
        return EmbeddedInvitations(self._scope)

    @cached_property
    def bulk_invitations(self) -> EmbeddedBulkInvitations:
        """Inviting many people at once."""
        return EmbeddedBulkInvitations(self._scope)

    @cached_property
    def member_roles(self) -> EmbeddedMemberRoles:
        """The roles that its members were assigned manually."""
        return EmbeddedMemberRoles(self._scope)

    @cached_property
    def account(self) -> EmbeddedAccount:
        """The account of the acting member."""
        return EmbeddedAccount(self._scope)

    @cached_property
    def preferences(self) -> EmbeddedPreferences:
        """The preferences of the acting member."""
        return EmbeddedPreferences(self._scope)

    @cached_property
    def member_locks(self) -> EmbeddedMemberLocks:
        """Locks of its members."""
        return EmbeddedMemberLocks(self._scope)

    @cached_property
    def sign_in_links(self) -> EmbeddedSignInLinks:
        """Sign-in links of its members."""
        return EmbeddedSignInLinks(self._scope)

    @cached_property
    def sign_in_settings(self) -> EmbeddedSignInSettings:
        """Consequences of its sign-in settings."""
        return EmbeddedSignInSettings(self._scope)

    @cached_property
    def passwords(self) -> EmbeddedPasswords:
        """Its members' passwords."""
        return EmbeddedPasswords(self._scope)

    @cached_property
    def password_resets(self) -> EmbeddedPasswordResets:
        """Links to choose a password."""
        return EmbeddedPasswordResets(self._scope)

    @cached_property
    def magic_links(self) -> EmbeddedMagicLinks:
        """Links that sign in."""
        return EmbeddedMagicLinks(self._scope)

    @cached_property
    def email_otps(self) -> EmbeddedEmailOtps:
        """Codes by email."""
        return EmbeddedEmailOtps(self._scope)

    @cached_property
    def email_updates(self) -> EmbeddedEmailUpdates:
        """Changes of its members' addresses."""
        return EmbeddedEmailUpdates(self._scope)

    @cached_property
    def totps(self) -> EmbeddedTotps:
        """Authenticator apps of its members."""
        return EmbeddedTotps(self._scope)

    @cached_property
    def passkeys(self) -> EmbeddedPasskeys:
        """Its members' passkeys."""
        return EmbeddedPasskeys(self._scope)

    @cached_property
    def sms_otps(self) -> EmbeddedSmsOtps:
        """Codes by text message to its members."""
        return EmbeddedSmsOtps(self._scope)

    @cached_property
    def remembered_devices(self) -> EmbeddedRememberedDevices:
        """The acting member's devices that aren't asked for a second factor."""
        return EmbeddedRememberedDevices(self._scope)

    @cached_property
    def recovery_codes(self) -> EmbeddedRecoveryCodes:
        """Recovery codes of its members."""
        return EmbeddedRecoveryCodes(self._scope)

    @cached_property
    def embedding(self) -> EmbeddedEmbedding:
        """The portal in frames of the product's pages."""
        return EmbeddedEmbedding(self._scope)

    @cached_property
    def domains(self) -> EmbeddedDomains:
        """Its email domains."""
        return EmbeddedDomains(self._scope)

    @cached_property
    def activity(self) -> EmbeddedActivity:
        """Its activity log."""
        return EmbeddedActivity(self._scope)

    @cached_property
    def counts(self) -> EmbeddedCounts:
        """Its numbers of members, users and groups."""
        return EmbeddedCounts(self._scope)

    @cached_property
    def rbac(self) -> EmbeddedRbac:
        """The project's roles and its custom roles."""
        return EmbeddedRbac(self._scope)

    @cached_property
    def roles(self) -> EmbeddedRoles:
        """Its own roles, and roles by email domain."""
        return EmbeddedRoles(self._scope)

    @cached_property
    def role_review(self) -> EmbeddedRoleReview:
        """Numbers of its roles, and previews of their changes."""
        return EmbeddedRoleReview(self._scope)

    @cached_property
    def scim(self) -> EmbeddedProjectScim:
        """Its SCIM connection."""
        return EmbeddedProjectScim(self._scope)


class EmbeddedProvider:
    """Implements portal.directory.directory.DirectoryProvider."""

    def open(self, organization_slug: str, origin: Origin) -> EmbeddedDirectory:
        """Return an organization's directory. This takes no query."""
        return EmbeddedDirectory(Scope(organization_slug, origin))

    def names(self, organization_slugs: Collection[str]) -> Mapping[str, str]:
        """Return the names of organizations by slug."""
        found = models.OrganizationRow.objects.filter(slug__in=organization_slugs, deleted_at=None)
        return dict(found.values_list("slug", "name"))

    def moved_to(self, former_slug: str) -> str:
        """Return the slug of the organization that had another one within the last ORGANIZATION_SLUG_DAYS days."""
        return former_slugs.moved_to(former_slug)

    def logo(self, organization_id: str, digest: str) -> Logo | None:
        """Return the stored logo of an organization, None if there isn't one with this digest."""
        return stored_logo(organization_id, digest)

    def lock_recorder(self) -> EmbeddedLockRecorder:
        """Return what records locked members."""
        return EmbeddedLockRecorder()

    def email_discovery(self, origin: Origin) -> EmbeddedEmailDiscovery:
        """Return discovery by a code or link to an email address."""
        return EmbeddedEmailDiscovery(origin)

    def discovery(self, origin: Origin) -> EmbeddedDiscovery:
        """Return discovery, which signs people in before they choose an organization."""
        return EmbeddedDiscovery(origin)
