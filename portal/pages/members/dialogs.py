"""The pages that ask before something happens to a member, and what they share."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import Conflict, DirectoryError
from portal.directory.members import Member, MemberDetails
from portal.web.pages import render_page
from portal.web.policy_words import ResourceWords
from portal.web.request import PortalRequest


@dataclass(frozen=True, slots=True)
class Dialog:
    """What a page says before something happens: what changes, as (what, how), and the words of its button."""

    title: str
    about: str
    changes: tuple[tuple[str, str], ...]
    button: str
    is_danger: bool = True
    # Why it can't happen, "" if it can.
    locked_because: str = ""
    # What the form repeats.
    hidden: tuple[tuple[str, str], ...] = ()
    warning: str = ""
    # Permissions that the member no longer has.
    loses: tuple[ResourceWords, ...] = ()


def member_url(request: PortalRequest, member_id: str) -> str:
    """Return the URL of a member's page."""
    return reverse("members:member", args=[request.signed_in.organization.organization_slug, member_id])


def is_own(request: PortalRequest, member_id: str) -> bool:
    """Say whether a page is about the member who is signed in."""
    return request.signed_in.member.member_id == member_id


def name_of(member: Member) -> str:
    """Return what a member is called."""
    return member.name or member.email_address


def managed_by(details: MemberDetails) -> str:
    """Return the identity provider that manages a member, as a sentence begins; "" for none."""
    manager = details.listed.manager
    text = manager.identity_provider.in_text if manager else ""
    return text[:1].upper() + text[1:]


def ask(request: PortalRequest, member: Member, dialog: Dialog, problem: DirectoryError | None = None) -> HttpResponse:
    """Show a dialog, with what went wrong when it was sent before."""
    context = {
        "dialog": dialog,
        "member": member,
        "name": name_of(member),
        "member_url": member_url(request, member.member_id),
        "list_url": reverse("members:members", args=[request.signed_in.organization.organization_slug]),
        "problem": problem.detail if problem else "",
    }
    status = problem.status if problem else 200
    return render_page(request, "members/dialog.html", context, status=status)


def require_unlocked(dialog: Dialog) -> None:
    """Raise Conflict if what a dialog asks can't happen."""
    if dialog.locked_because:
        raise Conflict(dialog.locked_because)
