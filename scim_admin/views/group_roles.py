"""The roles that groups grant: the list, changing them after a preview, and groups that were renamed or deleted."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.urls import reverse

from portal.directory.errors import Conflict, Invalid
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.directory.scim.group_roles import ScimGroupRoles
from portal.web import listing
from portal.web.availability import available
from portal.web.errors import no_right
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from scim_admin.forms.group_roles import GroupRolesForm
from scim_admin.sections import render_list, render_section

_RIGHTS = (Permission.SCIM_UPDATE, Permission.IMPLICIT_ROLES)
_LIST = "scim_admin/role_assignments.html"
_EDIT = "scim_admin/group_roles.html"
_REVIEW = "scim_admin/review_group_roles.html"


@dataclass(frozen=True, slots=True)
class RoleChoice:
    """A checkbox for a role."""

    role_id: str
    description: str
    is_chosen: bool
    is_assigned: bool
    # The role no longer exists in the project or the organization, so it can only be cleared.
    is_unknown: bool


@dataclass(frozen=True, slots=True)
class OthersChange:
    """What someone else changed while the form was open."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def role_assignments(request: PortalRequest) -> HttpResponse:
    """Show a page of the groups that grant roles. Groups that need attention are marked."""
    scim = request.directory.scim
    connection, query = scim.connection.get(), listing.ListQuery(request.GET)
    context: dict[str, Any] = {
        "connection": connection,
        "query": query,
        "right": right_to(request, *_RIGHTS),
        "opens": scim.group_details is not None,
        "known": set(request.policy.roles),
    }
    if not query.is_valid():
        return render_section(request, _LIST, context, fragments=["assignments"], status=422)
    if connection is None:
        return render_section(request, _LIST, context, fragments=["assignments"])
    fetch = partial(scim.group_roles.page, connection.connection_id, limit=query.cleaned_data["limit"])
    context["assignments"] = listing.load(request, lambda cursor: fetch(cursor=cursor), append_to="assignments-more")
    return render_list(request, _LIST, context, "assignments")


def group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Show the roles of a group, with a form for admins who may change them."""
    assignment = request.directory.scim.group_roles.get(group_id)
    # The link back from the review keeps the checked roles.
    chosen = request.GET.getlist("roles") if "edited" in request.GET else assignment.role_ids
    return _edit_page(request, assignment, chosen)


def review_group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Show who gains or loses each role by a change, and save it."""
    if forbidden := _forbidden(request):
        return forbidden
    assignment = request.directory.scim.group_roles.get(group_id)
    data = request.POST if request.method == "POST" else request.GET
    form = GroupRolesForm(data, assignable=_assignable(request), assignment=assignment)
    if not form.is_valid():
        return _edit_page(request, assignment, data.getlist("roles"), form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_stale:
        return _stale(request, assignment, form)
    if request.method == "POST":
        return _save(request, assignment, form)
    context = {"assignment": assignment, "form": form, "query": _query(form), **_preview(request, assignment, form)}
    return render_section(request, _REVIEW, context)


def confirm_group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Let a renamed group keep its roles."""
    if forbidden := _forbidden(request):
        return forbidden
    review = available(request.directory.scim.group_role_review, "group role preview")
    assignment = review.confirm(group_id, version=request.POST.get("version", ""))
    messages.success(request, f"“{assignment.group.group_name}” keeps its roles under its new name.")
    return see_other(_list_url(request))


def move_group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Move the roles of a deleted group to the group that has its name now."""
    if forbidden := _forbidden(request):
        return forbidden
    review = available(request.directory.scim.group_role_review, "group role preview")
    to, version = request.POST.get("to", ""), request.POST.get("version", "")
    assignment = review.move(group_id, to_group_id=to, version=version)
    messages.success(request, f"The new group “{assignment.group.group_name}” grants the roles now.")
    return see_other(_list_url(request))


def _forbidden(request: PortalRequest) -> HttpResponse | None:
    """Return the error page for a member who lacks one of the two permissions that a change needs."""
    for permission in _RIGHTS:
        right = right_to(request, permission)
        if not right.is_granted:
            return no_right(request, permission, right.who_can_help)
    return None


def _save(request: PortalRequest, assignment: ScimGroupRoles, form: GroupRolesForm) -> HttpResponse:
    scim = request.directory.scim
    group_id, chosen = assignment.group.group_id, form.cleaned_data["roles"]
    try:
        scim.group_roles.change(group_id, add=form.added, remove=form.removed, version=form.version)
    except (Conflict, Invalid) as error:
        if error.field == "version":
            return _stale(request, scim.group_roles.get(group_id), form)
        form.add_error("roles", error.detail)
        return _edit_page(request, assignment, chosen, form=form, status=error.status)
    messages.success(request, f"Roles of “{assignment.group.group_name}” saved.")
    return see_other(_list_url(request))


def _stale(request: PortalRequest, assignment: ScimGroupRoles, form: GroupRolesForm) -> HttpResponse:
    """Show what someone else changed, with the member's own change applied on top of it."""
    base, current = {*form.cleaned_data["base"]}, {*assignment.role_ids}
    chosen = (current | {*form.added}) - {*form.removed}
    others = OthersChange(tuple(sorted(current - base)), tuple(sorted(base - current)))
    return _edit_page(request, assignment, chosen, others=others, status=HTTPStatus.CONFLICT)


def _edit_page(  # noqa: PLR0913 -- what the page shows
    request: PortalRequest,
    assignment: ScimGroupRoles,
    chosen: Collection[str],
    *,
    form: GroupRolesForm | None = None,
    others: OthersChange | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "assignment": assignment,
        "choices": _choices(request, assignment, chosen),
        "form": form,
        "others": others,
        "right": right_to(request, *_RIGHTS),
        "opens": request.directory.scim.group_details is not None,
    }
    return render_section(request, _EDIT, context, status=status)


def _choices(request: PortalRequest, assignment: ScimGroupRoles, chosen: Iterable[str]) -> list[RoleChoice]:
    """Return every role that can be assigned, followed by assigned roles that no longer exist."""
    checked, assignable = {*chosen}, [] if assignment.is_deleted else _assignable(request)
    role_ids = dict.fromkeys([*assignable, *assignment.role_ids])
    return [
        RoleChoice(
            role_id=role_id,
            description=request.policy.roles[role_id].description if role_id in request.policy.roles else "",
            is_chosen=role_id in checked,
            is_assigned=role_id in assignment.role_ids,
            is_unknown=role_id not in request.policy.roles,
        )
        for role_id in role_ids
    ]


def _assignable(request: PortalRequest) -> list[str]:
    # Every member has the role anyway.
    return [role_id for role_id in request.policy.roles if role_id != MEMBER_ROLE]


def _preview(request: PortalRequest, assignment: ScimGroupRoles, form: GroupRolesForm) -> dict[str, Any]:
    review = request.directory.scim.group_role_review
    if review is None:
        return {"effects": None}
    effects = review.preview(assignment.group.group_id, add=form.added, remove=form.removed)
    return {
        "effects": effects,
        "loses_own": [one.role_id for one in effects if one.includes_caller and not one.is_gained],
    }


def _query(form: GroupRolesForm) -> str:
    """Return the query that restores the form as it was filled in."""
    query = QueryDict(mutable=True)
    query["edited"] = "1"
    query.setlist("roles", form.cleaned_data["roles"])
    return query.urlencode()


def _list_url(request: PortalRequest) -> str:
    return reverse("scim:role-assignments", args=[request.signed_in.organization.organization_slug])
