"""The organization's members: a list, and each with the sources of their roles and everything that can be changed."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.members import Member, MemberFilter, MemberStatus
from portal.directory.permissions import Permission
from portal.directory.second_factors import SMS_OTP, TOTP
from portal.pages.members.bulk import ACTIONS
from portal.pages.members.dialogs import is_own, managed_by, member_url
from portal.pages.members.forms import MemberQuery
from portal.pages.members.profile import NameForm, address_lock, save_name
from portal.pages.members.sign_in import FACTOR_NAMES
from portal.pages.members.status import deactivation_lock
from portal.web import listing
from portal.web.member_roles import shown_roles
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to

_VERSIONED = ("name", "mfa_enrolled", "is_breakglass", "default_mfa_method")
_RIGHTS: Mapping[str, Permission] = {
    "unlock": Permission.MEMBER_PASSWORD,
    "password": Permission.MEMBER_PASSWORD,
    "remove_app": Permission.MEMBER_TOTP,
    "remove_phone": Permission.MEMBER_PHONE,
    "see_activity": Permission.ACTIVITY_GET,
    "name": Permission.MEMBER_NAME,
    "email": Permission.MEMBER_EMAIL,
    "metadata": Permission.MEMBER_METADATA,
    "release": Permission.MEMBER_RETIRED_EMAIL,
    "roles": Permission.MEMBER_ROLES,
    "mfa": Permission.MEMBER_MFA,
    "default_factor": Permission.MEMBER_DEFAULT_MFA,
    "breakglass": Permission.MEMBER_BREAKGLASS,
    "sessions": Permission.MEMBER_SESSIONS,
    "deactivate": Permission.MEMBER_DELETE,
    "reactivate": Permission.MEMBER_CREATE,
}
_LIST = "members/members.html"
_MORE = "members-more"


def members(request: PortalRequest) -> HttpResponse:
    """Show a page of members."""
    gateway = request.directory.members
    roles = tuple(request.policy.roles)
    query = MemberQuery(request.GET, role_ids=roles, searches_names=gateway.has_details)
    list_url = reverse("members:members", args=[request.signed_in.organization.organization_slug])
    context: dict[str, Any] = {
        "query": query,
        "list_url": list_url,
        "has_details": gateway.has_details,
        "own_id": request.signed_in.member.member_id,
        "may_invite": right_to(request, Permission.MEMBER_CREATE),
        "bulk": [(name, action) for name, action in ACTIONS.items() if request.allows(action.permission)],
    }
    if not query.is_valid():
        return render_page(request, _LIST, context, fragments=["members"], status=422)
    wanted, limit = query.wanted, query.size
    found = listing.load(request, lambda cursor: gateway.page(wanted, cursor=cursor, limit=limit), append_to=_MORE)
    if (counts := request.directory.counts) and found.next_cursor and wanted == MemberFilter():
        found = replace(found, total=counts.members().members)
    invited = tuple(one.member.member_id for one in found.items if one.member.status == MemberStatus.INVITED)
    context |= {
        "members": found,
        "is_filtered": wanted != MemberFilter(),
        "invitations": request.directory.invitations.of_members(invited),
    }
    if found.has_restarted and request.htmx.target == _MORE:
        return listing.start_again(render_page(request, _LIST, context), "members")
    return render_page(request, _LIST, context, fragments=["members", _MORE])


def member(request: PortalRequest, member_id: str) -> HttpResponse:
    """Show a member: their profile, roles with their sources, how they sign in, and sessions."""
    return _member_page(request, member_id)


def change_name(request: PortalRequest, member_id: str) -> HttpResponse:
    """Change a member's name. On GET, show the member."""
    if request.method == "GET":
        return see_other(member_url(request, member_id))
    form = NameForm(request.POST)
    status = save_name(request, member_id, form)
    return _member_page(request, member_id, form, status) if status else see_other(member_url(request, member_id))


def _member_page(
    request: PortalRequest, member_id: str, name_form: NameForm | None = None, status: int = 200
) -> HttpResponse:
    details = request.directory.members.details(member_id)
    slug, shown = request.signed_in.organization.organization_slug, details.listed.member
    may_see_scim = request.allows(Permission.SCIM_GET)
    activity = reverse("activity:activity", args=[slug]) if request.directory.activity is not None else ""
    manager = details.listed.manager
    log = reverse("scim:log", args=[slug]) if manager and may_see_scim and request.directory.scim.log else ""
    context = {
        "details": details,
        "listed": details.listed,
        "member": shown,
        "is_own": is_own(request, member_id),
        "name_form": name_form or NameForm(initial={"name": shown.name}),
        "versions": {name: shown.version_of(name) for name in _VERSIONED},
        "managed_by": managed_by(details),
        "address_lock": address_lock(request, details),
        "deactivation_lock": deactivation_lock(request, details),
        "roles": shown_roles(request, details),
        "invitation": request.directory.invitations.of_members((member_id,)).get(member_id)
        if shown.status == MemberStatus.INVITED
        else None,
        "list_url": reverse("members:members", args=[slug]),
        "has_details": request.directory.members.has_details,
        "can_send_links": request.directory.sign_in_links is not None,
        "factors": _factors(shown),
        "trusted": _as_json(shown.trusted_metadata),
        "untrusted": _as_json(shown.untrusted_metadata),
        "person_url": reverse("scim:person", args=[slug, manager.user_id]) if manager and may_see_scim else "",
        "scim_log_url": f"{log}?{urlencode({'resource_type': 'User', 'resource_id': manager.user_id})}"
        if log and manager
        else "",
        "can_unlock": request.directory.member_locks is not None,
        "may": {name: right_to(request, permission) for name, permission in _RIGHTS.items()},
        "activity_url": f"{activity}?{urlencode({'target_id': member_id})}" if activity else "",
    }
    return render_page(request, "members/member.html", context, status=status)


def _factors(shown: Member) -> tuple[tuple[str, str], ...]:
    """Return the factors between which a default can be chosen."""
    found = [TOTP] * bool(shown.totp_registration_id) + [SMS_OTP] * shown.has_phone
    return tuple((method, FACTOR_NAMES[method]) for method in found) if len(found) > 1 else ()


def _as_json(metadata: Mapping[str, Any]) -> str:
    return json.dumps(dict(metadata), indent=2, ensure_ascii=False) if metadata else ""
