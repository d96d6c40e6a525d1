"""The organization's members: a list, and each with the sources of their roles. Nothing is changed here."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.members import MemberFilter
from portal.directory.permissions import Permission
from portal.pages.members.forms import MemberQuery
from portal.web import listing
from portal.web.member_roles import shown_roles
from portal.web.pages import render_page
from portal.web.request import PortalRequest
from portal.web.rights import right_to

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
    }
    if not query.is_valid():
        return render_page(request, _LIST, context, fragments=["members"], status=422)
    wanted, limit = query.wanted, query.size
    found = listing.load(request, lambda cursor: gateway.page(wanted, cursor=cursor, limit=limit), append_to=_MORE)
    context |= {"members": found, "is_filtered": wanted != MemberFilter()}
    if found.has_restarted and request.htmx.target == _MORE:
        return listing.start_again(render_page(request, _LIST, context), "members")
    return render_page(request, _LIST, context, fragments=["members", _MORE])


def member(request: PortalRequest, member_id: str) -> HttpResponse:
    """Show a member: their profile, roles with their sources, and sessions."""
    details = request.directory.members.details(member_id)
    slug = request.signed_in.organization.organization_slug
    may_see_scim = request.allows(Permission.SCIM_GET)
    activity = reverse("activity:activity", args=[slug]) if request.directory.activity is not None else ""
    manager = details.listed.manager
    context = {
        "details": details,
        "listed": details.listed,
        "member": details.listed.member,
        "roles": shown_roles(request, details),
        "list_url": reverse("members:members", args=[slug]),
        "has_details": request.directory.members.has_details,
        "person_url": reverse("scim:person", args=[slug, manager.user_id]) if manager and may_see_scim else "",
        "may_unlock": right_to(request, Permission.MEMBER_PASSWORD),
        "can_unlock": request.directory.member_locks is not None,
        "may_remove_app": right_to(request, Permission.MEMBER_TOTP),
        "may_remove_phone": right_to(request, Permission.MEMBER_PHONE),
        "may_see_activity": right_to(request, Permission.ACTIVITY_GET),
        "activity_url": f"{activity}?{urlencode({'target_id': member_id})}" if activity else "",
    }
    return render_page(request, "members/member.html", context)
