"""Sign-in links: one-time links to set a password."""

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django_tasks import task

from portal.directory.actor import ActorType, Origin
from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, InvalidLink, NotFound
from portal.directory.ids import parse_id
from portal.directory.members import Member, MemberStatus
from portal.directory.organizations import PASSWORD
from portal.directory.permissions import Permission
from portal.directory.sessions import NOTHING_BEFORE, AuthenticationFactor, SignedIn
from portal.directory.sign_in_links import SentLink
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.database.batches import MAX_ROWS, delete_rows
from portal.embedded.invitations import records
from portal.embedded.members.sign_in_emails import sign_in_email
from portal.embedded.members.values import member_id, member_value, no_member
from portal.embedded.organizations.colors import color_of
from portal.embedded.passwords.stored import change_password, require_reset
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scope import Scope, across_organizations, rows_of
from portal.embedded.sessions.lifecycle import member_as_caller
from portal.embedded.sign_in.methods import may_use
from portal.embedded.sign_in.outcome import open_portal, signed_in_or_missing
from portal.embedded.tasks.queue import URGENT, GiveUp, enqueue
from portal.embedded.tokens import new_token, token_hash
from portal.mail.delivery import UndeliverableError, one_line, send_email

log = structlog.get_logger("gatehouse.sign_in")

_SENT = "member.send_sign_in_link"
# How many of a member's newest entries of the activity log are searched for the one of a link.
_NEWEST = 20
RESET_LIFETIME = timedelta(days=1)
# Stytch: a password reset. Anyone can enter a member's address on the sign-in page, so these links are valid for less.
REQUESTED_LIFETIME = timedelta(minutes=30)


class EmbeddedSignInLinks:
    """Implements portal.directory.sign_in_links.SignInLinkGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def member(self, token: str) -> Member:
        """Return the member the link was sent to. Raise InvalidLink if it can't be used."""
        return member_value(self._link(token).member)

    @property
    def are_emailed(self) -> bool:
        """Whether email is configured."""
        return bool(settings.EMAIL_IS_SET_UP)

    def send(self, member_id: str) -> SentLink:
        """Email a new link or, without email, return it.

        Raise NotFound, Conflict, Forbidden, StepUpRequired, TooManyRequests.
        """
        self._scope.require(Permission.MEMBER_PASSWORD)
        self._scope.require_recent_proof()
        row = self._row(member_id)
        if self.are_emailed:
            return email_link(row, self._scope.caller)
        check_can_get_link(row)
        # A link that an admin can copy lets them sign in as the member, so it must not give them more permissions.
        self._scope.require_no_more_rights(member_value(row).role_ids, row.email_address)
        return show_link(row, self._scope.caller, proves_address=False)

    def redeem(self, token: str, *, password: str) -> SignedIn:
        """Set the password, revoke the member's sessions, and start one.

        Raise InvalidLink, Invalid for a weak password, SecondFactorRequired.
        """
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
            # Before the address counts as unverified: the notice goes to an address that was verified until now.
            caller, was_active = member_as_caller(member, self._scope.origin), member.status == MemberStatus.ACTIVE
            change_password(member, encoded, caller, is_notified=was_active)
            # A link that an admin could copy doesn't verify the address: verified addresses allow session exchange with
            # other organizations.
            member.status, member.email_address_verified = MemberStatus.ACTIVE, link.proves_address
            member.save(update_fields=["status", "email_address_verified", "updated_at"])
            records.end(member)
            now = timezone.now()
            entered = AuthenticationFactor("password", "knowledge", now, now)
            outcome = signed_in_or_missing(self._scope, member, entered, None, NOTHING_BEFORE)
        return open_portal(outcome)

    def require_new_password(self, member_id: str) -> str:
        """Let a member's password no longer sign them in. Raise NotFound, Forbidden, StepUpRequired, Conflict for one's own.

        Without email, another member has to send a link for a new one: only someone who could may do this.
        """
        self._scope.require(Permission.MEMBER_PASSWORD)
        self._scope.require_recent_proof()
        with transaction.atomic():
            rows = self._scope.of(models.MemberRow).select_for_update(no_key=True).exclude(status=MemberStatus.DELETED)
            row = rows.filter(pk=parse_id("member", member_id)).first()
            if row is None or not row.password:
                raise NotFound("This member has no password.")
            if not self.are_emailed:
                self._require_another_way(row)
            require_reset(row, self._scope.caller)
        return row.email_address

    def _require_another_way(self, row: models.MemberRow) -> None:
        signed_in = self._scope.signed_in
        if signed_in is not None and signed_in.member.member_id == member_id(row):
            raise Conflict("Without email you couldn’t choose a new password. Change it on your account page instead.")
        self._scope.require_no_more_rights(member_value(row).role_ids, row.email_address)

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
            raise InvalidLink("This link was used, has expired, or was replaced by a newer one.")
        if not may_use(link.member, PASSWORD):
            raise InvalidLink(f"{link.member.organization.name} no longer allows signing in by password.")
        return link

    def _row(self, member_id: str) -> models.MemberRow:
        rows = self._scope.of(models.MemberRow).select_related("organization", "scim_user")
        row = rows.filter(pk=parse_id("member", member_id)).first()
        if row is None:
            raise no_member()
        return row


def _is_for_another_address(link: models.SignInLinkRow) -> bool:
    return bool(link.email_address) and fold_address(link.email_address) != link.member.email_address_folded


def new_link(member: models.MemberRow, *, proves_address: bool = True) -> SentLink:
    """Store a link and return it with its URL. Earlier links of the member are deleted."""
    token = new_token()
    lifetime = _lifetime(member)
    row = _store(member, token, lifetime, proves_address=proves_address)
    if member.status == MemberStatus.INVITED:
        records.remember(member, invited_by="", lifetime=lifetime)
    return SentLink(member.email_address, row.expires_at, _url(member, token))


