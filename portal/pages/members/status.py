"""Deactivating a member, and reactivating one."""

from django.contrib import messages
from django.http import HttpResponse

from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.members import MemberDetails, MemberStatus
from portal.pages.members.dialogs import Dialog, ask, is_own, managed_by, member_url, name_of, require_unlocked
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.step_up import needs_step_up, step_up


def deactivate(request: PortalRequest, member_id: str) -> HttpResponse:
    """Say what the member loses, and deactivate them."""
    details = request.directory.members.details(member_id)
    member = details.listed.member
    if member.status == MemberStatus.DELETED:
        return see_other(member_url(request, member_id))
    if needs_step_up(request):
        return step_up(request, request.path)
    dialog = _deactivation(request, details)
    if request.method != "POST":
        return ask(request, member, dialog)
    try:
        require_unlocked(dialog)
        request.directory.members.delete(member_id)
    except (Conflict, Forbidden) as error:
        return ask(request, member, dialog, error)
    messages.success(request, f"{name_of(member)} is deactivated.")
    return see_other(member_url(request, member_id))


def reactivate(request: PortalRequest, member_id: str) -> HttpResponse:
    """Say what the member gets back, and reactivate them."""
    details = request.directory.members.details(member_id)
    member = details.listed.member
    if member.status != MemberStatus.DELETED:
        return see_other(member_url(request, member_id))
    if needs_step_up(request):
        return step_up(request, request.path)
    dialog = _reactivation(request, details)
    if request.method != "POST":
        return ask(request, member, dialog)
    try:
        require_unlocked(dialog)
        request.directory.members.reactivate(member_id)
    except (Conflict, Forbidden, Invalid) as error:
        return ask(request, member, dialog, error)
    messages.success(request, f"{name_of(member)} is active again.")
    return see_other(member_url(request, member_id))


def deactivation_lock(request: PortalRequest, details: MemberDetails) -> str:
    """Return why a member can't be deactivated here, "" if they can."""
    if is_own(request, details.listed.member.member_id):
        return "To leave the organization yourself, use your account."
    manager = managed_by(details)
    return f"{manager} manages this member. Remove them from the application there." if manager else ""


def _deactivation(request: PortalRequest, details: MemberDetails) -> Dialog:
    member, organization = details.listed.member, request.signed_in.organization.organization_name
    return Dialog(
        title=f"Deactivate {name_of(member)}?",
        about="You can reactivate them later, without what is deleted.",
        changes=(
            ("Access", f"All their sessions in {organization} end, and they can’t sign in."),
            ("Roles and password", "They’re deleted. They don’t come back if you reactivate the member."),
            ("Second factors", "Authenticator app, passkeys, phone number and recovery codes are deleted."),
            ("Kept", "Name, address, metadata, and what the activity log says."),
        ),
        button="Deactivate",
        locked_because=deactivation_lock(request, details),
    )


def _reactivation(request: PortalRequest, details: MemberDetails) -> Dialog:
    member, organization, manager = (
        details.listed.member,
        request.signed_in.organization.organization_name,
        managed_by(details),
    )
    return Dialog(
        title=f"Reactivate {name_of(member)}?",
        about=f"{member.email_address} can sign in to {organization} again.",
        changes=(
            ("Roles", "Only those that groups and the email domain grant. Assign the others again."),
            (
                "Signing in",
                "They have no password and no second factor. They sign in with an email, or set a new password.",
            ),
        ),
        button="Reactivate",
        is_danger=False,
        locked_because=f"{manager} manages this member. Activate them there." if manager else "",
    )
