"""Inviting people, and the invitations that nobody has accepted yet."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.bulk_invitations import InvitationJob, InvitationLine
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, StepUpRequired, TooManyRequests
from portal.directory.invitations import NewInvitation
from portal.directory.pages import MAX_LIMIT
from portal.directory.permissions import Permission
from portal.pages.members.invitation_forms import InviteForm, InviteOneForm
from portal.web import listing
from portal.web.listing import ListQuery
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.step_up import step_up
from portal.web.times import duration_text

_FORM, _LIST = "members/invite.html", "members/invitations.html"
_MORE = "invitations-more"
# Lines of a list that is edited as text.
_MAX_EDITED = 500


def invite(request: PortalRequest) -> HttpResponse:
    """Invite one person at once, and several after a page that says what will happen."""
    gateway, bulk = request.directory.invitations, request.directory.bulk_invitations
    obstacle = gateway.obstacle()
    form = _form(request)
    if request.method == "POST" and not obstacle and form.is_valid():
        if len(form.lines) > 1 and bulk is not None:
            return see_other(job_url(request, bulk.draft(form.lines)))
        (line,) = form.lines
        field = "people" if bulk is not None else "email_address"
        try:
            member = gateway.invite(NewInvitation(line.email_address, line.name, line.roles, line.locale))
        except StepUpRequired:
            # The list keeps what was entered.
            url = job_url(request, bulk.draft(form.lines)) if bulk is not None else request.path
            return step_up(request, url)
        except (Invalid, Conflict, Forbidden, TooManyRequests, NotFound) as error:
            form.add_error(error.field if error.field in {"name", "roles", "locale"} else field, error.detail)
        else:
            messages.success(request, f"Invited {member.email_address}.")
            return see_other(list_url(request))
    context = {
        "form": form,
        "obstacle": obstacle,
        "is_bulk": bulk is not None,
        "lifetime_text": duration_text(gateway.lifetime // timedelta(minutes=1)),
        "may_assign": bool(form.role_choices),
        "members_url": reverse("members:members", args=[_slug(request)]),
        "jobs": bulk.recent() if bulk is not None else (),
    }
    return render_page(request, _FORM, context, status=422 if form.is_bound and form.errors else 200)


def pending(request: PortalRequest) -> HttpResponse:
    """Show a page of pending invitations."""
    gateway, query = request.directory.invitations, ListQuery(request.GET)
    context: dict[str, Any] = {
        "query": query,
        "list_url": list_url(request),
        "invite_url": reverse("members:invite", args=[_slug(request)]),
        "members_url": reverse("members:members", args=[_slug(request)]),
        "has_details": gateway.has_details,
        "may_invite": right_to(request, Permission.MEMBER_CREATE),
        "may_revoke": right_to(request, Permission.MEMBER_DELETE),
    }
    if not query.is_valid():
        return render_page(request, _LIST, context, fragments=["invitations"], status=422)
    limit = query.size
    found = listing.load(request, lambda cursor: gateway.page(cursor=cursor, limit=limit), append_to=_MORE)
    context["invitations"] = found
    if found.has_restarted and request.htmx.target == _MORE:
        return listing.start_again(render_page(request, _LIST, context), "invitations")
    return render_page(request, _LIST, context, fragments=["invitations", _MORE])


def resend(request: PortalRequest, member_id: str) -> HttpResponse:
    """Email another link to an invited member."""
    try:
        member = request.directory.invitations.resend(member_id)
    except TooManyRequests as error:
        messages.error(request, error.detail)
    else:
        messages.success(request, f"Sent {member.email_address} another invitation.")
    return see_other(list_url(request))


def revoke(request: PortalRequest, member_id: str) -> HttpResponse:
    """End the link of an invitation, and delete the member."""
    email_address = request.directory.invitations.revoke(member_id)
    messages.success(request, f"Revoked the invitation of {email_address}.")
    return see_other(list_url(request))


def list_url(request: PortalRequest) -> str:
    """Return the URL of the pending invitations."""
    return reverse("members:invitations", args=[_slug(request)])


def job_url(request: PortalRequest, job: InvitationJob) -> str:
    """Return the URL of a list of people."""
    return reverse("members:invitation-job", args=[_slug(request), job.job_id])


def _form(request: PortalRequest) -> InviteForm | InviteOneForm:
    gateway = request.directory.invitations
    roles = [request.policy.roles[one] for one in gateway.grantable_roles() if one in request.policy.roles]
    options: dict[str, Any] = {"roles": roles, "locales": gateway.locales}
    sent = (request.POST, request.FILES) if request.method == "POST" else ()
    if request.directory.bulk_invitations is None:
        return InviteOneForm(*sent, **options)
    initial = {} if sent else _of_draft(request)
    return InviteForm(*sent, role_ids=tuple(request.policy.roles), initial=initial, **options)


def _of_draft(request: PortalRequest) -> dict[str, object]:
    """Return what was entered for a list, to change it. Longer ones are changed in their file."""
    draft, bulk = request.GET.get("draft", ""), request.directory.bulk_invitations
    if not draft or bulk is None:
        return {}
    try:
        lines = bulk.lines(draft, limit=MAX_LIMIT).items
    except NotFound:
        return {}
    if not lines or len(lines) > _MAX_EDITED:
        return {}
    return {"people": "\n".join(map(_as_text, lines)), "roles": list(lines[0].roles), "locale": lines[0].locale}


def _as_text(line: InvitationLine) -> str:
    name = line.name.replace('"', "")
    quoted = f'"{name}"' if "," in name or ";" in name else name
    return f"{quoted} <{line.email_address}>" if name else line.email_address


def _slug(request: PortalRequest) -> str:
    return request.signed_in.organization.organization_slug
