"""The allowed email domains where the directory asks for no proof: Stytch takes the organization's word."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.organizations import OrganizationChanges
from portal.directory.permissions import Permission
from portal.pages.settings.domain_forms import DomainForm
from portal.pages.settings.tabs import render_tab
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.sms_codes import form_status
from portal.web.step_up import needs_step_up, step_up


def show(request: PortalRequest, form: DomainForm | None = None) -> HttpResponse:
    """Show the list, with a form that adds a domain."""
    form = form or DomainForm()
    context = {
        "form": form,
        "may_change": right_to(request, Permission.ALLOWED_DOMAINS),
        "organization": request.directory.organization.get(),
    }
    return render_tab(request, "settings/allowed_domains.html", context, status=form_status(form))


def change(request: PortalRequest) -> HttpResponse:
    """Add or remove one domain. Where domains are proved, this leads to their page."""
    url = reverse("settings:domains", args=[request.signed_in.organization.organization_slug])
    if request.directory.domains is not None:
        return see_other(url)
    if needs_step_up(request):
        return step_up(request, url)
    listed, removed = request.directory.organization.get().email_allowed_domains, request.POST.get("remove", "")
    form = DomainForm(request.POST)
    if not removed and not form.is_valid():
        return show(request, form)
    added = "" if removed else form.cleaned_data["domain"].strip()
    changed = [one for one in listed if one not in {removed, added}] + ([added] if added else [])
    try:
        request.directory.organization.update(OrganizationChanges(email_allowed_domains=changed))
    except (Conflict, Forbidden, Invalid) as error:
        form.add_error(None if removed else "domain", error.detail)
        return show(request, form)
    messages.success(request, f"{added} was added." if added else f"{removed} was removed.")
    return see_other(url)
