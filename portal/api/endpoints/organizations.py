"""Stytch's methods of organizations."""

from dataclasses import fields
from typing import Any

import msgspec

from portal.api import wire
from portal.api.caller import Call
from portal.api.declaration import Twin, endpoint
from portal.api.endpoints import searches
from portal.api.endpoints.searches import ResultsMetadata, Search
from portal.api.errors.responses import ApiError
from portal.api.rights import Rights
from portal.api.wire import Nothing
from portal.directory.errors import NotFound
from portal.directory.organizations import (
    FIELD_ACTIONS,
    PROJECT_ONLY,
    RESOURCE,
    EmailImplicitRoleAssignment,
    OrganizationChanges,
    OrganizationsGateway,
)

_PATH = "organizations/{organization_id}"
_OWN = "b2b/organizations/me"
_UPDATE = Rights(RESOURCE, fields=FIELD_ACTIONS, never=PROJECT_ONLY)


class Settings(msgspec.Struct, kw_only=True):
    """What an organization is made of or changed to; what is left out stays, or is as Stytch's defaults are."""

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
    claimed_email_domains: list[str] | None = None
    first_party_connected_apps_allowed_type: str | None = None
    allowed_first_party_connected_apps: list[str] | None = None
    third_party_connected_apps_allowed_type: str | None = None
    allowed_third_party_connected_apps: list[str] | None = None
    rbac_email_implicit_role_assignments: list[EmailImplicitRoleAssignment] | None = None


class NewOrganization(Settings, kw_only=True):
    """What a new organization is made of; without a slug one is made of the name."""

    organization_name: str


class ChangedOrganization(Settings, kw_only=True):
    """What is to be changed; keys of metadata that are null are taken away."""

    sso_default_connection_id: str | None = None
    sso_jit_provisioning_allowed_connections: list[str] | None = None


class OneOrganization(msgspec.Struct):
    """An answer with an organization."""

    organization: wire.Organization


class DeletedOrganization(msgspec.Struct):
    """The answer of a deletion."""

    organization_id: str


class Organizations(msgspec.Struct):
    """A page of organizations."""

    organizations: list[wire.Organization]
    results_metadata: ResultsMetadata


class Metrics(msgspec.Struct):
    """How many members an organization has; deleted ones do not count."""

    member_count: int


class Slug(msgspec.Struct):
    """Which organization."""

    organization_slug: str


class PublicOrganization(msgspec.Struct):
    """What a page may know of an organization before anybody has signed in."""

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


class FoundOrganization(msgspec.Struct):
    """An answer with an organization, null where there is none."""

    organization: PublicOrganization | None


@endpoint("organizations.create", "POST organizations", rights=None, of_organization=False)
def create(call: Call, request: NewOrganization) -> OneOrganization:
    """Create an organization. `mfa_policy` and the other MFA settings are stored, but not enforced."""
    return OneOrganization(wire.organization(_all(call).create(_changes(request))))


@endpoint("organizations.get", f"GET {_PATH}", sdk=[Twin("GET", _OWN)], rights=None)
def get(call: Call, request: Nothing) -> OneOrganization:  # noqa: ARG001 -- every method has both
    """Return an organization by its id, slug or external id."""
    return OneOrganization(wire.organization(call.directory.organization.get_with_connection()))


@endpoint("organizations.update", f"PUT {_PATH}", sdk=[Twin("PUT", _OWN)], rights=_UPDATE)
def update(call: Call, request: ChangedOrganization) -> OneOrganization:
    """Change an organization; what is left out stays. `mfa_policy` and the other MFA settings are stored, but not enforced."""
    return OneOrganization(wire.organization(call.directory.organization.update(_changes(request))))


@endpoint("organizations.delete", f"DELETE {_PATH}", sdk=[Twin("DELETE", _OWN)], rights=Rights(RESOURCE, "delete"))
def delete(call: Call, request: Nothing) -> DeletedOrganization:  # noqa: ARG001 -- as above
    """Delete an organization with its members, its sessions and its SCIM connection."""
    return DeletedOrganization(call.directory.organization.delete())


@endpoint("organizations.delete_external_id", f"DELETE {_PATH}/external_id", rights=None)
def delete_external_id(call: Call, request: Nothing) -> OneOrganization:  # noqa: ARG001 -- as above
    """Forget what your product calls an organization."""
    return OneOrganization(wire.organization(call.directory.organization.delete_external_id()))


@endpoint("organizations.search", "POST organizations/search", rights=None, of_organization=False)
def search(call: Call, request: Search) -> Organizations:
    """Return the organizations that all operands find, page by page."""
    found = _all(call).search(searches.operands(request), **request.page)
    return Organizations([wire.organization(one) for one in found.items], searches.results_metadata(found))


@endpoint("organizations.metrics", f"GET {_PATH}/metrics", rights=None)
def metrics(call: Call, request: Nothing) -> Metrics:  # noqa: ARG001 -- as above
    """Return how many members an organization has."""
    return Metrics(call.directory.organization.member_count())


@endpoint(
    "organization.getBySlug",
    sdk=[Twin("POST", "b2b/organizations/search", needs_session=False)],
    rights=None,
    of_organization=False,
)
def get_by_slug(call: Call, request: Slug) -> FoundOrganization:
    """Return what a page may know of an organization before anybody has signed in; null where there is none."""
    try:
        value = call.project.open(request.organization_slug, None).organization.get()
    except NotFound:
        return FoundOrganization(None)
    if value.organization_slug != request.organization_slug:
        return FoundOrganization(None)
    whole = wire.organization(value)
    return FoundOrganization(
        PublicOrganization(
            **{field.name: getattr(whole, field.name) for field in msgspec.structs.fields(PublicOrganization)}
        )
    )


def only_backend(call: Call) -> None:
    """Raise ApiError where a call that reaches every organization is made on behalf of a member of one."""
    if call.caller is None or call.signed_in:
        raise ApiError("session_authorization_error", "Only the project itself may do this: send no member session.")


def _all(call: Call) -> OrganizationsGateway:
    only_backend(call)
    return call.project.organizations(call.caller)  # type: ignore[arg-type]  # -- just checked


def _changes(request: Settings) -> OrganizationChanges:
    return OrganizationChanges(**{one.name: getattr(request, one.name, None) for one in fields(OrganizationChanges)})
