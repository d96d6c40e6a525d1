"""Security notices: emails to members about changes of their account that they can't turn off.

A change calls a function here inside its transaction, with its entry in the activity log. The task has only the key of that
entry, which names the address that the member had then, and who changed what. Members whose address isn't verified get
none: it may be a stranger's. No notice makes a change fail, or wait.
"""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone
from django_tasks import task
from django_tasks.base import Task

from portal.directory.actor import ActorType, Origin
from portal.directory.ids import parse_id
from portal.embedded import models
from portal.embedded.members import notice_emails
from portal.embedded.members.values import member_id, with_details
from portal.embedded.organizations.colors import color_of
from portal.embedded.scope import rows_of
from portal.embedded.tasks.queue import GiveUp, enqueue_always
from portal.mail.content import Email
from portal.mail.delivery import UndeliverableError, send_email
from portal.web.user_agents import known_device

log = structlog.get_logger("gatehouse.notices")

# Notices of new devices to a member on one day (UTC). After these, one email says that there are more.
MAX_NEW_SIGN_INS = 5
# How many of a member's newest sign-ins are compared with a new one.
_REMEMBERED = 100
_SIGN_IN = "member_session.create"
# Marks a sign-in through a product's backend: its device isn't the member's.
BY_BACKEND = "is_by_backend"
# After these, a sign-in from the same device isn't news.
_EXPECTED = ("member.accept_invitation", "member.set_password")
_EXPECTED_FOR = timedelta(minutes=10)


def password_changed(member: models.MemberRow, entry: UUID, *, is_first: bool = False) -> None:
    """Notify a member of a new password. `is_first` if they had none."""
    _enqueue(member, email_password_changed, str(entry), is_first=is_first)


def second_factor_added(member: models.MemberRow, method: str, entry: UUID) -> None:
    """Notify a member of a second factor that counts from now on: `method` is one of portal.directory.second_factors."""
    _enqueue(member, email_second_factor, str(entry), method=method, is_added=True)


def second_factor_removed(member: models.MemberRow, method: str, entry: UUID) -> None:
    """Notify a member of a second factor that no longer counts."""
    _enqueue(member, email_second_factor, str(entry), method=method, is_added=False)


def recovery_codes_replaced(member: models.MemberRow, entry: UUID) -> None:
    """Notify a member of new recovery codes."""
    _enqueue(member, email_recovery_codes_replaced, str(entry))


def is_new_device(member: models.MemberRow, origin: Origin) -> bool:
    """Say whether a member who signs in is to be notified, because they haven't used this browser and system before.

    This takes one query, none if they get no notices. They get none of the first sign-in, nor of one within ten minutes of
    accepting an invitation or choosing a password on the same device.
    """
    if not _gets_notices(member):
        return False
    entries = rows_of(member.organization_id, models.ActivityEntryRow).filter(
        actor_id=member_id(member), action__in=(_SIGN_IN, *_EXPECTED)
    )
    # As the condition of the index has it.
    own = entries.exclude(actor_type=ActorType.SCIM).order_by("-pk")
    newest = own.values_list("action", "user_agent", "at", "after")[:_REMEMBERED]
    known = [(action, user_agent, at) for action, user_agent, at, after in newest if BY_BACKEND not in after]
    device = known_device(origin.user_agent)
    signed_in = [known_device(user_agent) for action, user_agent, _ in known if action == _SIGN_IN]
    return bool(signed_in) and device not in signed_in and not _is_expected(device, known)


def new_sign_in(member: models.MemberRow, entry: UUID) -> None:
    """Notify a member of a sign-in on a new device, whose entry says so."""
    _enqueue(member, email_new_sign_in, str(entry))


@task()
def email_password_changed(organization_id: str, entry_id: str, *, is_first: bool) -> None:
    """Email a member that their password was changed."""
    if found := _found(organization_id, entry_id):
        _send(notice_emails.password_changed(found, is_first=is_first), found)


@task()
def email_second_factor(organization_id: str, entry_id: str, *, method: str, is_added: bool) -> None:
    """Email a member that a second factor was added or removed."""
    if found := _found(organization_id, entry_id):
        write = notice_emails.second_factor_added if is_added else notice_emails.second_factor_removed
        _send(write(found, method), found)


@task()
def email_recovery_codes_replaced(organization_id: str, entry_id: str) -> None:
    """Email a member that their recovery codes were replaced."""
    if found := _found(organization_id, entry_id):
        _send(notice_emails.recovery_codes_replaced(found), found)


@task()
def email_new_sign_in(organization_id: str, entry_id: str) -> None:
    """Email a member that they signed in on a new device. The sixth such email of a day is the last, and says so."""
    found = _found(organization_id, entry_id)
    if found is None:
        return
    number = _number_on_day(UUID(organization_id), found.entry)
    if number <= MAX_NEW_SIGN_INS:
        _send(notice_emails.new_sign_in(found), found)
    elif number == MAX_NEW_SIGN_INS + 1:
        _send(notice_emails.more_new_sign_ins(found), found)


def _gets_notices(member: models.MemberRow) -> bool:
    return bool(settings.EMAIL_IS_SET_UP) and member.email_address_verified


def _enqueue(member: models.MemberRow, send: Task[..., None], entry_id: str, **arguments: str | bool) -> None:
    if _gets_notices(member):
        enqueue_always(member.organization_id, send, str(member.organization_id), entry_id, **arguments)


def _is_expected(device: tuple[str, str], known: list[tuple[str, str, datetime]]) -> bool:
    since = timezone.now() - _EXPECTED_FOR
    return any(action in _EXPECTED and at >= since and known_device(one) == device for action, one, at in known)


def _number_on_day(organization_id: UUID, entry: models.ActivityEntryRow) -> int:
    """Return which of its day's sign-ins on new devices an entry is: the same at each attempt to send the email."""
    midnight = entry.at.replace(hour=0, minute=0, second=0, microsecond=0)
    entries = rows_of(organization_id, models.ActivityEntryRow).filter(
        actor_id=entry.actor_id, action=_SIGN_IN, at__gte=midnight, pk__lte=entry.pk
    )
    same = entries.exclude(actor_type=ActorType.SCIM).filter(after__is_new_device=True)
    return len(same.values_list("pk", flat=True).order_by("-pk")[: MAX_NEW_SIGN_INS + 2])


def _found(organization_id: str, entry_id: str) -> notice_emails.Notified | None:
    """Return a change with its member, None if its entry or its organization is gone."""
    organization = models.OrganizationRow.objects.filter(pk=organization_id, deleted_at=None).first()
    entry = rows_of(UUID(organization_id), models.ActivityEntryRow).filter(pk=entry_id).first()
    if organization is None or entry is None:
        log.info("notice_not_needed", entry_id=entry_id)
        return None
    # The target of a sign-in is the session.
    of_member = entry.actor_id if entry.action == _SIGN_IN else entry.target_id
    members = rows_of(organization.pk, models.MemberRow)
    member = with_details(members).filter(pk=parse_id("member", of_member)).first()
    if member is None:
        return None
    is_by_other = entry.actor_type == ActorType.MEMBER and entry.actor_id != of_member
    by = members.filter(pk=parse_id("member", entry.actor_id)).first() if is_by_other else None
    return notice_emails.Notified(entry, member, by)


def _send(email: Email, found: notice_emails.Notified) -> None:
    try:
        send_email(
            email, to=found.entry.target_name, key=str(found.entry.pk), color=color_of(found.member.organization)
        )
    except UndeliverableError as error:
        raise GiveUp from error
