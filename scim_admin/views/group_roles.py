"""Which groups give which roles: seen, changed after a look at who is affected, and mended where a group changed."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.urls import reverse

from portal.directory.errors import Conflict, Invalid, NotOffered
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.directory.scim.features import ScimFeature
from portal.directory.scim.group_roles import ScimGroupRoles
from portal.web import listing
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
    """A role to tick or to clear."""

    role_id: str
    description: str
    is_chosen: bool
    is_held: bool
    # Neither the project nor the organization has such a role any more; it can only be cleared.
    is_unknown: bool


@dataclass(frozen=True, slots=True)
class Interim:
    """What somebody else changed while the form was open."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


def role_assignments(request: PortalRequest) -> HttpResponse:
    """Show a page of the groups that give roles, with those that need attention marked."""
    scim = request.directory.scim
    connection, query = scim.connection.get(), listing.ListQuery(request.GET)
    context: dict[str, Any] = {
        "connection": connection,
        "query": query,
        "right": right_to(request, *_RIGHTS),
        "opens": ScimFeature.GROUP_MEMBERS in scim.offers,
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
    """Show which roles a group gives, to be changed by who may."""
    held = request.directory.scim.group_roles.get(group_id)
    # The way back from the review brings what was ticked.
    chosen = request.GET.getlist("roles") if "edited" in request.GET else held.role_ids
    return _edit_page(request, held, chosen)


def review_group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Show who gains and who loses which role by a change, and save it."""
    if refusal := _refusal(request):
        return refusal
    held = request.directory.scim.group_roles.get(group_id)
    data = request.POST if request.method == "POST" else request.GET
    form = GroupRolesForm(data, assignable=_assignable(request), held=held)
    if not form.is_valid():
        return _edit_page(request, held, data.getlist("roles"), form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if form.is_stale:
        return _stale(request, held, form)
    if request.method == "POST":
        return _save(request, held, form)
    context = {"held": held, "form": form, "query": _query(form), **_preview(request, held, form)}
    return render_section(request, _REVIEW, context)


def confirm_group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Take a renamed group's name for the right one."""
    if refusal := _refusal(request):
        return refusal
    held = request.directory.scim.group_roles.confirm(group_id, version=request.POST.get("version", ""))
    messages.success(request, f"“{held.group.group_name}” keeps its roles under its new name.")
    return see_other(_list_url(request))


def move_group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Give the roles of a group that is gone to the one that has its name now."""
    if refusal := _refusal(request):
        return refusal
    to, version = request.POST.get("to", ""), request.POST.get("version", "")
    held = request.directory.scim.group_roles.move(group_id, to_group_id=to, version=version)
    messages.success(request, f"The new group “{held.group.group_name}” gives the roles now.")
    return see_other(_list_url(request))


def _refusal(request: PortalRequest) -> HttpResponse | None:
    """Answer who lacks one of the two rights that a change of roles takes."""
    for permission in _RIGHTS:
        right = right_to(request, permission)
        if not right.is_granted:
            return no_right(request, permission, right.who_can_help)
    return None


def _save(request: PortalRequest, held: ScimGroupRoles, form: GroupRolesForm) -> HttpResponse:
    scim = request.directory.scim
    group_id, chosen = held.group.group_id, form.cleaned_data["roles"]
    try:
        scim.group_roles.change(group_id, add=form.added, remove=form.removed, version=form.version)
    except (Conflict, Invalid) as error:
        if error.field == "version":
            return _stale(request, scim.group_roles.get(group_id), form)
        form.add_error("roles", error.detail)
        return _edit_page(request, held, chosen, form=form, status=error.status)
    messages.success(request, f"The roles of “{held.group.group_name}” are saved.")
    return see_other(_list_url(request))


def _stale(request: PortalRequest, held: ScimGroupRoles, form: GroupRolesForm) -> HttpResponse:
    """Show what somebody else changed, with what was entered here on top of it."""
    base, now = {*form.cleaned_data["base"]}, {*held.role_ids}
    chosen = (now | {*form.added}) - {*form.removed}
    interim = Interim(tuple(sorted(now - base)), tuple(sorted(base - now)))
    return _edit_page(request, held, chosen, interim=interim, status=HTTPStatus.CONFLICT)


def _edit_page(  # noqa: PLR0913 -- what the page shows
    request: PortalRequest,
    held: ScimGroupRoles,
    chosen: Collection[str],
    *,
    form: GroupRolesForm | None = None,
    interim: Interim | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    context = {
        "held": held,
        "choices": _choices(request, held, chosen),
        "form": form,
        "interim": interim,
        "right": right_to(request, *_RIGHTS),
        "opens": ScimFeature.GROUP_MEMBERS in request.directory.scim.offers,
    }
    return render_section(request, _EDIT, context, status=status)


def _choices(request: PortalRequest, held: ScimGroupRoles, chosen: Iterable[str]) -> list[RoleChoice]:
    """Return every role that can be given, and behind them those that are held and no longer known."""
    assignable, ticked = _assignable(request), {*chosen}
    offered = [] if held.is_gone else assignable
    role_ids = dict.fromkeys([*offered, *held.role_ids])
    return [
        RoleChoice(
            role_id=role_id,
            description=request.policy.roles[role_id].description if role_id in request.policy.roles else "",
            is_chosen=role_id in ticked,
            is_held=role_id in held.role_ids,
            is_unknown=role_id not in request.policy.roles,
        )
        for role_id in role_ids
    ]


def _assignable(request: PortalRequest) -> list[str]:
    # Everybody is a member: no group can make it so.
    return [role_id for role_id in request.policy.roles if role_id != MEMBER_ROLE]


def _preview(request: PortalRequest, held: ScimGroupRoles, form: GroupRolesForm) -> dict[str, Any]:
    group_id = held.group.group_id
    try:
        effects = request.directory.scim.group_roles.preview(group_id, add=form.added, remove=form.removed)
    except NotOffered as error:
        return {"not_offered": error.detail}
    return {
        "effects": effects,
        "loses_own": [one.role_id for one in effects if one.includes_caller and not one.is_gained],
    }


def _query(form: GroupRolesForm) -> str:
    """Return what leads back to the form as it was filled in."""
    query = QueryDict(mutable=True)
    query["edited"] = "1"
    query.setlist("roles", form.cleaned_data["roles"])
    return query.urlencode()


def _list_url(request: PortalRequest) -> str:
    return reverse("scim:role-assignments", args=[request.signed_in.organization.organization_slug])
