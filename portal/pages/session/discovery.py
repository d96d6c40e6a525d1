"""Signing in before an organization is known: a code or link by email, and the choice of an organization."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.urls import reverse

from portal.access.rate_limits import Attempt, admit, admit_email
from portal.directory.discovery import DiscoveredOrganization, DiscoveredOrganizations, MembershipType
from portal.directory.errors import Invalid, InvalidLink, NotFound, Unauthenticated
from portal.directory.organizations import EMAIL_OTP, MAGIC_LINK, PASSWORD, Organization
from portal.directory.sessions import Authentication, second_factor_required
from portal.metrics import FAILED_SIGN_INS
from portal.pages.session.choice import Proof, choice, keep_choice, without_choice
from portal.pages.session.forms import ChooseOrganizationForm, CreateOrganizationForm, EmailForm
from portal.pages.session.pauses import record_pause
from portal.pages.session.views import enter
from portal.web.code_form import CodeForm, rejected
from portal.web.pages import render_page, see_other
from portal.web.pending_sign_in import ask_for_second_factor
from portal.web.request import PortalRequest
from portal.web.session_cookie import open_organizations

_TOO_MANY = "Too many attempts. Wait a few minutes, then try again."
_TOO_MANY_EMAILS = "Too many emails. Try again in 15 minutes."
# Organizations that are named because this browser has a cookie of theirs.
_MAX_OPENED = 20
_METHODS = {
    PASSWORD: "a password",
    EMAIL_OTP: "a code by email",
    MAGIC_LINK: "a link by email",
    "sso": "single sign-on",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """An organization in the chooser: what the button says below its name, and why there is none."""

    organization: Organization
    note: str
    is_locked: bool = False


def send_code(request: PortalRequest) -> HttpResponse:
    """Email a code to an address, and ask for it. Every address gets the same page."""
    address = EmailForm(request.POST)
    if not address.is_valid():
        return see_other(reverse("session:discover"))
    email_address = address.cleaned_data["email_address"]
    form = CodeForm()
    if _is_admitted_email(request, email_address):
        request.directories.email_discovery(request.origin).request_code(email_address)
    else:
        form = rejected(_TOO_MANY_EMAILS, "too-many", CodeForm)
    return _code_page(request, form, email_address)


def enter_code(request: PortalRequest) -> HttpResponse:
    """Check a code, and continue with the choice of organizations."""
    address, form = EmailForm(request.POST), CodeForm(request.POST)
    if not address.is_valid():
        return see_other(reverse("session:discover"))
    email_address = address.cleaned_data["email_address"]
    if not form.is_valid():
        return _code_page(request, form, email_address)
    attempt = Attempt(request.origin.ip_address, "", email_address)
    if not admit(attempt):
        record_pause(request, attempt)
        form.add_error(None, ValidationError(_TOO_MANY, code="too-many"))
        return _code_page(request, form, email_address)
    try:
        found = request.directories.email_discovery(request.origin).authenticate_code(
            email_address=email_address, code=form.cleaned_data["code"]
        )
    except Unauthenticated as error:
        form.add_error("code", error.detail)
        return _code_page(request, form, email_address)
    return _after_proof(request, found)


def send_link(request: PortalRequest) -> HttpResponse:
    """Email a link to an address. Every address gets the same page."""
    address = EmailForm(request.POST)
    if not address.is_valid():
        return see_other(reverse("session:discover"))
    email_address = address.cleaned_data["email_address"]
    admitted = _is_admitted_email(request, email_address)
    if admitted:
        request.directories.email_discovery(request.origin).request_link(email_address)
    context = {
        "is_sent": admitted,
        "email_address": email_address,
        "send_url": reverse("session:discovery-send-link"),
        "sign_in_url": reverse("session:discover"),
    }
    return render_page(request, "session/magic_link_sent.html", context, status=200 if admitted else 429)


def link(request: PortalRequest) -> HttpResponse:
    """Say what a link is for. Its button uses it: mail scanners open links, and don't press buttons."""
    discovery = request.directories.email_discovery(request.origin)
    token = request.POST.get("token") or request.GET.get("token", "")
    try:
        if request.method == "POST":
            return _after_proof(request, discovery.authenticate_link(token))
        preview = discovery.preview(token)
    except InvalidLink as error:
        FAILED_SIGN_INS.labels("link_ended").inc()
        ended = {"detail": error.detail, "sign_in_url": reverse("session:discover")}
        return render_page(request, "session/magic_link_ended.html", ended, status=error.status)
    return render_page(request, "session/link_confirm.html", {"preview": preview, "token": token})


def organizations(request: PortalRequest) -> HttpResponse:
    """Show the organizations that the person can open, each once, and open the chosen one."""
    token, proof = choice(request)
    if request.method == "POST":
        form = ChooseOrganizationForm(request.POST)
        if not form.is_valid():
            raise Invalid("Choose one of the organizations.", field="organization_id")
        return _enter(request, form.cleaned_data["organization_id"])
    choices, email_address = _choices(request, token, proof)
    named = {one.organization.organization_slug for one in choices}
    opened = _opened(request, besides=named)
    can_create = proof is Proof.EMAIL and bool(email_address) and _can_create(request)
    if not choices and not opened and not email_address:
        return see_other(reverse("session:discover"))
    context = {
        "choices": choices,
        "email_address": email_address,
        "proof": proof,
        "open_organizations": opened,
        "action": reverse("session:organizations"),
        "sign_in_url": reverse("session:discover"),
        "create_form": CreateOrganizationForm() if can_create else None,
        "create_url": reverse("session:create-organization"),
    }
    return render_page(request, "session/organizations.html", context)


