"""The organization's email domains: which it has, what proves them, and what is still missing."""

from collections.abc import Sequence

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.access.rate_limits import Attempt, admit, forgive
from portal.directory.domains import Domain, DomainGateway, DomainState
from portal.directory.errors import Conflict, Invalid, TooManyRequests, Unauthenticated
from portal.directory.permissions import Permission
from portal.pages.settings import allowed_domains
from portal.pages.settings.domain_forms import AddressForm, DomainForm
from portal.pages.settings.tabs import render_tab
from portal.web.availability import available
from portal.web.code_form import CodeForm, rejected
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.sms_codes import form_status
from portal.web.step_up import needs_step_up, step_up

_TOO_MANY = "Too many attempts. Wait a few minutes, then try again."


def domains(request: PortalRequest) -> HttpResponse:
    """List the domains. The newest one that isn't proved is shown with its record."""
    gateway, right = request.directory.domains, right_to(request, Permission.ALLOWED_DOMAINS)
    if gateway is None:
        return allowed_domains.show(request)
    found = gateway.all()
    newest = _newest_unproved(found) if right.is_granted else None
    slug = request.signed_in.organization.organization_slug
    context = {"may_change": right, "domains": found, "domain": newest, "slug": slug}
    return render_tab(request, "settings/domains.html", context, fragments=["proof"])


def domain(request: PortalRequest, domain_id: str) -> HttpResponse:
    """Show a domain, what proves it, and what else can."""
    found = _gateway(request).get(domain_id)
    return _domain_page(request, found, AddressForm(domain=found.domain))


def add(request: PortalRequest) -> HttpResponse:
    """Ask for a domain and add it."""
    gateway = _gateway(request)
    if needs_step_up(request):
        return step_up(request, request.path)
    form = DomainForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            added = gateway.add(form.cleaned_data["domain"])
        except (Invalid, Conflict) as error:
            form.add_error("domain", error.detail)
        else:
            messages.success(request, f"{added.domain} was added. Now prove that it’s yours.")
            return see_other(_url(request, "domain", added.domain_id))
    context = {"form": form, "domains_url": _url(request, "domains")}
    return render_tab(request, "settings/add_domain.html", context, status=form_status(form))


def remove(request: PortalRequest, domain_id: str) -> HttpResponse:
    """Say what removing a domain means, and remove it if the member does it anyway."""
    gateway = _gateway(request)
    found = gateway.get(domain_id)
    if needs_step_up(request):
        return step_up(request, request.path)
    if request.method == "POST":
        gateway.remove(domain_id)
        messages.success(request, f"{found.domain} was removed.")
        return see_other(_url(request, "domains"))
    context = {"domain": found, "domains_url": _url(request, "domains")}
    return render_tab(request, "settings/remove_domain.html", context)


def check(request: PortalRequest, domain_id: str) -> HttpResponse:
    """Have the record looked up. The page then says that it's being checked."""
    try:
        _gateway(request).check_now(domain_id)
    except TooManyRequests as error:
        messages.warning(request, error.detail)
    return see_other(_url(request, "domain", domain_id))


def send_code(request: PortalRequest, domain_id: str) -> HttpResponse:
    """Email a code to an address in the domain."""
    gateway = _gateway(request)
    found = gateway.get(domain_id)
    if needs_step_up(request):
        return step_up(request, _url(request, "domain", domain_id))
    form = AddressForm(request.POST, domain=found.domain)
    if not form.is_valid():
        return _domain_page(request, found, form)
    try:
        gateway.send_code(domain_id, form.cleaned_data["email_address"])
    except Invalid as error:
        form.add_error("email_address", error.detail)
        return _domain_page(request, found, form)
    except TooManyRequests as error:
        form.add_error(None, forms.ValidationError(error.detail, code="too-many"))
        return _domain_page(request, found, form)
    return _code_page(request, found, CodeForm(), form.cleaned_data["email_address"])


def enter_code(request: PortalRequest, domain_id: str) -> HttpResponse:
    """Prove affiliation with the code."""
    gateway = _gateway(request)
    found = gateway.get(domain_id)
    address, form = AddressForm(request.POST, domain=found.domain), CodeForm(request.POST)
    if needs_step_up(request) or not address.is_valid():
        return see_other(_url(request, "domain", domain_id))
    email_address = address.cleaned_data["email_address"]
    if not form.is_valid():
        return _code_page(request, found, form, email_address)
    slug, own = request.signed_in.organization.organization_slug, request.signed_in.member.email_address
    # By the member's own address: attempts for another one must not pause its owner.
    attempt = Attempt(request.origin.ip_address, slug, own, is_confirmation=True)
    if not admit(attempt):
        return _code_page(request, found, rejected(_TOO_MANY, "too-many", CodeForm), email_address)
    try:
        gateway.prove_affiliation(domain_id, email_address=email_address, code=form.cleaned_data["code"])
    except (Unauthenticated, Invalid, Conflict) as error:
        form.add_error("code", error.detail)
        return _code_page(request, found, form, email_address)
    forgive(attempt)
    messages.success(request, f"{found.domain} is confirmed. People with its addresses can join now, if you let them.")
    return see_other(_url(request, "domain", domain_id))


def _gateway(request: PortalRequest) -> DomainGateway:
    return available(request.directory.domains, "domain proofs")


def _newest_unproved(found: Sequence[Domain]) -> Domain | None:
    waiting = [one for one in found if one.state is DomainState.NOT_PROVED]
    return waiting[-1] if waiting else None


def _domain_page(request: PortalRequest, found: Domain, form: AddressForm) -> HttpResponse:
    context = {
        "domain": found,
        "form": form,
        "can_be_emailed": _gateway(request).are_codes_emailed,
        "may_change": right_to(request, Permission.ALLOWED_DOMAINS),
        "slug": request.signed_in.organization.organization_slug,
        "domains_url": _url(request, "domains"),
    }
    return render_tab(request, "settings/domain.html", context, fragments=["proof"], status=form_status(form))


def _code_page(request: PortalRequest, found: Domain, form: forms.Form, email_address: str) -> HttpResponse:
    context = {
        "domain": found,
        "form": form,
        "email_address": email_address,
        "domains_url": _url(request, "domains"),
        "domain_url": _url(request, "domain", found.domain_id),
    }
    return render_tab(request, "settings/domain_code.html", context, status=form_status(form))


def _url(request: PortalRequest, name: str, *arguments: str) -> str:
    return reverse(f"settings:{name}", args=[request.signed_in.organization.organization_slug, *arguments])
