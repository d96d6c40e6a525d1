"""Stytch's member methods."""

from dataclasses import fields
from typing import Any

import msgspec

from portal.access import rate_limits
from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.endpoints.organizations import require_backend
from portal.api.errors.responses import ApiError
from portal.api.rights import Rights
from portal.directory.email_addresses import fold_address
from portal.directory.errors import NotFound
from portal.directory.members import FIELD_ACTIONS, PROJECT_ONLY, RESOURCE, Member, MemberChanges, MemberStatus
from portal.directory.organizations import Organization
from portal.directory.search import Found

_PATH = "organizations/{organization_id}/members"
MEMBER_PATH = f"{_PATH}/{{member_id}}"
BROWSER_PATH = "b2b/organizations/members"
_SEARCH = Rights(RESOURCE, "search")


def rights_or_self(action: str) -> Rights:
    """Return the rights to act on any member, or on oneself."""
    return Rights(RESOURCE, action, or_self=True)


class MemberFields(msgspec.Struct, kw_only=True):
    """Fields of a member. Those that are left out don't change."""

    email_address: str | None = None
    name: str | None = None
    trusted_metadata: dict[str, Any] | None = None
    untrusted_metadata: dict[str, Any] | None = None
    is_breakglass: bool | None = None
    mfa_phone_number: str | None = None
    mfa_enrolled: bool | None = None
    roles: list[str] | None = None
    external_id: str | None = None


class CreateMemberRequest(MemberFields, kw_only=True):
    """A new member."""

    email_address: str
    create_member_as_pending: bool | None = None


class UpdateMemberRequest(MemberFields, kw_only=True):
    """Changes to a member: in browsers the signed-in member if `member_id` is left out.

    `preserve_existing_sessions` belongs to single sign-on and has no effect yet.
    """

    member_id: str = ""
    default_mfa_method: str | None = None
    unlink_email: bool | None = None
    preserve_existing_sessions: bool | None = None


class MemberRequest(msgspec.Struct):
    """A member by ID or external ID; in browsers the signed-in member if it's left out."""

    member_id: str = ""


class GetMemberRequest(MemberRequest):
    """A member by ID or email address; in browsers the signed-in member."""

    email_address: str = ""


class DangerouslyGetMemberRequest(MemberRequest):
    """A member of any organization."""

    include_deleted: bool = False


class OidcProvidersRequest(MemberRequest):
    """A member, and whether to return refresh tokens."""

    include_refresh_token: bool | None = None


class DeletePasswordRequest(msgspec.Struct):
    """A password by its `member_password_id`."""

    member_password_id: str


class SearchMembersRequest(wire.SearchRequest, kw_only=True):
    """A search in the given organizations; in browsers, in the session's organization."""

    organization_ids: list[str] | None = None


class SearchByEmailRequest(msgspec.Struct):
    """The email address that someone entered."""

    email_address: str


class MemberPreview(msgspec.Struct):
    """The public details of a member before they sign in: only that they exist."""

    status: str
    name: str = ""
    member_password_id: str = ""


class SearchByEmailResponse(msgspec.Struct):
    """The member, or null if there is none."""

    member: MemberPreview | None


class MemberResponse(msgspec.Struct):
    """A member and their organization."""

    member_id: str
    member: wire.Member
    organization: wire.Organization


class OidcProvider(msgspec.Struct):
    """Stytch's OIDCProviderInfo: what an OIDC connection issued when the member last signed in through it."""

    provider_subject: str
    id_token: str
    access_token: str
    access_token_expires_in: int
    scopes: list[str]
    connection_id: str
    refresh_token: str | None = None


class OidcProvidersResponse(msgspec.Struct):
    """The OIDC connections through which a member signs in."""

    registrations: list[OidcProvider]


class DeleteMemberResponse(msgspec.Struct):
    """The member that was deleted."""

    member_id: str


class SearchMembersResponse(msgspec.Struct):
    """A page of members, and their organizations by ID."""

    members: list[wire.Member]
    organizations: dict[str, wire.Organization]
    results_metadata: wire.ResultsMetadata


@endpoint(
    "organizations.members.searchByEmail",
    browser=[BrowserRoute("POST", f"{BROWSER_PATH}/search", needs_session=False)],
    rights=None,
)
def search_by_email(caller: Caller, request: SearchByEmailRequest) -> SearchByEmailResponse:
    """Return whether an email address belongs to a member. Stytch's sign-in component requests this before the password."""
    if not rate_limits.admit_member_search(caller.origin.ip_address):
        raise ApiError("too_many_requests", "Too many attempts. Wait a minute, then try again.", Retry_After="60")
    try:
        found = caller.directory.members.by_email_address(request.email_address)
    except NotFound:
        return SearchByEmailResponse(None)
    return SearchByEmailResponse(MemberPreview(found.status))


