"""The embedded directory of one organization."""

from dataclasses import replace
from functools import cached_property

from portal.directory.actor import Origin
from portal.directory.organizations import Organization
from portal.directory.policy import Policy
from portal.directory.sessions import SignedIn
from portal.embedded.members.portal_members import EmbeddedMembers
from portal.embedded.members.sign_in_links import EmbeddedSignInLinks
from portal.embedded.scim.scim import EmbeddedScim
from portal.embedded.scope import Scope
from portal.embedded.sessions.discovery import EmbeddedDiscovery
from portal.embedded.sessions.sessions import EmbeddedSessions


class EmbeddedOrganization:
    """Implements portal.directory.organizations.OrganizationGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self) -> Organization:
        """Return the organization. Raises NotFound when there is none of this slug."""
        return self._scope.organization


class EmbeddedRbac:
    """Implements portal.directory.rbac.RbacGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def policy(self) -> Policy:
        """Return the default policy, extended by the policy file and the organization's own roles."""
        return self._scope.policy


class EmbeddedDirectory:
    """Implements portal.directory.directory.Directory."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def acting_as(self, signed_in: SignedIn) -> "EmbeddedDirectory":
        """Return the same directory, with every further call made by this member."""
        return EmbeddedDirectory(replace(self._scope, signed_in=signed_in))

    @cached_property
    def organization(self) -> EmbeddedOrganization:
        """The organization itself."""
        return EmbeddedOrganization(self._scope)

    @cached_property
    def sessions(self) -> EmbeddedSessions:
        """Its member sessions."""
        return EmbeddedSessions(self._scope)

    @cached_property
    def members(self) -> EmbeddedMembers:
        """Its members."""
        return EmbeddedMembers(self._scope)

    @cached_property
    def sign_in_links(self) -> EmbeddedSignInLinks:
        """One-time links to choose a password."""
        return EmbeddedSignInLinks(self._scope)

    @cached_property
    def rbac(self) -> EmbeddedRbac:
        """The project's roles, and the organization's own."""
        return EmbeddedRbac(self._scope)

    @cached_property
    def scim(self) -> EmbeddedScim:
        """Its SCIM connection."""
        return EmbeddedScim(self._scope)


class EmbeddedProvider:
    """Implements portal.directory.directory.DirectoryProvider."""

    def open(self, organization_slug: str, origin: Origin) -> EmbeddedDirectory:
        """Return the organization's directory, without a query."""
        return EmbeddedDirectory(Scope(organization_slug, origin))

    def discovery(self, origin: Origin) -> EmbeddedDiscovery:
        """Return the way in for a person who has not chosen an organization."""
        return EmbeddedDiscovery(origin)
