"""The roles that groups grant: choosing them, saving after a review, and groups that were renamed or deleted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import urlencode

from portal.directory.errors import Conflict, Invalid
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.directory.scim.group_roles import MAX_GROUPS_AT_ONCE, ScimGroupRoles
from portal.web.availability import available
from portal.web.errors import no_right
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.step_up import needs_step_up, step_up, step_up_with_form
from scim_admin.forms.group_roles import GroupRolesForm, Mode
from scim_admin.sections import render_section

_RIGHTS = (Permission.SCIM_UPDATE, Permission.IMPLICIT_ROLES)
_CHOOSE = "scim_admin/assign_roles.html"
_REVIEW = "scim_admin/review_roles.html"
_CHANGED = "scim_admin/changed_group.html"


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
    """Redirect from the address of earlier versions to the groups that grant roles."""
    return HttpResponseRedirect(_list_url(request))


def group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Offer what to do about a group that was renamed or deleted, and go to the roles of any other group."""
    assignment = request.directory.scim.group_roles.get(group_id)
    if not assignment.is_deleted and not assignment.is_renamed:
        return HttpResponseRedirect(f"{_url(request, 'assign-roles')}?{urlencode({'groups': group_id})}")
    context = {
        "assignment": assignment,
        "right": right_to(request, *_RIGHTS),
        "opens": request.directory.scim.group_details is not None,
    }
    return render_section(request, _CHANGED, context)


def assign_roles(request: PortalRequest) -> HttpResponse:
    """Show the chosen groups with their roles, and a form to choose roles for all of them."""
    assignments = _assignments(request, request.GET)
    if isinstance(assignments, HttpResponse):
        return assignments
    # The link back from the review keeps the checked roles.
    is_edited, is_single = "edited" in request.GET, len(assignments) == 1
    chosen = request.GET.getlist("roles") if is_edited else assignments[0].role_ids if is_single else ()
    return _choose_page(request, assignments, chosen, mode=request.GET.get("mode", ""))


def review_roles(request: PortalRequest) -> HttpResponse:
    """Show who gains or loses each role by a change of the chosen groups, and save it."""
    if first := _forbidden(request) or (step_up_with_form(request) if needs_step_up(request) else None):
        return first
    data = request.POST if request.method == "POST" else request.GET
    assignments = _assignments(request, data)
    if isinstance(assignments, HttpResponse):
        return assignments
    form = GroupRolesForm(data, assignable=_assignable(request), assignments=assignments)
    if not form.is_valid():
        return _invalid(request, assignments, form)
    if form.is_stale:
        return _stale(request, assignments[0], form)
    if request.method == "POST":
        return _save(request, assignments, form)
    return _review_page(request, assignments, form)


def confirm_group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Let a renamed group keep its roles."""
    if forbidden := _forbidden(request, group_id):
        return forbidden
    review = available(request.directory.scim.group_role_review, "group role preview")
    assignment = review.confirm(group_id, version=request.POST.get("version", ""))
    messages.success(request, f"“{assignment.group.group_name}” keeps its roles under its new name.")
    return see_other(_list_url(request))


def move_group_roles(request: PortalRequest, group_id: str) -> HttpResponse:
    """Move the roles of a deleted group to the group that has its name now."""
    if forbidden := _forbidden(request, group_id):
        return forbidden
    review = available(request.directory.scim.group_role_review, "group role preview")
    to, version = request.POST.get("to", ""), request.POST.get("version", "")
    assignment = review.move(group_id, to_group_id=to, version=version)
    messages.success(request, f"The new group “{assignment.group.group_name}” now grants the roles.")
    return see_other(_list_url(request))


def _forbidden(request: PortalRequest, group_id: str = "") -> HttpResponse | None:
    """Return the error page for a member who lacks one of the two permissions that a change needs.

    With a group, also the way to the page that asks for a recent proof, and back to the group.
    """
    for permission in _RIGHTS:
        right = right_to(request, permission)
        if not right.is_granted:
            return no_right(request, permission, right.who_can_help)
    if group_id and needs_step_up(request):
        slug = request.signed_in.organization.organization_slug
        return step_up(request, reverse("scim:group-roles", args=[slug, group_id]))
    return None


def _assignments(request: PortalRequest, data: QueryDict) -> Sequence[ScimGroupRoles] | HttpResponse:
    """Return the chosen groups with their roles, or the page that asks to choose groups. Raise NotFound."""
    group_ids = list(dict.fromkeys(data.getlist("groups")))
    if 1 <= len(group_ids) <= MAX_GROUPS_AT_ONCE:
        return request.directory.scim.group_roles.get_several(group_ids)
    context = {
        "assignments": (),
        "is_too_many": bool(group_ids),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if group_ids else HTTPStatus.OK
    return render_section(request, _CHOOSE, context, status=status)


def _invalid(request: PortalRequest, assignments: Sequence[ScimGroupRoles], form: GroupRolesForm) -> HttpResponse:
    chosen, mode = form.sent.getlist("roles"), form.sent.get("mode", "")
    return _choose_page(request, assignments, chosen, mode=mode, form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _save(request: PortalRequest, assignments: Sequence[ScimGroupRoles], form: GroupRolesForm) -> HttpResponse:
    scim = request.directory.scim
    try:
        scim.group_roles.change_several(form.changes)
    except (Conflict, Invalid) as error:
        if error.field == "version":
            again = scim.group_roles.get_several([one.group.group_id for one in assignments])
            if form.is_single:
                return _stale(request, again[0], form)
            return _review_page(request, again, form, conflict=error.detail, status=HTTPStatus.CONFLICT)
        form.add_error("roles", error.detail)
        mode = form.cleaned_data.get("mode", "")
        chosen = form.sent.getlist("roles")
        return _choose_page(request, assignments, chosen, mode=mode, form=form, status=error.status)
    if form.is_single:
        messages.success(request, f"Roles of “{assignments[0].group.group_name}” saved.")
    else:
        number = len(form.changes)
        messages.success(request, f"Roles of {number} group{'' if number == 1 else 's'} saved.")
    return see_other(_list_url(request))


def _stale(request: PortalRequest, assignment: ScimGroupRoles, form: GroupRolesForm) -> HttpResponse:
    """Show what someone else changed, with the member's own change applied on top of it."""
    base, current, roles = {*form.cleaned_data["base"]}, {*assignment.role_ids}, {*form.cleaned_data["roles"]}
    chosen = (current | (roles - base)) - (base - roles)
    others = OthersChange(tuple(sorted(current - base)), tuple(sorted(base - current)))
    return _choose_page(request, [assignment], chosen, others=others, status=HTTPStatus.CONFLICT)