@endpoint(
    "organizations.members.create",
    f"POST {_PATH}",
    browser=[BrowserRoute("POST", BROWSER_PATH)],
    rights=Rights(RESOURCE, "create", never=PROJECT_ONLY),
)
def create(caller: Caller, request: CreateMemberRequest) -> MemberResponse:
    """Create a member, active or pending."""
    member = caller.directory.members.create(
        _changes(request), status=MemberStatus.PENDING if request.create_member_as_pending else MemberStatus.ACTIVE
    )
    return member_response(caller, member)


@endpoint(
    "organizations.members.get",
    "GET organizations/{organization_id}/member",
    browser=[BrowserRoute("GET", f"{BROWSER_PATH}/me")],
    rights=None,
)
def get(caller: Caller, request: GetMemberRequest) -> MemberResponse:
    """Return a member by ID, external ID or email address; in browsers the signed-in member."""
    members = caller.directory.members
    if caller.actor is None:
        return member_response(caller, members.get(_own_member_id(caller)))
    if bool(request.member_id) == bool(request.email_address):
        raise ApiError("invalid_member_get_fields", "Send either member_id or email_address.")
    if caller.signed_in and not _is_about(caller.signed_in.member, request):
        _SEARCH.check(request, caller.signed_in, caller.directory.rbac.policy())
    found = members.get(request.member_id) if request.member_id else members.by_email_address(request.email_address)
    return member_response(caller, found)


@endpoint(
    "organizations.members.dangerously_get",
    "GET organizations/members/dangerously_get/{member_id}",
    rights=None,
    of_organization=False,
)
def dangerously_get(caller: Caller, request: DangerouslyGetMemberRequest) -> MemberResponse:
    """Return a member of any organization."""
    require_backend(caller)
    return _response(*caller.project.members().get(request.member_id, include_deleted=request.include_deleted))


@endpoint(
    "organizations.members.update",
    f"PUT {MEMBER_PATH}",
    browser=[BrowserRoute("PUT", f"{BROWSER_PATH}/{{member_id}}"), BrowserRoute("PUT", f"{BROWSER_PATH}/update")],
    rights=Rights(RESOURCE, fields=FIELD_ACTIONS, or_self=True, never=PROJECT_ONLY),
)
def update(caller: Caller, request: UpdateMemberRequest) -> MemberResponse:
    """Change a member; fields that are left out don't change. A new email address is unverified and removes the password."""
    return member_response(
        caller, caller.directory.members.update(member_id_of(caller, request.member_id), _changes(request))
    )


@endpoint(
    "organizations.members.delete",
    f"DELETE {MEMBER_PATH}",
    browser=[BrowserRoute("DELETE", f"{BROWSER_PATH}/{{member_id}}")],
    rights=rights_or_self("delete"),
)
def delete(caller: Caller, request: MemberRequest) -> DeleteMemberResponse:
    """Delete a member and their sessions, roles, password and MFA factors, effective immediately."""
    return DeleteMemberResponse(caller.directory.members.delete(member_id_of(caller, request.member_id)))


@endpoint(
    "organizations.members.reactivate",
    f"PUT {MEMBER_PATH}/reactivate",
    browser=[BrowserRoute("PUT", f"{BROWSER_PATH}/{{member_id}}/reactivate")],
    rights=Rights(RESOURCE, "create"),
)
def reactivate(caller: Caller, request: MemberRequest) -> MemberResponse:
    """Reactivate a deleted member, without what the deletion removed. Takes the member ID only, not an external ID."""
    return member_response(caller, caller.directory.members.reactivate(request.member_id))


@endpoint(
    "organizations.members.delete_password",
    f"DELETE {_PATH}/passwords/{{member_password_id}}",
    browser=[BrowserRoute("DELETE", f"{BROWSER_PATH}/passwords/{{member_password_id}}")],
    rights=rights_or_self("update.info.delete.password"),
)
def delete_password(caller: Caller, request: DeletePasswordRequest) -> MemberResponse:
    """Delete a member's password."""
    return member_response(caller, caller.directory.members.delete_password(request.member_password_id))


