"""The page that sends a provisioned person a sign-in link."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.access.rate_limits import admit_link
from portal.directory.errors import Conflict, Forbidden, TooManyRequests
from portal.directory.scim.users import ScimUserDetails
from portal.directory.sign_in_links import SignInLinkGateway
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up
from scim_admin.sections import render_section

_TEMPLATE = "scim_admin/sign_in_link.html"
_TOO_MANY = "Several links were sent to this person within the last hour. Wait an hour, then try again."


def sign_in_link(request: PortalRequest, user_id: str) -> HttpResponse:
    """Ask before sending a link. Then email it or, if email isn't configured, show it once."""
    sign_in_links = available(request.directory.sign_in_links, "sign-in links")
    details = available(request.directory.scim.users, "users").get(user_id)
    if needs_step_up(request):
        return step_up(request, request.path)
    if request.method != "POST" or not details.can_sign_in:
        return _page(request, sign_in_links, details)
    if not admit_link(request.signed_in.organization.organization_slug, details.member_id):
        return _page(request, sign_in_links, details, problem=_TOO_MANY, status=429)
    return _send(request, sign_in_links, details)


def _send(request: PortalRequest, sign_in_links: SignInLinkGateway, details: ScimUserDetails) -> HttpResponse:
    try:
        sent = sign_in_links.send(details.member_id)
    except (Conflict, Forbidden, TooManyRequests) as error:
        return _page(request, sign_in_links, details, problem=error.detail, status=error.status)
    if sent.url:
        # The link is only in this response, which has no URL of its own and isn't cached.
        return _page(request, sign_in_links, details, sent=sent)
    messages.success(request, f"{sent.email_address} will get an email with the link.")
    slug = request.signed_in.organization.organization_slug
    return see_other(reverse("scim:person", args=[slug, details.user.user_id]))


def _page(
    request: PortalRequest,
    sign_in_links: SignInLinkGateway,
    details: ScimUserDetails,
    *,
    status: int = 200,
    **more: object,
) -> HttpResponse:
    context = {"details": details, "emails_links": sign_in_links.are_emailed, **more}
    return render_section(request, _TEMPLATE, context, status=status)
