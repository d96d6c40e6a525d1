"""What a member takes along: their data as a file, and leaving the organization."""

import json

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import content_disposition_header

from portal.directory.errors import Conflict
from portal.pages.account.paths import account_url
from portal.web.pages import private, render_page, see_other
from portal.web.request import PortalRequest
from portal.web.session_cookie import forget_session
from portal.web.step_up import needs_step_up, step_up


def data(request: PortalRequest) -> HttpResponse:
    """Download everything that is stored about the member, as JSON."""
    slug = request.signed_in.organization.organization_slug
    if needs_step_up(request):
        return step_up(request, request.path)
    written = json.dumps(request.directory.account.data(), ensure_ascii=False, indent=2)
    response = private(HttpResponse(written, content_type="application/json"))
    name = f"account-{slug}-{timezone.now():%Y%m%d-%H%M%S}.json"
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    return response


def leave(request: PortalRequest) -> HttpResponse:
    """Say what is lost, and leave the organization if the member does it anyway."""
    slug = request.signed_in.organization.organization_slug
    if needs_step_up(request):
        return step_up(request, request.path)
    problem = ""
    if request.method == "POST":
        try:
            request.directory.account.leave()
        except Conflict as error:
            problem = error.detail
        else:
            response = see_other(reverse("session:signed-out"))
            forget_session(response, slug)
            return response
    context = {"problem": problem, "account_url": account_url(request)}
    return render_page(request, "account/leave.html", context, status=409 if problem else 200)
