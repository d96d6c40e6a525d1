"""Stytch's methods of members."""

from dataclasses import fields
from typing import Any

import msgspec

from portal.access import rate_limits
from portal.api import wire
from portal.api.caller import Call
from portal.api.declaration import Twin, endpoint
from portal.api.endpoints import searches
from portal.api.endpoints.organizations import only_backend
from portal.api.endpoints.searches import ResultsMetadata, Search
from portal.api.errors.responses import ApiError
from portal.api.rights import Rights
from portal.directory.email_addresses import fold_address
from portal.directory.errors import NotFound
from portal.directory.members import FIELD_ACTIONS, PROJECT_ONLY, RESOURCE, Member, MemberChanges
from portal.directory.organizations import Organization
from portal.directory.search import Found

_PATH = "organizations/{organization_id}/members"
_ONE = f"{_PATH}/{{member_id}}"
_PAGE = "b2b/organizations/members"
_SEARCH = Rights(RESOURCE, "search")


def _may(action: str) -> Rights:
    return Rights(RESOURCE, action, or_self=True)


class Changes(msgspec.Struct, kw_only=True):
    """What a member is made of or changed to; what is left out stays."""

    email_address: str | None = None
    name: str | None = None
    trusted_metadata: dict[str, Any] | None = None
    untrusted_metadata: dict[str, Any] | None = None
    is_breakglass: bool | None = None
    mfa_phone_number: str | None = None
    mfa_enrolled: bool | None = None
    roles: list[str] | None = None
    external_id: str | None = None


class NewMember(Changes, kw_only=True):
    """What a new member is made of."""

    email_address: str
    create_member_as_pending: bool | None = None


class ChangedMember(Changes, kw_only=True):
    """What is to be changed; `member_id` is the signed-in member's own where a browser leaves it out.

    `preserve_existing_sessions` is of SSO, which there is not yet.
    """

    member_id: str = ""
    default_mfa_method: str | None = None
    unlink_email: bool | None = None
    preserve_existing_sessions: bool | None = None


class NamedMember(msgspec.Struct):
    """Which member: an id or an external id; in browsers the signed-in one, where it is left out."""

    member_id: str = ""


class WantedMember(NamedMember):
    """Which member, by id or by e-mail address; in browsers the signed-in one."""

    email_address: str = ""


class DangerouslyWanted(NamedMember):
    """Which member of whatever organization."""

    include_deleted: bool = False


class NamedPassword(msgspec.Struct):
    """Which password, by its `member_password_id`."""

    member_password_id: str


class RetiredEmailToUnlink(NamedMember):
    """Which former address of a member."""

    email_id: str | None = None
    email_address: str | None = None


class MemberSearch(Search, kw_only=True):
    """Which page of the members of which organizations; in browsers of the session's."""

    organization_ids: list[str] | None = None


class EmailAddress(msgspec.Struct):
    """Whose email address it may be."""

    email_address: str


class KnownMember(msgspec.Struct):
    """A member, as far as a page may know before they sign in: only that there is one."""

    status: str
    name: str = ""
    member_password_id: str = ""


class FoundMember(msgspec.Struct):
    """An answer with a member, null where there is none."""

    member: KnownMember | None


class OneMember(msgspec.Struct):
    """An answer with a member and the organization."""

    member_id: str
    member: wire.Member
    organization: wire.Organization


class OneMemberOf(OneMember):
    """An answer with a member, the organization, and its id."""

    organization_id: str


class DeletedMember(msgspec.Struct):
    """The answer of a deletion."""

    member_id: str


class Members(msgspec.Struct):
    """A page of members, and their organizations by id."""

    members: list[wire.Member]
    organizations: dict[str, wire.Organization]
    results_metadata: ResultsMetadata


@endpoint(
    "organizations.members.searchByEmail",
    sdk=[Twin("POST", f"{_PAGE}/search", needs_session=False)],
    rights=None,
)
def search_by_email(call: Call, request: EmailAddress) -> FoundMember:
    """Say whether an email address is a member's, which Stytch's sign-in component asks before the password."""
    if not rate_limits.admit_member_search(call.origin.ip_address):
        raise ApiError("too_many_requests", "Too many attempts. Wait a minute, then try again.", Retry_After="60")
    try:
        found = call.directory.members.by_email_address(request.email_address)
    except NotFound:
        return FoundMember(None)
    return FoundMember(KnownMember(found.status))


