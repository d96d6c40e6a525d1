"""Roles by email domain: adding a rule and removing one, each after a review of who is affected."""

from collections.abc import Sequence
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound
from portal.directory.organizations import EmailImplicitRoleAssignment
from portal.directory.policy import role_name
from portal.directory.roles import assignments_version
from portal.pages.settings.role_forms import EmailRuleForm, grantable
from portal.pages.settings.tabs import render_tab
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up_with_form

_ADD = "settings/role_rule.html"
_REMOVE = "settings/role_rule_remove.html"


def add(request: PortalRequest) -> HttpResponse:
    """Show the form of a rule, review who gets the role, and save it."""
    gateway = request.directory.roles
    if needs_step_up(request):
        return step_up_with_form(request)
    role_ids = grantable(request.authority)
    version = assignments_version(gateway.email_assignments())
    if request.method == "GET":
        typed = request.GET if "version" in request.GET else None
        return _page(request, EmailRuleForm(typed, role_ids=role_ids, initial={"version": version}))
    form = EmailRuleForm(request.POST, role_ids=role_ids)
    if not form.is_valid():
        return _page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return _save(request, form, role_ids, version)


def _save(request: PortalRequest, form: EmailRuleForm, role_ids: Sequence[str], version: str) -> HttpResponse:
    """Save a rule, or show its review if that wasn't asked for. `version` is that of the rules now."""
    gateway = request.directory.roles
    rule = EmailImplicitRoleAssignment(form.cleaned_data["domain"], form.cleaned_data["role_id"])
    try:
        if "save" not in request.POST:
            review = request.directory.role_review
            (effect,) = review.preview_email_assignments(add=[rule]) if review else (None,)
            return _page(request, form, effect=effect, is_review=True)
        gateway.change_email_assignments(add=[rule], version=form.cleaned_data["version"])
    except Conflict as error:
        data = request.POST.copy()
        data["version"] = version
        again = EmailRuleForm(data, role_ids=role_ids)
        again.add_error(None, f"{error.detail} Nothing was saved. Review the rule again.")
        return _page(request, again, status=error.status)
    except (Invalid, Forbidden) as error:
        form.add_error("domain" if isinstance(error, Invalid) else None, error.detail)
        return _page(request, form, status=error.status)
    messages.success(request, f"Everyone at {rule.domain} now has the role {role_name(rule.role_id)}.")
    return see_other(_list_url(request))


def remove(request: PortalRequest) -> HttpResponse:
    """Show who loses the role, and remove the rule."""
    if needs_step_up(request):
        return step_up_with_form(request)
    gateway = request.directory.roles
    data = request.POST if request.method == "POST" else request.GET
    rule = EmailImplicitRoleAssignment(data.get("domain", ""), data.get("role", ""))
    now = gateway.email_assignments()
    if rule not in now:
        raise NotFound("This rule doesn’t exist. Someone may have removed it.")
    problem, status = "", 200
    if request.method == "POST":
        try:
            gateway.change_email_assignments(remove=[rule], version=request.POST.get("version", ""))
        except Conflict as error:
            problem, status = error.detail, error.status
        else:
            messages.success(request, f"Email addresses of {rule.domain} no longer give {role_name(rule.role_id)}.")
            return see_other(_list_url(request))
    review = request.directory.role_review
    (effect,) = review.preview_email_assignments(remove=[rule]) if review else (None,)
    context = {"rule": rule, "version": assignments_version(now), "effect": effect, "problem": problem}
    return render_tab(request, _REMOVE, context, status=status)


def _page(
    request: PortalRequest, form: EmailRuleForm, *, effect: object = None, is_review: bool = False, status: int = 200
) -> HttpResponse:
    context = {"form": form, "effect": effect, "is_review": is_review}
    return render_tab(request, _ADD, context, status=status)


def _list_url(request: PortalRequest) -> str:
    return reverse("settings:roles", args=[request.signed_in.organization.organization_slug])
