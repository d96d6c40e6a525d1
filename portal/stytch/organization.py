"""The organization itself."""

from portal.directory.errors import NotFound
from portal.directory.organizations import Organization
from portal.stytch.http import path_of
from portal.stytch.scope import Scope
from portal.stytch.values import organization_value


class StytchOrganization:
    """Implements portal.directory.organizations.OrganizationGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self) -> Organization:
        """Return the organization (GET /v1/b2b/organizations/{slug}). Raise NotFound."""
        if self._scope.signed_in:
            return self._scope.signed_in.organization
        answer = self._scope.api.get(path_of("organizations", self._scope.organization_slug))
        organization = organization_value(answer.part("organization"))
        # Stytch also accepts an ID. The portal's URLs contain only slugs, so that each page has one URL.
        if organization.organization_slug != self._scope.organization_slug:
            raise NotFound("This organization does not exist.")
        return organization
