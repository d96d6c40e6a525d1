"""The page between choosing sign-in methods and saving them: what the change means for the members."""

from django.contrib import messages
from django.http import HttpResponse
from django.utils.http import urlencode

from portal.directory.errors import Conflict, Invalid
from portal.directory.organizations import PASSWORD, RESTRICTED, Organization, OrganizationChanges
from portal.directory.permissions import Permission
from portal.directory.sign_in_settings import MethodReview
from portal.pages.settings.sign_in import render_sign_in, sign_in_url, stored
from portal.pages.settings.sign_in_forms import MethodsForm, allowed_after, allowed_now
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.sign_in_methods import OWN_METHODS
from portal.web.step_up import needs_step_up, step_up


def review(request: PortalRequest) -> HttpResponse:
    """Show what a change of the methods means, and save it."""
    organization = request.directory.organization.get()
    form = MethodsForm(request.POST if request.method == "POST" else request.GET)
    if not form.is_valid():
        problem = " ".join(str(error) for errors in form.errors.values() for error in errors)
        return render_sign_in(request, organization, chosen_methods=(), methods_problem=problem, status=422)
    if needs_step_up(request):
        fields = [*(("methods", one) for one in form.chosen), ("version", form.cleaned_data["version"])]
        return step_up(request, f"{request.path}?{urlencode(fields)}")
    if request.method == "POST":
        return _save(request, organization, form)
    if form.chosen == allowed_now(organization.settings):
        messages.info(request, "These methods are what is allowed now.")
        return see_other(sign_in_url(request))
    return _render(request, organization, form)


def _save(request: PortalRequest, organization: Organization, form: MethodsForm) -> HttpResponse:
    after, version = allowed_after(organization.settings, form.chosen), form.cleaned_data["version"] or "none"
    try:
        if request.directory.sign_in_settings:
            person = form.cleaned_data["emergency_admin"]
            request.directory.sign_in_settings.save_methods(after, version=version, emergency_admin=person)
        else:
            changes = OrganizationChanges(auth_methods=RESTRICTED, allowed_auth_methods=after)
            request.directory.organization.update(changes, version=version)
    except (Conflict, Invalid) as error:
        problem = error.detail
        if error.field == "version":
            organization = stored(request)
            form = form.renewed(organization)
            problem += f" Allowed now: {_labels(allowed_now(organization.settings))}. Save again to replace that."
        return _render(request, organization, form, problem=problem, status=error.status)
    messages.success(request, "Sign-in methods saved.")
    return see_other(sign_in_url(request))


def _render(
    request: PortalRequest, organization: Organization, form: MethodsForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    before, gateway = allowed_now(organization.settings), request.directory.sign_in_settings
    found: MethodReview | None = None
    if gateway:
        found = gateway.review(allowed_after(organization.settings, form.chosen))
        form.offer(found)
    number = found.locked_out_count.number if found and found.locked_out_count else 0
    context = {
        "form": form,
        "found": found,
        "more_locked_out": number - len(found.locked_out) if found and found.locked_out else 0,
        "problem": problem,
        "allowed": _labels(form.chosen),
        "turned_off": _labels(tuple(one for one in before if one not in form.chosen)),
        "turned_on": _labels(tuple(one for one in form.chosen if one not in before)),
        "chosen": form.chosen,
        "version": form.data.get("version", ""),
        "needs_password": form.chosen == (PASSWORD,),
        "may_make_emergency_admin": right_to(request, Permission.MEMBER_BREAKGLASS),
        "settings_url": sign_in_url(request),
    }
    return render_page(request, "settings/review_methods.html", context, status=status)


def _labels(methods: tuple[str, ...]) -> str:
    return ", ".join(OWN_METHODS[one] for one in methods)
