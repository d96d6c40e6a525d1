"""What the JSON API asks of a directory beyond what the portal's pages do.

Only the embedded directory has it: with Stytch, the SDKs talk to Stytch itself (docs/decisions/0013).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from portal.directory.actor import Actor
from portal.directory.directory import Directory, ScimGateway
from portal.directory.members import MembersGateway, ProjectMemberGateway
from portal.directory.organizations import OrganizationsGateway, ProjectOrganizationGateway
from portal.directory.passwords import PasswordStrength, ProjectPasswordGateway
from portal.directory.policy import Policy
from portal.directory.rbac import ProjectRbacGateway
from portal.directory.scim.connection import ScimConnection, ScimIdentityProvider
from portal.directory.sessions import ProjectSessionGateway, SignedIn


class ProjectScimGateway(ScimGateway, Protocol):
    """SCIM, with what programs do in one call."""

    def update_in_part(
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
    """One organization's directory, as the project itself or as a member whose session a product holds."""

    @property
    def scim(self) -> ProjectScimGateway: ...  # noqa: D102 -- the type says it
    @property
    def sessions(self) -> ProjectSessionGateway: ...  # noqa: D102 -- the type says it
    @property
    def rbac(self) -> ProjectRbacGateway: ...  # noqa: D102 -- the type says it
    @property
    def passwords(self) -> ProjectPasswordGateway: ...  # noqa: D102 -- the type says it
    @property
    def organization(self) -> ProjectOrganizationGateway: ...  # noqa: D102 -- the type says it
    @property
    def members(self) -> ProjectMemberGateway: ...  # noqa: D102 -- the type says it

    def acting_as(self, signed_in: SignedIn) -> "ProjectDirectory":
        """Return the same organization's directory, with every further call made by this member."""
        ...


class Project(Protocol):
    """The project: what SDKs name when they call, and the organizations that belong to it."""

    def admit(self, project_id: str, secret: str) -> Actor:
        """Return who calls by a secret of the project, and note its use. Raises Unauthenticated, whatever was wrong."""
        ...

    def admit_browser(self, public_token: str) -> None:
        """Let a browser name the project. Raises Unauthenticated."""
        ...

    def open(self, organization_id: str, caller: Actor | None) -> ProjectDirectory:
        """Return an organization's directory by its id, external id or slug; without a caller, a visitor's. Raises NotFound."""
        ...

    def open_session(self, session_token: str) -> tuple[SignedIn, ProjectDirectory]:
        """Return who holds a token, and their organization's directory, acting as them. Raises Unauthenticated."""
        ...

    def open_of_member(self, member_id: str, caller: Actor) -> ProjectDirectory:
        """Return the directory of a member's organization. Raises NotFound."""
        ...

    def open_of_session(self, member_session_id: str, caller: Actor) -> ProjectDirectory:
        """Return the directory of a session's organization, whether or not the session lives. Raises NotFound."""
        ...

    def policy(self) -> Policy:
        """Return the roles and resources of the project (Stytch: rbac.policy)."""
        ...

    def password_strength(self, password: str, *, email_address: str = "") -> PasswordStrength:
        """Return what a new password is worth for who has this address (Stytch: passwords.strength_check)."""
        ...

    def jwks(self, project_id: str) -> Sequence[Mapping[str, Any]]:
        """Return the keys that the project's session JWTs are verified with (RFC 7517). Raises NotFound."""
        ...

    def organizations(self, caller: Actor) -> OrganizationsGateway:
        """Return all organizations, in the hands of a caller that was admitted."""
        ...

    def members(self) -> MembersGateway:
        """Return the members of all organizations, for a caller that was admitted."""
        ...
