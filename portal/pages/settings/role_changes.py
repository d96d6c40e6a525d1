"""Creating, changing and deleting a role of the organization, each after a review of who is affected."""

from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound
from portal.directory.permissions import Permission
from portal.directory.policy import ADMIN_ROLE, Role, role_name
from portal.directory.roles import role_version
from portal.pages.settings.role_forms import RoleForm, role_key, role_of_key
from portal.pages.settings.tabs import render_tab
from portal.web.pages import see_other
from portal.web.policy_words import choices, permission_in_words
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up, step_up_with_form

_FORM = "settings/role_form.html"
_REVIEW = "settings/role_review.html"
_DELETE = "settings/role_delete.html"


def create(request: PortalRequest) -> HttpResponse:
    """Show the form of a new role, review it, and create it."""
    if needs_step_up(request):
        return step_up_with_form(request)
    if request.method == "GET":
        return _form_page(request, RoleForm(request.GET if "name" in request.GET else None), None)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _form_page(request, form, None, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if "back" in request.POST:
        return _form_page(request, form, None)
    return _save_new(request, form) if "save" in request.POST else _review(request, form, None)


def _save_new(request: PortalRequest, form: RoleForm) -> HttpResponse:
    try:
        created = request.directory.roles.create(form.role)
    except (Conflict, Invalid, Forbidden) as error:
        form.add_error(error.field if error.field in form.fields else None, error.detail)
        return _form_page(request, form, None, status=error.status)
    messages.success(request, f"Role “{role_name(created.role_id)}” created.")
    return see_other(_url(request, "role", role_key(created.role_id)))


def update(request: PortalRequest, key: str) -> HttpResponse:
    """Show the form of a role, review its change, and save it."""
    now = _own_role(request, key)
    if needs_step_up(request):
        return step_up_with_form(request)
    if request.method == "GET":
        chosen = [f"{name}:{action}" for name, actions in now.permissions.items() for action in actions]
        initial = {"description": now.description, "permissions": chosen, "version": role_version(now)}
        typed = request.GET if "version" in request.GET else None
        return _form_page(request, RoleForm(typed, initial=initial, role=now), now)
    form = RoleForm(request.POST, role=now)
    if not form.is_valid():
        return _form_page(request, form, now, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    if "back" in request.POST:
        return _form_page(request, form, now)
    if form.cleaned_data["version"] != role_version(now):
        return _stale(request, now)
    return _save(request, form, now, key) if "save" in request.POST else _review(request, form, now)


def _save(request: PortalRequest, form: RoleForm, now: Role, key: str) -> HttpResponse:
    try:
        request.directory.roles.update(form.role, version=form.cleaned_data["version"])
    except (Conflict, Invalid, Forbidden) as error:
        if error.field == "version":
            return _stale(request, now)
        form.add_error(error.field if error.field in form.fields else None, error.detail)
        return _form_page(request, form, now, status=error.status)
    messages.success(request, f"Role “{role_name(now.role_id)}” saved.")
    return see_other(_url(request, "role", key))


def delete(request: PortalRequest, key: str) -> HttpResponse:
    """Show who loses a role, and delete it."""
    now = _own_role(request, key)
    if needs_step_up(request):
        return step_up(request, request.path)
    problem, status = "", 200
    if request.method == "POST":
        try:
            request.directory.roles.delete(now.role_id, version=request.POST.get("version", ""))
        except Conflict as error:
            problem, status = error.detail, error.status
        else:
            messages.success(request, f"Role “{role_name(now.role_id)}” deleted.")
            return see_other(_url(request, "roles"))
    review = request.directory.role_review
    context = {
        "role": now,
        "key": key,
        "version": role_version(now),
        "preview": review.preview(now, None) if review else None,
        "problem": problem,
    }
    return render_tab(request, _DELETE, {**context, **_words(context["preview"])}, status=status)


def _own_role(request: PortalRequest, key: str) -> Role:
    """Return a role that the organization defined. Raise NotFound."""
    role_id = role_of_key(key)
    for role in request.directory.roles.own() if request.allows(Permission.ROLES_GET) else ():
        if role.role_id == role_id:
            return role
    raise NotFound("This role doesn’t exist, or the organization didn’t define it.")


def _stale(request: PortalRequest, now: Role) -> HttpResponse:
    """Show the form again with what was filled in, based on the role as someone else saved it."""
    data = request.POST.copy()
    data["version"] = role_version(now)
    again = RoleForm(data, role=now)
    again.is_valid()
    return _form_page(request, again, now, others=now, status=HTTPStatus.CONFLICT)


def _form_page(
    request: PortalRequest, form: RoleForm, role: Role | None, *, others: Role | None = None, status: int = 200
) -> HttpResponse:
    chosen = form["permissions"].value() or []
    before = {f"{name}:{action}" for name, actions in role.permissions.items() for action in actions} if role else set()
    authority = request.authority
    is_admin = ADMIN_ROLE in authority.roles and authority.embedding is None
    context = {
        "form": form,
        "role": role,
        "key": role_key(role.role_id) if role else "",
        "resources": choices(
            request.policy, set(chosen), lambda one: authority.may_put_into_role(*one.split(":", 1)) or one in before
        ),
        "others": others,
        "is_limited": not is_admin,
    }
    return render_tab(request, _FORM, context, status=status)


def _review(request: PortalRequest, form: RoleForm, before: Role | None) -> HttpResponse:
    """Show who gains and loses what, and the button that saves."""
    after, review = form.role, request.directory.role_review
    was, now = (_permissions(one) for one in (before, after))
    preview = review.preview(before, after) if review else None
    context = {
        "form": form,
        "role": before,
        "after": after,
        "key": role_key(before.role_id) if before else "",
        "added": [permission_in_words(*one.split(":", 1)) for one in sorted(now - was)],
        "removed": [permission_in_words(*one.split(":", 1)) for one in sorted(was - now)],
        "preview": preview,
    }
    return render_tab(request, _REVIEW, {**context, **_words(preview)})


def _words(preview: Any) -> dict[str, Any]:
    if preview is None:
        return {}
    return {
        "effects": [(effect, [permission_in_words(*one) for one in effect.permissions]) for effect in preview.effects],
        "loses_own": any(one.affected.includes_caller and not one.is_gained for one in preview.effects),
    }


def _permissions(role: Role | None) -> set[str]:
    return {f"{name}:{action}" for name, actions in role.permissions.items() for action in actions} if role else set()


def _url(request: PortalRequest, name: str, *args: str) -> str:
    return reverse(f"settings:{name}", args=[request.signed_in.organization.organization_slug, *args])
