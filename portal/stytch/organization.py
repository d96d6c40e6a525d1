"""The organization itself."""

from dataclasses import asdict

from portal.directory.errors import Conflict, Invalid, NotFound, Unauthenticated
from portal.directory.organizations import (
    CHANGED_IN_THE_MEANTIME,
    Organization,
    OrganizationChanges,
    changed_since,
)
from portal.directory.step_up import require_recent_proof
from portal.stytch.errors import Meanings
from portal.stytch.http import path_of
from portal.stytch.scope import Scope
from portal.stytch.values import organization_value

_UPDATE_MEANINGS: Meanings = {
    "organization_slug_already_used": (Conflict, "Another organization has this slug. Choose another one."),
    "invalid_organization_slug": (Invalid, "Use 2 to 128 letters, digits or . _ ~ - for the slug."),
    "invalid_organization_name": (Invalid, "Enter a name."),
    "organization_name_missing": (Invalid, "Enter a name."),
    "organization_name_includes_banned_words": (Invalid, "The directory doesn’t allow this name. Choose another one."),
    "organization_logo_url_too_long": (Invalid, "The logo’s URL is too long."),
    "organization_settings_invalid_domain": (Invalid, "Enter a domain such as example.com."),
    "organization_settings_domain_too_common": (Invalid, "Anyone can get an address at one of these domains."),
}


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

    def update(self, changes: OrganizationChanges, *, version: str = "") -> Organization:
        """Make all changes (PUT /v1/b2b/organizations/{organization_id}) with the member's session. Raise as the contract.

        Stytch's API has no version, so it is compared with what Stytch returned for this request.
        """
        if self._scope.signed_in is None:
            raise Unauthenticated("Sign in first.")
        if changes.mfa_required_for_admins or changes.passkeys:
            raise Invalid("The directory can’t require a second factor of admins only, and has no passkeys.")
        if changes.theme is not None:
            raise Invalid("The directory doesn’t store themes.", field="theme")
        organization = self._scope.signed_in.organization
        if version and changed_since(organization, version):
            raise Conflict(CHANGED_IN_THE_MEANTIME, field="version")
        answer = self._scope.api.put(
            path_of("organizations", organization.organization_id),
            {name: value for name, value in asdict(changes).items() if value is not None},
            session_token=self._scope.signed_in.session_token,
            meanings=_UPDATE_MEANINGS,
        )
        return organization_value(answer.part("organization"))

    @property
    def restorable_days(self) -> int:
        """Return 0: Stytch deletes organizations permanently."""
        return 0

    def delete(self) -> str:
        """Delete the organization (DELETE /v1/b2b/organizations/{organization_id}). Raise Forbidden, StepUpRequired."""
        if self._scope.signed_in is None:
            raise Unauthenticated("Sign in first.")
        require_recent_proof(self._scope.signed_in)
        organization_id = self._scope.signed_in.organization.organization_id
        token = self._scope.signed_in.session_token
        return self._scope.api.delete(path_of("organizations", organization_id), session_token=token).text(
            "organization_id"
        )
