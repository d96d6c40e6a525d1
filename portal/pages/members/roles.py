"""Adding one more role to a member, or removing one, with a preview of what they may then do."""

from collections.abc import Iterable

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.members import Member, MemberStatus
from portal.directory.policy import ADMIN_ROLE, MEMBER_ROLE, role_name
from portal.pages.members.dialogs import Dialog, ask, is_own, member_url, name_of
from portal.web.pages import render_page, see_other
from portal.web.policy_words import rights_in_words
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up


class RoleForm(forms.Form):
    """A role to assign."""

    role = forms.ChoiceField(
        label="Role", error_messages={"invalid_choice": "Choose a role from the list.", "required": "Choose a role."}
    )

    def __init__(self, *arguments: object, role_ids: Iterable[str], **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # -- passed on as they are
        named = sorted((role_name(one), one) for one in role_ids)
        self.fields["role"].choices = [("", "Choose a role"), *((one, name) for name, one in named)]  # type: ignore[attr-defined]  # -- a ChoiceField


def add(request: PortalRequest, member_id: str) -> HttpResponse:
    """Choose a role, see what it adds, and assign it."""
    member = request.directory.members.details(member_id).listed.member
    if member.status == MemberStatus.DELETED:
        return see_other(member_url(request, member_id))
    if needs_step_up(request):
        return step_up(request, request.path)
    data = request.POST if request.method == "POST" else request.GET
    form = RoleForm(data if "role" in data else None, role_ids=_assignable(request, member))
    is_valid = form.is_valid()
    if request.method == "POST" and is_valid:
        role_id = form.cleaned_data["role"]
        try:
            request.directory.member_roles.add(member_id, role_id)
        except (Conflict, Forbidden, Invalid) as error:
            form.add_error("role", error.detail)
            return _page(request, member, form, status=error.status)
        messages.success(request, f"{name_of(member)} now has the role {role_name(role_id)}.")
        return see_other(member_url(request, member_id))
    return _page(request, member, form, status=422 if form.errors else 200)


def remove(request: PortalRequest, member_id: str, role_id: str) -> HttpResponse:
    """Say what the member may then no longer do, and remove the role."""
    member = request.directory.members.details(member_id).listed.member
    if role_id not in member.direct_role_ids:
        return see_other(member_url(request, member_id))
    if needs_step_up(request):
        return step_up(request, request.path)
    dialog = _removal(request, member, role_id)
    if request.method != "POST":
        return ask(request, member, dialog)
    try:
        request.directory.member_roles.remove(member_id, role_id)
    except (Conflict, Forbidden) as error:
        return ask(request, member, dialog, error)
    messages.success(request, f"{name_of(member)} no longer has the role {role_name(role_id)}.")
    if is_own(request, member_id) and role_id == ADMIN_ROLE:
        return see_other(reverse("home:home", args=[request.signed_in.organization.organization_slug]))
    return see_other(member_url(request, member_id))


def _assignable(request: PortalRequest, member: Member) -> list[str]:
    """Return the roles that the member wasn't assigned yet, and that the acting member may assign."""
    had = {MEMBER_ROLE, *member.direct_role_ids}
    return [one for one in request.policy.roles if one not in had and request.authority.may_grant([one])]


def _page(request: PortalRequest, member: Member, form: RoleForm, *, status: int) -> HttpResponse:
    chosen = form.cleaned_data.get("role", "") if form.is_bound and hasattr(form, "cleaned_data") else ""
    before = request.policy.rights(member.role_ids)
    context = {
        "form": form,
        "member": member,
        "name": name_of(member),
        "member_url": member_url(request, member.member_id),
        "chosen": chosen,
        "gained": rights_in_words(request.policy.rights([chosen]) - before, request.policy) if chosen else (),
        "has_choices": bool(_assignable(request, member)),
    }
    return render_page(request, "members/add_role.html", context, status=status)


def _removal(request: PortalRequest, member: Member, role_id: str) -> Dialog:
    others = [one.role_id for one in member.roles if one.role_id != role_id or len(one.sources) > 1]
    lost = request.policy.rights(member.role_ids) - request.policy.rights(others)
    still = "Another source still grants the role, so nothing changes for them." if role_id in others else ""
    nothing = still or "Their other roles grant the same."
    own = (
        "This is your own role. If you remove it, only another admin can give it back."
        if is_own(request, member.member_id)
        else ""
    )
    return Dialog(
        title=f"Remove the role {role_name(role_id)}?",
        about=f"{name_of(member)} loses it immediately.",
        changes=() if lost else (("Permissions", nothing),),
        loses=rights_in_words(lost, request.policy),
        button="Remove role",
        warning=own,
    )