@endpoint(
    "organizations.members.delete_mfa_phone_number",
    f"DELETE {_PATH}/mfa_phone_numbers/{{member_id}}",
    browser=[
        BrowserRoute("DELETE", f"{BROWSER_PATH}/mfa_phone_numbers/{{member_id}}"),
        BrowserRoute("DELETE", f"{BROWSER_PATH}/deletePhoneNumber"),
    ],
    rights=rights_or_self("update.info.delete.mfa-phone"),
)
def delete_mfa_phone_number(caller: Caller, request: MemberRequest) -> MemberResponse:
    """Delete a member's phone number."""
    return member_response(
        caller, caller.directory.members.delete_mfa_phone_number(member_id_of(caller, request.member_id))
    )


@endpoint(
    "organizations.members.delete_totp",
    f"DELETE {MEMBER_PATH}/totp",
    browser=[
        BrowserRoute("DELETE", f"{BROWSER_PATH}/totp/{{member_id}}"),
        BrowserRoute("DELETE", f"{BROWSER_PATH}/deleteTOTP"),
    ],
    rights=rights_or_self("update.info.delete.mfa-totp"),
)
def delete_totp(caller: Caller, request: MemberRequest) -> MemberResponse:
    """Delete a member's authenticator app and recovery codes. Sessions continue."""
    return member_response(caller, caller.directory.members.delete_totp(member_id_of(caller, request.member_id)))


@endpoint("organizations.members.delete_external_id", f"DELETE {MEMBER_PATH}/external_id", rights=None)
def delete_external_id(caller: Caller, request: MemberRequest) -> MemberResponse:
    """Remove a member's external ID."""
    return member_response(caller, caller.directory.members.delete_external_id(request.member_id))


@endpoint("organizations.members.oidc_providers", f"GET {MEMBER_PATH}/oidc_providers", rights=None)
def oidc_providers(caller: Caller, request: OidcProvidersRequest) -> OidcProvidersResponse:
    """Return the tokens that a member's OIDC connections issued. None can be created yet, so the list is empty."""
    require_backend(caller)
    caller.directory.members.get(request.member_id)
    return OidcProvidersResponse([])


@endpoint(
    "organizations.members.search",
    "POST organizations/members/search",
    browser=[BrowserRoute("POST", "b2b/organizations/me/members/search")],
    rights=_SEARCH,
    of_organization=False,
)
def search(caller: Caller, request: SearchMembersRequest) -> SearchMembersResponse:
    """Return a page of the members of the given organizations that match all operands."""
    operands = request.operands
    if caller.actor is None:
        organizations: tuple[Organization, ...] = (caller.directory.organization.get_with_connection(),)
        return _members(caller.directory.members.search(operands, **request.page), organizations)
    if not request.organization_ids:
        raise ApiError(
            "member_search_organization_ids_empty", "organization_ids must contain at least one organization."
        )
    organizations = caller.project.organizations(caller.actor).get_many(request.organization_ids)
    if caller.signed_in is None:
        return _members(caller.project.members().search(organizations, operands, **request.page), organizations)
    if [one.organization_id for one in organizations] != [caller.signed_in.organization.organization_id]:
        raise ApiError("session_authorization_tenancy_error", "The member's session belongs to another organization.")
    return _members(caller.directory.members.search(operands, **request.page), organizations)


def _members(found: Found[Member], organizations: tuple[Organization, ...]) -> SearchMembersResponse:
    organization_ids = {one.organization_id for one in found.items}
    return SearchMembersResponse(
        members=[wire.member(one) for one in found.items],
        organizations={
            one.organization_id: wire.organization(one)
            for one in organizations
            if one.organization_id in organization_ids
        },
        results_metadata=wire.results_metadata(found),
    )


def member_response(caller: Caller, member: Member) -> MemberResponse:
    """Return a member and the caller's organization."""
    return _response(member, caller.directory.organization.get_with_connection())


def _response(member: Member, organization: Organization) -> MemberResponse:
    return MemberResponse(
        member_id=member.member_id,
        member=wire.member(member),
        organization=wire.organization(organization),
    )


def _own_member_id(caller: Caller) -> str:
    return caller.signed_in.member.member_id if caller.signed_in else ""


def _is_about(member: Member, request: GetMemberRequest) -> bool:
    if request.email_address:
        return fold_address(request.email_address) == fold_address(member.email_address)
    return request.member_id in {member.member_id, member.external_id}


def member_id_of(caller: Caller, member_id: str) -> str:
    """Return the member that a request is about: in browsers the signed-in member if it names none."""
    return member_id or (_own_member_id(caller) if caller.actor is None else "")


def _changes(request: MemberFields) -> MemberChanges:
    return MemberChanges(**{one.name: getattr(request, one.name, None) for one in fields(MemberChanges)})
