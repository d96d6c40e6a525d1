"""The project: what the JSON API needs of a directory in addition to the portal's pages.

Only the embedded directory implements it. With Stytch, the SDKs talk to Stytch itself (docs/decisions/0013).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from portal.directory.actor import Actor
from portal.directory.configuration import ProjectConfiguration
from portal.directory.directory import Directory, ScimGateway
from portal.directory.discovery import ProjectDiscoveryGateway
from portal.directory.email_otps import ProjectEmailOtpGateway
from portal.directory.embedding import EmbeddingGateway
from portal.directory.magic_links import ProjectMagicLinkGateway
from portal.directory.member_locks import LockRecorder
from portal.directory.organizations import OrganizationsGateway, ProjectOrganizationGateway
from portal.directory.password_resets import ProjectPasswordResetGateway
from portal.directory.passwords import PasswordStrength, ProjectPasswordGateway
from portal.directory.policy import Policy
from portal.directory.project_members import MembersGateway, ProjectMemberGateway
from portal.directory.rbac import ProjectRbacGateway
from portal.directory.recovery_codes import ProjectRecoveryCodeGateway
from portal.directory.scim.connection import ScimConnection, ScimIdentityProvider
from portal.directory.sessions import ProjectSessionGateway, SignedIn
from portal.directory.totps import ProjectTotpGateway
from portal.directory.trusted_tokens import TrustedToken


class ProjectScimGateway(ScimGateway, Protocol):
    """SCIM, with what API clients do in one request."""

    def update_connection(
        self,
        connection_id: str,
        *,
        display_name: str | None,
        identity_provider: ScimIdentityProvider | None,
        group_roles: Collection[tuple[str, str]] | None,
    ) -> ScimConnection:
        """Change what is given; (group id, role id) replace all roles of groups (Stytch: scim.connection.update).

        All of it or nothing. Needs `stytch.scim:update`, for roles also `stytch.organization:update.settings.implicit-roles`.
        Raises NotFound, Invalid, Conflict where nobody would be left as admin.
        """
        ...


class ProjectDirectory(Directory, Protocol):
    """One organization's directory, for the project itself or for a member whose session a product holds."""

    @property
    def scim(self) -> ProjectScimGateway:
        """Its SCIM connection."""
        ...

    @property
    def sessions(self) -> ProjectSessionGateway:
        """Its member sessions."""
        ...

    @property
    def rbac(self) -> ProjectRbacGateway:
        """The RBAC policy."""
        ...

    @property
    def passwords(self) -> ProjectPasswordGateway:
        """Its members' passwords."""
        ...

    @property
    def password_resets(self) -> ProjectPasswordResetGateway:
        """Links to choose a password."""
        ...

    @property
    def magic_links(self) -> ProjectMagicLinkGateway:
        """Links that sign in."""
        ...

    @property
    def email_otps(self) -> ProjectEmailOtpGateway:
        """Codes by email."""
        ...

    @property
    def totps(self) -> ProjectTotpGateway:
        """Its members' authenticator apps."""
        ...

    @property
    def recovery_codes(self) -> ProjectRecoveryCodeGateway:
        """Its members' recovery codes."""
        ...

    @property
    def embedding(self) -> EmbeddingGateway:
        """The portal in frames of the product's pages."""
        ...

    @property
    def organization(self) -> ProjectOrganizationGateway:
        """The organization itself."""
        ...

    @property
    def members(self) -> ProjectMemberGateway:
        """Its members."""
        ...

    def acting_as(self, signed_in: SignedIn) -> "ProjectDirectory":
        """Return the same organization's directory, with this member as the caller."""
        ...


class Project(Protocol):
    """The project that SDKs authenticate to, and its organizations."""

    def authenticate_secret(self, project_id: str, secret: str) -> Actor:
        """Return the caller with this secret of the project, and record its use. Raise Unauthenticated."""
        ...

    def authenticate_public_token(self, public_token: str) -> None:
        """Check the public token that a browser sends. Raise Unauthenticated."""
        ...

    def open(self, organization_id: str, caller: Actor | None) -> ProjectDirectory:
        """Return an organization's directory by ID, external ID or slug. None as caller is a visitor. Raise NotFound."""
        ...

    def open_session(self, session_token: str) -> tuple[SignedIn, ProjectDirectory]:
        """Return the session of a token or JWT, and its organization's directory with its member as the caller.

        Raise Unauthenticated.
        """
        ...

    def open_of_email_token(self, token: str, caller: Actor | None) -> ProjectDirectory:
        """Return the directory of the organization that a link by email is for. Raise Unauthenticated if there is none."""
        ...

    def open_of_member(self, member_id: str, caller: Actor) -> ProjectDirectory:
        """Return the directory of a member's organization. Raise NotFound."""
        ...

    def open_of_session(self, member_session_id: str, caller: Actor) -> ProjectDirectory:
        """Return the directory of a session's organization, even if the session has ended. Raise NotFound."""
        ...

    def lock_recorder(self) -> LockRecorder:
        """Return what records locked members."""
        ...

    def policy(self) -> Policy:
        """Return the roles and resources of the project (Stytch: rbac.policy)."""
        ...

    def password_strength(self, password: str, *, email_address: str = "") -> PasswordStrength:
        """Return how strong a password is for a person with this address (Stytch: passwords.strength_check)."""
        ...

    def trusted_token(self, profile_id: str, token: str) -> TrustedToken:
        """Return what a trusted auth token says (Stytch: sessions.attest). Raise NotFound, Unauthenticated."""
        ...

    def address_of_other_session(self, session_token: str) -> str:
        """Return the email address of a session in the system that the product used before (Stytch: sessions.migrate).

        Raise NotFound if none is configured, Unauthenticated for a token that it rejects, Unavailable.
        """
        ...

    def jwks(self, project_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the public keys of the project's session JWTs (RFC 7517). Raise NotFound."""
        ...

    def organizations(self, caller: Actor) -> OrganizationsGateway:
        """Return all organizations, for an authenticated caller."""
        ...

    def discovery(self, caller: Actor | None) -> ProjectDiscoveryGateway:
        """Return discovery. None as caller is a visitor."""
        ...

    @property
    def configuration(self) -> ProjectConfiguration:
        """The project's configuration."""
        ...

    def members(self) -> MembersGateway:
        """Return the members of all organizations, for an authenticated caller."""
        ...