@endpoint(
    "organizations.members.create",
    f"POST {_PATH}",
    sdk=[Twin("POST", _PAGE)],
    rights=Rights(RESOURCE, "create", never=PROJECT_ONLY),
)
def create(call: Call, request: NewMember) -> OneMember:
    """Make a member, active at once or pending."""
    return _one(
        call, call.directory.members.create(_changes(request), as_pending=bool(request.create_member_as_pending))
    )


@endpoint(
    "organizations.members.get",
    "GET organizations/{organization_id}/member",
    sdk=[Twin("GET", f"{_PAGE}/me")],
    rights=None,
)
def get(call: Call, request: WantedMember) -> OneMember:
    """Return a member by id, external id or e-mail address; in browsers the one who is signed in."""
    members = call.directory.members
    if call.caller is None:
        return _one(call, members.get(_own(call)))
    if bool(request.member_id) == bool(request.email_address):
        raise ApiError("invalid_member_get_fields", "Name member_id or email_address.")
    if call.signed_in and not _names(call.signed_in.member, request):
        _SEARCH.check(request, call.signed_in, call.directory.rbac.policy())
    found = members.get(request.member_id) if request.member_id else members.by_email_address(request.email_address)
    return _one(call, found)


@endpoint(
    "organizations.members.dangerously_get",
    "GET organizations/members/dangerously_get/{member_id}",
    rights=None,
    of_organization=False,
)
def dangerously_get(call: Call, request: DangerouslyWanted) -> OneMember:
    """Return a member of whatever organization."""
    only_backend(call)
    return _answer(*call.project.members().get(request.member_id, include_deleted=request.include_deleted))


@endpoint(
    "organizations.members.update",
    f"PUT {_ONE}",
    sdk=[Twin("PUT", f"{_PAGE}/{{member_id}}"), Twin("PUT", f"{_PAGE}/update")],
    rights=Rights(RESOURCE, fields=FIELD_ACTIONS, or_self=True, never=PROJECT_ONLY),
)
def update(call: Call, request: ChangedMember) -> OneMember:
    """Change a member; what is left out stays. A new address is unverified, and takes the password away."""
    return _one(call, call.directory.members.update(_named(call, request.member_id), _changes(request)))


@endpoint(
    "organizations.members.delete",
    f"DELETE {_ONE}",
    sdk=[Twin("DELETE", f"{_PAGE}/{{member_id}}")],
    rights=_may("delete"),
)
def delete(call: Call, request: NamedMember) -> DeletedMember:
    """End a membership, at once: sessions, roles, password and MFA go."""
    return DeletedMember(call.directory.members.delete(_named(call, request.member_id)))


@endpoint(
    "organizations.members.reactivate",
    f"PUT {_ONE}/reactivate",
    sdk=[Twin("PUT", f"{_PAGE}/{{member_id}}/reactivate")],
    rights=Rights(RESOURCE, "create"),
)
def reactivate(call: Call, request: NamedMember) -> OneMember:
    """Have a deleted member be active again, without what was taken; an external id does not find them."""
    return _one(call, call.directory.members.reactivate(request.member_id))


@endpoint(
    "organizations.members.delete_password",
    f"DELETE {_PATH}/passwords/{{member_password_id}}",
    sdk=[Twin("DELETE", f"{_PAGE}/passwords/{{member_password_id}}")],
    rights=_may("update.info.delete.password"),
)
def delete_password(call: Call, request: NamedPassword) -> OneMember:
    """Take a password away."""
    return _one(call, call.directory.members.delete_password(request.member_password_id))


@endpoint(
    "organizations.members.delete_mfa_phone_number",
    f"DELETE {_PATH}/mfa_phone_numbers/{{member_id}}",
    sdk=[Twin("DELETE", f"{_PAGE}/mfa_phone_numbers/{{member_id}}"), Twin("DELETE", f"{_PAGE}/deletePhoneNumber")],
    rights=_may("update.info.delete.mfa-phone"),
)
def delete_mfa_phone_number(call: Call, request: NamedMember) -> OneMember:
    """Take a phone number away."""
    return _one(call, call.directory.members.delete_mfa_phone_number(_named(call, request.member_id)))


