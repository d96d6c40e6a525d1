"""One-time links to choose a password."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.directory.errors import Conflict, Unavailable
from portal.directory.types import MemberStatus, SentLink
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.emails import one_line, send_email
from portal.embedded.members.values import member_id
from portal.embedded.sessions.sessions import may_use_password
from portal.embedded.tokens import new_token, token_hash

log = structlog.get_logger("gatehouse.sign_in")

# Stytch: an invitation is valid for a week.
INVITATION_LIFE, RESET_LIFE = timedelta(days=7), timedelta(days=1)


def new_link(member: models.Member, *, proves_address: bool = True) -> SentLink:
    """Store a link and return it with its URL. Earlier links of the member are deleted."""
    models.SignInLink.objects.filter(organization_id=member.organization_id, member=member, used_at=None).delete()
    token = new_token()
    life = RESET_LIFE if member.status == MemberStatus.ACTIVE else INVITATION_LIFE
    row = models.SignInLink.objects.create(
        organization_id=member.organization_id,
        member=member,
        token_hash=token_hash(token),
        email_address=member.email_address,
        proves_address=proves_address,
        expires_at=timezone.now() + life,
    )
    url = f"{settings.PUBLIC_URL}/o/{member.organization.slug}/sign-in/link/?token={token}"
    return SentLink(member.email_address, row.expires_at, url)


def check_can_get_link(member: models.Member) -> None:
    """Raise Conflict for a member who can't sign in by password."""
    if member.status == MemberStatus.DELETED:
        raise Conflict(f"{member.email_address} is deactivated. Reactivate the member first.", field="email_address")
    if not may_use_password(member):
        raise Conflict(
            f"{one_line(member.organization.name)} doesn't allow signing in by password.", field="email_address"
        )


def show_link(member: models.Member, caller: Caller, *, proves_address: bool) -> SentLink:
    """Return a new link for the caller to pass on. Raise Conflict for a member who can't sign in by password.

    With `proves_address`, choosing a password by it verifies the member's address: only for callers that are trusted
    with every organization.
    """
    return _made(member, caller, is_emailed=False, proves_address=proves_address)


def email_link(member: models.Member, caller: Caller) -> SentLink:
    """Email the member a new link, and return it without its URL. Raise Conflict as `show_link`, Unavailable."""
    link = _made(member, caller, is_emailed=True, proves_address=True)
    try:
        _send(member, link, caller.actor.name)
    except (OSError, ValueError) as error:  # of the connection (smtplib), and of what was to be sent
        raise Unavailable("The mail server didn't accept the email. Try again in a few minutes.") from error
    return SentLink(link.email_address, link.expires_at)


def email_link_soon(member: models.Member, caller: Caller) -> None:
    """Email the member a new link in the background: how long the mail server takes must not say who is a member.

    Raise Conflict as `show_link`. An email that isn't taken is only in the log.
    """
    link = _made(member, caller, is_emailed=True, proves_address=True)
    _background().submit(_send_or_log, member, link)


@cache
def _background() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "emails")


def _send_or_log(member: models.Member, link: SentLink) -> None:
    try:
        _send(member, link, "")
    except (OSError, ValueError):  # as above
        log.warning("sign_in_link_not_sent", member_id=member_id(member), exc_info=True)


def _send(member: models.Member, link: SentLink, sender: str) -> None:
    send_email(
        to=member.email_address,
        subject=f"Choose a password for {one_line(member.organization.name)}",
        text=_text(member, link, sender),
    )


def _made(member: models.Member, caller: Caller, *, is_emailed: bool, proves_address: bool) -> SentLink:
    check_can_get_link(member)
    with transaction.atomic():
        link = new_link(member, proves_address=proves_address)
        record(
            caller,
            "member.send_sign_in_link",
            organization_id=member.organization_id,
            target_id=member_id(member),
            target_name=member.email_address,
            after={"is_emailed": is_emailed, "expires_at": link.expires_at.isoformat()},
        )
    return link


def _text(member: models.Member, link: SentLink, sender: str) -> str:
    organization = one_line(member.organization.name)
    sent_by = f"{one_line(sender)} sent you this link" if sender else "Use this link"
    keeps = " Your current password works until you do." if member.password else ""
    return (
        f"{sent_by} to choose a password for {member.email_address} and sign in to {organization}.{keeps}\n\n"
        f"Choose a password:\n{link.url}\n\n"
        f"The link works once, until {link.expires_at:%-d %b %Y, %H:%M} UTC.\n\n"
        "If you weren't expecting this email, ignore it. Nothing changes until someone uses the link. "
        "Don't forward this email.\n"
    )
