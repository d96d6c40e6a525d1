"""Stytch's organization methods."""

from dataclasses import fields
from typing import Any

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.errors.responses import ApiError
from portal.api.rights import Rights
from portal.directory.errors import NotFound
from portal.directory.organizations import (
    FIELD_ACTIONS,
    OWN_FIELDS,
    PROJECT_ONLY,
    RESOURCE,
    EmailImplicitRoleAssignment,
    OrganizationChanges,
    OrganizationsGateway,
)

_PATH = "organizations/{organization_id}"
_OWN = "b2b/organizations/me"
_UPDATE = Rights(
    RESOURCE,
    fields={name: action for name, action in FIELD_ACTIONS.items() if name not in OWN_FIELDS},
    never=PROJECT_ONLY,
)


class OrganizationFields(msgspec.Struct, kw_only=True):
    """Settings of an organization. A field that is left out doesn't change; a new organization gets Stytch's default."""

    organization_name: str | None = None
    organization_slug: str | None = None
    organization_logo_url: str | None = None
    organization_external_id: str | None = None
    trusted_metadata: dict[str, Any] | None = None
    email_allowed_domains: list[str] | None = None
    sso_jit_provisioning: str | None = None
    email_jit_provisioning: str | None = None
    email_invites: str | None = None
    auth_methods: str | None = None
    allowed_auth_methods: list[str] | None = None
    mfa_policy: str | None = None
    mfa_methods: str | None = None
    allowed_mfa_methods: list[str] | None = None
    oauth_tenant_jit_provisioning: str | None = None
    allowed_oauth_tenants: dict[str, list[str]] | None = None
    first_party_connected_apps_allowed_type: str | None = None
    allowed_first_party_connected_apps: list[str] | None = None
    third_party_connected_apps_allowed_type: str | None = None
    allowed_third_party_connected_apps: list[str] | None = None
    rbac_email_implicit_role_assignments: list[EmailImplicitRoleAssignment] | None = None


class CreateOrganizationRequest(OrganizationFields, kw_only=True):
    """A new organization. Without a slug, one is derived from the name."""

    organization_name: str
    claimed_email_domains: list[str] | None = None


class UpdateOrganizationRequest(OrganizationFields, kw_only=True):
    """Changes to an organization. Metadata keys with the value null are removed."""

    claimed_email_domains: list[str] | None = None
    sso_default_connection_id: str | None = None
    sso_jit_provisioning_allowed_connections: list[str] | None = None


class OrganizationResponse(msgspec.Struct):
    """An organization."""

    organization: wire.Organization


class DeleteOrganizationResponse(msgspec.Struct):
    """The organization that was deleted."""

    organization_id: str


class SearchOrganizationsResponse(msgspec.Struct):
    """A page of organizations."""

    organizations: list[wire.Organization]
    results_metadata: wire.ResultsMetadata


class MetricsResponse(msgspec.Struct):
    """The number of members, without deleted ones."""

    member_count: int


class GetBySlugRequest(msgspec.Struct):
    """The slug of an organization."""

    organization_slug: str


class PublicOrganization(msgspec.Struct):
    """The public details of an organization, shown before anyone signs in."""

    organization_id: str
    organization_name: str
    organization_slug: str
    organization_logo_url: str
    sso_active_connections: list[wire.ActiveSsoConnection]
    sso_default_connection_id: str | None
    email_jit_provisioning: str
    email_allowed_domains: list[str]
    oauth_tenant_jit_provisioning: str
    allowed_oauth_tenants: dict[str, list[str]]
    auth_methods: str
    allowed_auth_methods: list[str]
    mfa_policy: str


class GetBySlugResponse(msgspec.Struct):
    """The organization, or null if there is none."""

    organization: PublicOrganization | None


@endpoint("organizations.create", "POST organizations", rights=None, of_organization=False)
def create(caller: Caller, request: CreateOrganizationRequest) -> OrganizationResponse:
    """Create an organization."""
    return OrganizationResponse(wire.organization(_organizations(caller).create(organization_changes(request))))


@endpoint("organizations.get", f"GET {_PATH}", browser=[BrowserRoute("GET", _OWN)], rights=None)
def get(caller: Caller, _request: wire.Empty) -> OrganizationResponse:
    """Return an organization by ID, slug or external ID."""
    return OrganizationResponse(wire.organization(caller.directory.organization.get_with_connection()))


@endpoint("organizations.update", f"PUT {_PATH}", browser=[BrowserRoute("PUT", _OWN)], rights=_UPDATE)
def update(caller: Caller, request: UpdateOrganizationRequest) -> OrganizationResponse:
    """Change an organization; fields that are left out don't change."""
    return OrganizationResponse(wire.organization(caller.directory.organization.update(organization_changes(request))))


@endpoint(
    "organizations.delete", f"DELETE {_PATH}", browser=[BrowserRoute("DELETE", _OWN)], rights=Rights(RESOURCE, "delete")
)
def delete(caller: Caller, _request: wire.Empty) -> DeleteOrganizationResponse:
    """Delete an organization with its members, sessions and SCIM connection."""
    return DeleteOrganizationResponse(caller.directory.organization.delete())


@endpoint("organizations.delete_external_id", f"DELETE {_PATH}/external_id", rights=None)
def delete_external_id(caller: Caller, _request: wire.Empty) -> OrganizationResponse:
    """Remove an organization's external ID."""
    return OrganizationResponse(wire.organization(caller.directory.organization.delete_external_id()))


@endpoint("organizations.search", "POST organizations/search", rights=None, of_organization=False)
def search(caller: Caller, request: wire.SearchRequest) -> SearchOrganizationsResponse:
    """Return a page of the organizations that match all operands."""
    found = _organizations(caller).search(request.operands, **request.page)
    return SearchOrganizationsResponse([wire.organization(one) for one in found.items], wire.results_metadata(found))


@endpoint("organizations.metrics", f"GET {_PATH}/metrics", rights=None)
def metrics(caller: Caller, _request: wire.Empty) -> MetricsResponse:
    """Return the number of members of an organization."""
    return MetricsResponse(caller.directory.organization.member_count())


@endpoint(
    "organization.getBySlug",
    browser=[BrowserRoute("POST", "b2b/organizations/search", needs_session=False)],
    rights=None,
    of_organization=False,
)
def get_by_slug(caller: Caller, request: GetBySlugRequest) -> GetBySlugResponse:
    """Return the public details of an organization before anyone signs in, or null if there is none."""
    try:
        value = caller.project.open(request.organization_slug, None).organization.get()
    except NotFound:
        return GetBySlugResponse(None)
    if value.organization_slug != request.organization_slug:
        return GetBySlugResponse(None)
    organization = wire.organization(value)
    return GetBySlugResponse(
        PublicOrganization(
            **{field.name: getattr(organization, field.name) for field in msgspec.structs.fields(PublicOrganization)}
        )
    )


def require_backend(caller: Caller) -> None:
    """Raise ApiError unless the caller is a backend without a member session, which can reach every organization."""
    if caller.actor is None or caller.signed_in:
        raise ApiError(
            "session_authorization_error", "Only the project itself can do this. Do not send a member session."
        )


def _organizations(caller: Caller) -> OrganizationsGateway:
    require_backend(caller)
    return caller.project.organizations(caller.actor)  # type: ignore[arg-type]  # -- checked above


def organization_changes(request: OrganizationFields) -> OrganizationChanges:
    """Return the settings of a request as changes."""
    return OrganizationChanges(**{one.name: getattr(request, one.name, None) for one in fields(OrganizationChanges)})