def _lifetime(member: models.MemberRow) -> timedelta:
    if member.status == MemberStatus.ACTIVE:
        return RESET_LIFETIME
    return timedelta(minutes=settings.PROJECT.invitations.lifetime_minutes)


def _store(member: models.MemberRow, token: str, lifetime: timedelta, *, proves_address: bool) -> models.SignInLinkRow:
    rows_of(member.organization_id, models.SignInLinkRow).filter(member=member, used_at=None).delete()
    return models.SignInLinkRow.objects.create(
        organization_id=member.organization_id,
        member=member,
        token_hash=token_hash(token),
        email_address=member.email_address,
        proves_address=proves_address,
        expires_at=timezone.now() + lifetime,
    )


def _url(member: models.MemberRow, token: str) -> str:
    return f"{settings.PUBLIC_URL}{reverse('session:link', args=[member.organization.slug])}?token={token}"


def check_can_get_link(member: models.MemberRow) -> None:
    """Raise Conflict for a member who can't sign in by password."""
    if member.status == MemberStatus.DELETED:
        raise Conflict(f"{member.email_address} is deactivated. Reactivate the member first.", field="email_address")
    if not may_use(member, PASSWORD):
        raise Conflict(
            f"{one_line(member.organization.name)} does not allow signing in by password.", field="email_address"
        )


def show_link(member: models.MemberRow, caller: Caller, *, proves_address: bool) -> SentLink:
    """Return a new link for the caller to pass on. Raise Conflict for a member who can't sign in by password.

    With `proves_address`, using the link verifies the member's address. Only callers that are trusted with every
    organization may set it.
    """
    check_can_get_link(member)
    with transaction.atomic():
        link = new_link(member, proves_address=proves_address)
        _record(member, caller, link, is_emailed=False)
    return link


def email_link(member: models.MemberRow, caller: Caller) -> SentLink:
    """Have a worker email the member a new link, and return it without its URL.

    Raise Conflict as `show_link`, TooManyRequests if too many of the organization's tasks wait.
    """
    check_can_get_link(member)
    with transaction.atomic():
        # No one knows the token of this row: the one that opens the link is created as the email is sent.
        lifetime = REQUESTED_LIFETIME if caller.actor.type is ActorType.VISITOR else _lifetime(member)
        row = _store(member, new_token(), lifetime, proves_address=True)
        if member.status == MemberStatus.INVITED and caller.actor.type is not ActorType.VISITOR:
            inviter = caller.actor.id if caller.actor.type is ActorType.MEMBER else ""
            records.remember(member, invited_by=inviter, lifetime=lifetime)
        link = SentLink(member.email_address, row.expires_at)
        _record(member, caller, link, is_emailed=True)
        sender = caller.actor.id or str(caller.actor.type)
        enqueue(member.organization_id, email_sign_in_link, str(member.organization_id), str(row.pk), sender)
    return link


@task(priority=URGENT)
def email_sign_in_link(organization_id: str, link_id: str, sender_id: str) -> None:
    """Email a link, unless it was used, replaced, or has expired. Its secret is only in the email.

    Each attempt has another token, so the member uses the newest email.
    """
    organization = UUID(organization_id)
    links = rows_of(organization, models.SignInLinkRow).filter(pk=link_id, used_at=None)
    link = links.select_related("member__organization").filter(expires_at__gt=timezone.now()).first()
    token = new_token()
    if link is None or not _can_be_used(link) or not links.update(token_hash=token_hash(token)):
        log.info("sign_in_link_not_needed", link_id=link_id)
        return
    sender, is_requested = _sender(organization, sender_id), sender_id == ActorType.VISITOR
    origin = _origin(link) if is_requested else None
    email = sign_in_email(link, _url(link.member, token), sender=sender, requested_from=origin)
    try:
        send_email(email, to=link.member.email_address, color=color_of(link.member.organization))
    except UndeliverableError as error:
        raise GiveUp from error


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete links that have expired, a thousand in a transaction. Return how many, `limit` at most."""
    return delete_rows(across_organizations(models.SignInLinkRow).filter(expires_at__lte=timezone.now()), limit)


def _can_be_used(link: models.SignInLinkRow) -> bool:
    is_member = link.member.status != MemberStatus.DELETED and not _is_for_another_address(link)
    return is_member and may_use(link.member, PASSWORD)


def _sender(organization_id: UUID, sender_id: str) -> models.MemberRow | None:
    """Return the member who sent a link, None for an operator or a visitor."""
    if not sender_id.startswith("member-"):
        return None
    return rows_of(organization_id, models.MemberRow).filter(pk=parse_id("member", sender_id)).first()


def _origin(link: models.SignInLinkRow) -> Origin:
    """Return where a link was requested from, as the activity log has it."""
    entries = rows_of(link.organization_id, models.ActivityEntryRow).filter(target_id=member_id(link.member))
    for entry in entries.order_by("-id")[:_NEWEST]:
        if entry.action == _SENT and entry.after.get("expires_at") == link.expires_at.isoformat():
            return Origin(entry.ip_address, entry.user_agent)
    return Origin()


def _record(member: models.MemberRow, caller: Caller, link: SentLink, *, is_emailed: bool) -> None:
    record(
        caller,
        _SENT,
        organization_id=member.organization_id,
        target_id=member_id(member),
        target_name=member.email_address,
        after={"is_emailed": is_emailed, "expires_at": link.expires_at.isoformat()},
    )
