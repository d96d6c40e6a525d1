"""Sign-in links: one-time links to set a password."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache

import structlog
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, Forbidden, Gone, NotFound, Unavailable
from portal.directory.ids import parse_id
from portal.directory.members import Member, MemberStatus
from portal.directory.permissions import Permission
from portal.directory.sessions import SignedIn
from portal.directory.sign_in_links import SentLink
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.emails import one_line, send_email
from portal.embedded.members.values import member_id, member_value
from portal.embedded.passwords.stored import change_password, may_use_password
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scope import Scope, rows_of
from portal.embedded.sessions.lifecycle import member_as_caller, start_session
from portal.embedded.tokens import new_token, token_hash

log = structlog.get_logger("gatehouse.sign_in")

# Stytch: an invitation is valid for a week.
INVITATION_LIFETIME, RESET_LIFETIME = timedelta(days=7), timedelta(days=1)


class EmbeddedSignInLinks:
    """Implements portal.directory.sign_in_links.SignInLinkGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def member(self, token: str) -> Member:
        """Return the member the link was sent to. Raise Gone if it can't be used."""
        return member_value(self._link(token).member)

    @property
    def are_emailed(self) -> bool:
        """Whether email is configured."""
        return bool(settings.EMAIL_IS_SET_UP)

    def send(self, member_id: str) -> SentLink:
        """Email a new link or, without email, return it. Raise NotFound, Conflict, Forbidden, StepUpRequired, Unavailable."""
        self._scope.require(Permission.MEMBER_PASSWORD)
        self._scope.require_recent_password()
        row = self._row(member_id)
        if self.are_emailed:
            return email_link(row, self._scope.caller)
        check_can_get_link(row)
        # A link that an admin can copy lets them sign in as the member, so it must not give them more permissions.
        if not self._scope.policy.covers(self._scope.roles, member_value(row).role_ids):
            raise Forbidden(f"{row.email_address} has permissions that you don't have. Ask a member who has them.")
        return show_link(row, self._scope.caller, proves_address=False)

    def redeem(self, token: str, *, password: str) -> SignedIn:
        """Set the password, revoke the member's sessions, and start one. Raise Gone, Invalid for a weak password."""
        seen = self._link(token)
        check_new_password(password, email_address=seen.member.email_address)
        encoded = make_password(password)
        with transaction.atomic():
            # Lock the member before the link, as deleting a member does, to avoid deadlocks.
            self._scope.of(models.MemberRow).select_for_update(no_key=True).get(pk=seen.member_id)
            link = self._link(token, lock=True)
            link.used_at = timezone.now()
            link.save(update_fields=["used_at"])
            member = link.member
            # A link that an admin could copy doesn't verify the address: verified addresses allow session exchange with
            # other organizations.
            member.status, member.email_address_verified = MemberStatus.ACTIVE, link.proves_address
            member.save(update_fields=["status", "email_address_verified", "updated_at"])
            change_password(member, encoded, member_as_caller(member, self._scope.origin))
            return start_session(member, self._scope.origin, password_entered_at=timezone.now())

    def _link(self, token: str, *, lock: bool = False) -> models.SignInLinkRow:
        links = self._scope.of(models.SignInLinkRow).select_related("member__organization")
        if lock:
            links = links.select_for_update(of=("self",))
        link = links.filter(
            token_hash=token_hash(token),
            used_at=None,
            expires_at__gt=timezone.now(),
        ).first()
        if link is None or link.member.status == MemberStatus.DELETED or _is_for_another_address(link):
            raise Gone("This link was used, has expired, or was replaced by a newer one.")
        if not may_use_password(link.member):
            raise Gone(f"{link.member.organization.name} no longer allows signing in by password.")
        return link

    def _row(self, member_id: str) -> models.MemberRow:
        rows = self._scope.of(models.MemberRow).select_related("organization", "scim_user")
        row = rows.filter(pk=parse_id("member", member_id)).first()
        if row is None:
            raise NotFound("There is no such member.")
        return row


def _is_for_another_address(link: models.SignInLinkRow) -> bool:
    return bool(link.email_address) and fold_address(link.email_address) != link.member.email_address_folded


def new_link(member: models.MemberRow, *, proves_address: bool = True) -> SentLink:
    """Store a link and return it with its URL. Earlier links of the member are deleted."""
    rows_of(member.organization_id, models.SignInLinkRow).filter(member=member, used_at=None).delete()
    token = new_token()
    lifetime = RESET_LIFETIME if member.status == MemberStatus.ACTIVE else INVITATION_LIFETIME
    row = models.SignInLinkRow.objects.create(
        organization_id=member.organization_id,
        member=member,
        token_hash=token_hash(token),
        email_address=member.email_address,
        proves_address=proves_address,
        expires_at=timezone.now() + lifetime,
    )
    url = f"{settings.PUBLIC_URL}/o/{member.organization.slug}/sign-in/link/?token={token}"
    return SentLink(member.email_address, row.expires_at, url)


def check_can_get_link(member: models.MemberRow) -> None:
    """Raise Conflict for a member who can't sign in by password."""
    if member.status == MemberStatus.DELETED:
        raise Conflict(f"{member.email_address} is deactivated. Reactivate the member first.", field="email_address")
    if not may_use_password(member):
        raise Conflict(
            f"{one_line(member.organization.name)} doesn't allow signing in by password.", field="email_address"
        )


def show_link(member: models.MemberRow, caller: Caller, *, proves_address: bool) -> SentLink:
    """Return a new link for the caller to pass on. Raise Conflict for a member who can't sign in by password.

    With `proves_address`, using the link verifies the member's address. Only callers that are trusted with every
    organization may set it.
    """
    return _create(member, caller, is_emailed=False, proves_address=proves_address)


def email_link(member: models.MemberRow, caller: Caller) -> SentLink:
    """Email the member a new link, and return it without its URL. Raise Conflict as `show_link`, Unavailable."""
    link = _create(member, caller, is_emailed=True, proves_address=True)
    try:
        _send(member, link, caller.actor.name)
    except (OSError, ValueError) as error:  # from smtplib, and for invalid content
        raise Unavailable("The mail server didn't accept the email. Try again in a few minutes.") from error
    return SentLink(link.email_address, link.expires_at)


def email_link_in_background(member: models.MemberRow, caller: Caller) -> None:
    """Email the member a new link in the background, so that the time doesn't tell who is a member.

    Raise Conflict as `show_link`. If the mail server doesn't accept the email, only the log says so.
    """
    link = _create(member, caller, is_emailed=True, proves_address=True)
    _background().submit(_send_or_log, member, link)


@cache
def _background() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "emails")


def _send_or_log(member: models.MemberRow, link: SentLink) -> None:
    try:
        _send(member, link, "")
    except (OSError, ValueError):  # as above
        log.warning("sign_in_link_not_sent", member_id=member_id(member), exc_info=True)


def _send(member: models.MemberRow, link: SentLink, sender: str) -> None:
    send_email(
        to=member.email_address,
        subject=f"Choose a password for {one_line(member.organization.name)}",
        text=_text(member, link, sender),
    )


def _create(member: models.MemberRow, caller: Caller, *, is_emailed: bool, proves_address: bool) -> SentLink:
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


def _text(member: models.MemberRow, link: SentLink, sender: str) -> str:
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
