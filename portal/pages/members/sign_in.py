"""How a member signs in: a required second factor, emergency access, the default factor, and their password."""

from django.contrib import messages
from django.http import HttpResponse

from portal.access.rate_limits import admit_link
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, TooManyRequests
from portal.directory.members import Member, MemberChanges, MemberStatus
from portal.directory.second_factors import SMS_OTP, TOTP
from portal.directory.sign_in_links import SentLink, SignInLinkGateway
from portal.pages.members.dialogs import Dialog, ask, member_url, name_of
from portal.web.availability import available
from portal.web.pages import render_page, see_other
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up

_TOO_MANY = "Several links were sent to this member within the last hour. Wait an hour, then try again."
FACTOR_NAMES = {TOTP: "Authenticator app", SMS_OTP: "Code by text message"}


def require_mfa(request: PortalRequest, member_id: str) -> HttpResponse:
    """Require a second factor of the member, or stop requiring it."""
    is_on = request.POST.get("is_on") == "yes"
    what = "needs a second factor at each sign-in" if is_on else "is no longer asked for a second factor of their own"
    return _change(request, member_id, MemberChanges(mfa_enrolled=is_on), what)


def emergency_access(request: PortalRequest, member_id: str) -> HttpResponse:
    """Let the member sign in with any method, or end that."""
    is_on = request.POST.get("is_on") == "yes"
    what = "has emergency access" if is_on else "no longer has emergency access"
    return _change(request, member_id, MemberChanges(is_breakglass=is_on), what)


def default_factor(request: PortalRequest, member_id: str) -> HttpResponse:
    """Choose which factor the member is asked for first."""
    chosen = request.POST.get("default_mfa_method", "")
    what = f"is asked for this first: {FACTOR_NAMES.get(chosen, '')}".lower()
    return _change(request, member_id, MemberChanges(default_mfa_method=chosen), what)


def _change(request: PortalRequest, member_id: str, changes: MemberChanges, what: str) -> HttpResponse:
    url = member_url(request, member_id)
    if needs_step_up(request):
        return step_up(request, url)
    version = request.POST.get("version", "")
    try:
        member = request.directory.members.update(member_id, changes, version=version)
    except (Conflict, Invalid) as error:
        # The page shows what it is now.
        messages.error(request, f"Nothing was changed. {error.detail}")
        return see_other(url)
    messages.success(request, f"{name_of(member)} {what}.")
    return see_other(url)


def send_link(request: PortalRequest, member_id: str) -> HttpResponse:
    """Ask before sending a link to choose a password. Then email it or, if email isn't configured, show it once."""
    sign_in_links = available(request.directory.sign_in_links, "sign-in links")
    details = request.directory.members.details(member_id)
    if needs_step_up(request):
        return step_up(request, request.path)
    member = details.listed.member
    dialog = _link_dialog(member, emails=sign_in_links.are_emailed)
    if request.method != "POST":
        return ask(request, member, dialog)
    try:
        sent = _sent_link(request, sign_in_links, member_id)
    except (Conflict, Forbidden, TooManyRequests) as error:
        return ask(request, member, dialog, error)
    if sent.url:
        # The link is only in this response, which has no URL of its own and isn't cached.
        context = {"sent": sent, "name": name_of(member), "member_url": member_url(request, member_id)}
        return render_page(request, "members/shown_link.html", context)
    messages.success(request, f"{sent.email_address} will get an email with the link.")
    return see_other(member_url(request, member_id))


def _sent_link(request: PortalRequest, sign_in_links: SignInLinkGateway, member_id: str) -> SentLink:
    if not admit_link(request.signed_in.organization.organization_slug, member_id):
        raise TooManyRequests(_TOO_MANY)
    return sign_in_links.send(member_id)


def _link_dialog(member: Member, *, emails: bool) -> Dialog:
    is_reset = bool(member.member_password_id)
    deactivated = "This member is deactivated. Reactivate them first."
    return Dialog(
        title="Send a link to reset the password" if is_reset else "Send a sign-in link",
        about="The link lets them choose a password and sign in. It works once, and replaces earlier links.",
        changes=(
            ("Goes to", member.email_address),
            ("Password and sessions", "Their current password and sessions end when they choose a new password."),
            *([] if emails else [("Email", "Email isn’t configured on this server. The link is shown once.")]),
        ),
        button="Email link" if emails else "Show link",
        is_danger=False,
        locked_because=deactivated if member.status == MemberStatus.DELETED else "",
    )


def require_new_password(request: PortalRequest, member_id: str) -> HttpResponse:
    """Say what it means, then let the member's password no longer sign them in until they replace it."""
    sign_in_links = available(request.directory.sign_in_links, "sign-in links")
    member = request.directory.members.details(member_id).listed.member
    if not member.member_password_id:
        return see_other(member_url(request, member_id))
    if needs_step_up(request):
        return step_up(request, request.path)
    dialog = Dialog(
        title=f"Require a new password of {name_of(member)}?",
        about="Their password no longer signs them in until they choose another one.",
        changes=(
            ("Signing in", "They choose a new password with “Forgot your password?”, or with a link that you send."),
            ("Sessions", "They continue. End them if someone else may know the password."),
        ),
        button="Require a new password",
    )
    if request.method != "POST":
        return ask(request, member, dialog)
    try:
        sign_in_links.require_new_password(member_id)
    except NotFound:  # deleted in the meantime
        return see_other(member_url(request, member_id))
    messages.success(request, f"{name_of(member)} needs a new password to sign in.")
    return see_other(member_url(request, member_id))