def _choose_page(  # noqa: PLR0913 -- what the page shows
    request: PortalRequest,
    assignments: Sequence[ScimGroupRoles],
    chosen: Collection[str],
    *,
    mode: str = "",
    form: GroupRolesForm | None = None,
    others: OthersChange | None = None,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    is_single = len(assignments) == 1
    chosen_mode = mode if mode in list(Mode) else Mode.REPLACE if is_single else Mode.ADD
    context = {
        "assignments": assignments,
        "is_single": is_single,
        "mode": chosen_mode,
        **_effects(request, assignments, chosen, chosen_mode),
        "choices": _choices(request, assignments, chosen),
        "form": form,
        "others": others,
        "right": right_to(request, *_RIGHTS),
        "opens": request.directory.scim.group_details is not None,
        "selection": urlencode({"groups": [one.group.group_id for one in assignments]}, doseq=True),
    }
    return render_section(request, _CHOOSE, context, fragments=["affected"], status=status)


def _effects(
    request: PortalRequest, assignments: Sequence[ScimGroupRoles], chosen: Collection[str], mode: str
) -> dict[str, Any]:
    """Return the roles that each group will have, and who is affected if a role was chosen or cleared."""
    sent = QueryDict(mutable=True)
    sent["mode"] = mode
    sent.setlist("roles", list(chosen))
    if len(assignments) == 1:
        sent.setlist("base", list(assignments[0].role_ids))
    form = GroupRolesForm(sent, assignable=_assignable(request), assignments=assignments)
    is_change = form.is_valid()
    after = form.after if is_change else {}
    rows = [(one, after.get(one.group.group_id, one.role_ids)) for one in assignments]
    review = request.directory.scim.group_role_review
    if not is_change or review is None or not right_to(request, *_RIGHTS).is_granted:
        return {"rows": rows, "has_preview": review is not None}
    return {"rows": rows, **_preview(request, form)}


def _review_page(
    request: PortalRequest,
    assignments: Sequence[ScimGroupRoles],
    form: GroupRolesForm,
    *,
    conflict: str = "",
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    if conflict:
        # On top of the roles that the groups have now.
        form = GroupRolesForm(form.sent, assignable=_assignable(request), assignments=assignments)
        if not form.is_valid():
            return _invalid(request, assignments, form)
    after = form.after
    context = {
        "rows": [(one, after[one.group.group_id]) for one in assignments],
        "assignments": assignments,
        "is_single": form.is_single,
        "form": form,
        "query": _query(form, assignments),
        "conflict": conflict,
        "opens": request.directory.scim.group_details is not None,
        **_preview(request, form),
    }
    return render_section(request, _REVIEW, context, status=status)


def _choices(
    request: PortalRequest, assignments: Sequence[ScimGroupRoles], chosen: Collection[str]
) -> list[RoleChoice]:
    """Return every role that can be assigned, followed by roles of a single group that no longer exist."""
    checked, single = {*chosen}, assignments[0] if len(assignments) == 1 else None
    assigned = single.role_ids if single else ()
    assignable = [] if single and single.is_deleted else _assignable(request)
    return [
        RoleChoice(
            role_id=role_id,
            description=request.policy.roles[role_id].description if role_id in request.policy.roles else "",
            is_chosen=role_id in checked,
            is_assigned=role_id in assigned,
            is_unknown=role_id not in request.policy.roles,
        )
        for role_id in dict.fromkeys([*assignable, *assigned])
    ]


def _assignable(request: PortalRequest) -> list[str]:
    # Every member has the role anyway.
    return [role_id for role_id in request.policy.roles if role_id != MEMBER_ROLE]


def _preview(request: PortalRequest, form: GroupRolesForm) -> dict[str, Any]:
    review = request.directory.scim.group_role_review
    if review is None:
        return {"has_preview": False}
    preview = review.preview(form.changes)
    return {
        "has_preview": True,
        "preview": preview,
        "loses_own": [one.role_id for one in preview.effects if one.includes_caller and not one.is_gained],
    }


def _query(form: GroupRolesForm, assignments: Sequence[ScimGroupRoles]) -> str:
    """Return the query that restores the form as it was filled in."""
    query = QueryDict(mutable=True)
    query["edited"], query["mode"] = "1", form.cleaned_data["mode"]
    query.setlist("roles", form.cleaned_data["roles"])
    query.setlist("groups", [one.group.group_id for one in assignments])
    return query.urlencode()


def _list_url(request: PortalRequest) -> str:
    return f"{_url(request, 'groups')}?roles=with"


def _url(request: PortalRequest, name: str) -> str:
    return reverse(f"scim:{name}", args=[request.signed_in.organization.organization_slug])