@endpoint(
    "organizations.members.delete_totp",
    f"DELETE {_ONE}/totp",
    sdk=[Twin("DELETE", f"{_PAGE}/totp/{{member_id}}"), Twin("DELETE", f"{_PAGE}/deleteTOTP")],
    rights=_may("update.info.delete.mfa-totp"),
)
def delete_totp(call: Call, request: NamedMember) -> OneMember:
    """Take an authenticator app away; nobody has one yet."""
    return _one(call, call.directory.members.delete_totp(_named(call, request.member_id)))


@endpoint("organizations.members.delete_external_id", f"DELETE {_ONE}/external_id", rights=None)
def delete_external_id(call: Call, request: NamedMember) -> OneMember:
    """Forget what your product calls a member."""
    return _one(call, call.directory.members.delete_external_id(request.member_id))


@endpoint(
    "organizations.members.unlink_retired_email",
    f"POST {_ONE}/unlink_retired_email",
    sdk=[
        Twin("POST", f"{_PAGE}/{{member_id}}/unlink_retired_email"),
        Twin("POST", f"{_PAGE}/unlink_retired_email"),
    ],
    rights=_may("update.info.unlink.retired-email"),
)
def unlink_retired_email(call: Call, request: RetiredEmailToUnlink) -> OneMemberOf:
    """Let go of a member's former address, which then another member can have."""
    member = call.directory.members.unlink_retired_email(
        _named(call, request.member_id),
        email_id=request.email_id or "",
        email_address=request.email_address or "",
    )
    one = _one(call, member)
    return OneMemberOf(one.member_id, one.member, one.organization, member.organization_id)


@endpoint(
    "organizations.members.search",
    "POST organizations/members/search",
    sdk=[Twin("POST", "b2b/organizations/me/members/search")],
    rights=_SEARCH,
    of_organization=False,
)
def search(call: Call, request: MemberSearch) -> Members:
    """Return the members of some organizations whom all operands find, page by page."""
    operands = searches.operands(request)
    if call.caller is None:
        organizations: tuple[Organization, ...] = (call.directory.organization.get_with_connection(),)
        return _members(call.directory.members.search(operands, **request.page), organizations)
    if not request.organization_ids:
        raise ApiError("member_search_organization_ids_empty", "organization_ids must name an organization.")
    organizations = call.project.organizations(call.caller).get_many(request.organization_ids)
    if call.signed_in is None:
        return _members(call.project.members().search(organizations, operands, **request.page), organizations)
    if [one.organization_id for one in organizations] != [call.signed_in.organization.organization_id]:
        raise ApiError("session_authorization_tenancy_error", "The member's session belongs to another organization.")
    return _members(call.directory.members.search(operands, **request.page), organizations)


def _members(found: Found[Member], organizations: tuple[Organization, ...]) -> Members:
    of_somebody = {one.organization_id for one in found.items}
    return Members(
        members=[wire.member(one) for one in found.items],
        organizations={
            one.organization_id: wire.organization(one) for one in organizations if one.organization_id in of_somebody
        },
        results_metadata=searches.results_metadata(found),
    )


def _one(call: Call, member: Member) -> OneMember:
    return _answer(member, call.directory.organization.get_with_connection())


def _answer(member: Member, organization: Organization) -> OneMember:
    return OneMember(
        member_id=member.member_id,
        member=wire.member(member),
        organization=wire.organization(organization),
    )


def _own(call: Call) -> str:
    return call.signed_in.member.member_id if call.signed_in else ""


def _names(member: Member, request: WantedMember) -> bool:
    if request.email_address:
        return fold_address(request.email_address) == fold_address(member.email_address)
    return request.member_id in {member.member_id, member.external_id}


def _named(call: Call, member_id: str) -> str:
    """Return whom a call is about: in browsers the signed-in member, where nobody is named."""
    return member_id or (_own(call) if call.caller is None else "")


def _changes(request: Changes) -> MemberChanges:
    return MemberChanges(**{one.name: getattr(request, one.name, None) for one in fields(MemberChanges)})