def _opened(request: PortalRequest, *, besides: Collection[str]) -> list[dict[str, str]]:
    """Return the name and the URL of the organizations that this browser has a session cookie for."""
    slugs = [one for one in open_organizations(request) if one not in besides][:_MAX_OPENED]
    # One can be missing: it was deleted, or has another slug now.
    names = request.directories.names(slugs) if slugs else {}
    return [
        {"organization_name": names[slug], "url": reverse("home:home", args=[slug])} for slug in slugs if slug in names
    ]


def create_organization(request: PortalRequest) -> HttpResponse:
    """Create an organization with the person as its admin."""
    token, proof = choice(request)
    form = CreateOrganizationForm(request.POST)
    if proof is not Proof.EMAIL or not form.is_valid():
        return see_other(reverse("session:organizations"))
    outcome = request.directories.email_discovery(request.origin).create_organization(
        token, organization_name=form.cleaned_data["organization_name"]
    )
    return _after_choice(request, outcome)


def _is_admitted_email(request: PortalRequest, email_address: str) -> bool:
    if not request.directories.email_discovery(request.origin).are_emailed:
        raise NotFound("Codes and links can't be emailed.")
    return admit_email(Attempt(request.origin.ip_address, "", email_address))


def _can_create(request: PortalRequest) -> bool:
    return request.directories.email_discovery(request.origin).can_create


def _after_proof(request: PortalRequest, found: DiscoveredOrganizations) -> HttpResponse:
    """Enter the only organization there is, or ask which one."""
    match found.organizations:
        case [one] if (
            (one.is_authenticated or one.mfa_required)
            and one.membership_type is MembershipType.ACTIVE_MEMBER
            and not _can_create(request)
        ):
            discovery = request.directories.email_discovery(request.origin)
            token = found.intermediate_session_token
            outcome = discovery.exchange(token, organization_id=one.organization.organization_id)
            return _after_choice(request, outcome)
        case _:
            return keep_choice(found.intermediate_session_token, Proof.EMAIL)


def _enter(request: PortalRequest, organization_id: str) -> HttpResponse:
    token, proof = choice(request)
    if proof is Proof.PASSWORD:
        signed_in = request.directories.discovery(request.origin).exchange(token, organization_id=organization_id)
        return without_choice(enter(signed_in, ""))
    discovery = request.directories.email_discovery(request.origin)
    return _after_choice(request, discovery.exchange(token, organization_id=organization_id))


def _after_choice(request: PortalRequest, outcome: Authentication) -> HttpResponse:
    """Open the session, or continue with what the organization wants in addition."""
    if outcome.signed_in is not None:
        return without_choice(enter(outcome.signed_in, ""))
    if outcome.mfa_required:
        return without_choice(ask_for_second_factor(second_factor_required(outcome, outcome.mfa_required).pending))
    methods = _in_words(outcome.allowed_auth_methods)
    name = outcome.organization.organization_name
    messages.info(request, f"{name} asks you to sign in with {methods}." if methods else f"{name} asks for more.")
    return without_choice(see_other(reverse("session:sign-in", args=[outcome.organization.organization_slug])))


def _choices(request: PortalRequest, token: str, proof: Proof) -> tuple[Sequence[Choice], str]:
    """Return what can be chosen, and the address. Nothing if the choice has ended."""
    if not token:
        return (), ""
    try:
        if proof is Proof.PASSWORD:
            known = request.directories.discovery(request.origin).organizations(token)
            return [Choice(one, one.organization_slug) for one in known.organizations], known.email_address
        found = request.directories.email_discovery(request.origin).organizations(token)
    except Unauthenticated:
        return (), ""
    return list(_described(found.organizations)), found.email_address


def _described(organizations: Sequence[DiscoveredOrganization]) -> Iterator[Choice]:
    for one in organizations:
        methods = _in_words(one.organization.settings.allowed_auth_methods)
        if one.is_authenticated or one.mfa_required:
            yield Choice(one.organization, _membership(one))
        elif one.membership_type is MembershipType.ELIGIBLE_TO_JOIN_BY_EMAIL_DOMAIN:
            yield Choice(one.organization, f"Joining asks for {methods}" if methods else "Ask an admin", is_locked=True)
        else:
            yield Choice(one.organization, f"Asks you to sign in with {methods}" if methods else "Asks for more")


def _membership(one: DiscoveredOrganization) -> str:
    match one.membership_type:
        case MembershipType.ACTIVE_MEMBER:
            return "Admin" if one.member and one.member.is_admin else "Member"
        case MembershipType.INVITED_MEMBER | MembershipType.PENDING_MEMBER:
            return "You’re invited. Choose it to join"
        case MembershipType.ELIGIBLE_TO_JOIN_BY_EMAIL_DOMAIN:
            return "You can join with your email address"


def _in_words(methods: Sequence[str]) -> str:
    """Return sign-in methods as a person reads them: "a password or single sign-on"."""
    words = list(dict.fromkeys(_METHODS.get(one, "another account") for one in methods))
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _code_page(request: PortalRequest, form: CodeForm, email_address: str) -> HttpResponse:
    context = {"form": form, "email_address": email_address, "sign_in_url": reverse("session:discover")}
    is_limited = form.is_bound and form.has_error("__all__", code="too-many")
    status = 429 if is_limited else 422 if form.is_bound and form.errors else 200
    return render_page(request, "session/discovery_code.html", context, status=status)
