"""Codes by text message: ask for one, send it, check it.

Asking writes the row and one task. As with codes by email, the code is derived from the request's ID and SECRET_KEY when the
message is sent, so that it's neither stored nor in a task's arguments, and a second copy has the same one.
"""

import hmac
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from portal.access.rate_limits import TextMessage, admit_sms
from portal.directory.actor import Origin
from portal.directory.errors import DirectoryError, NotFound, TooManyRequests
from portal.directory.ids import uuid7
from portal.directory.members import MemberStatus
from portal.directory.phone_numbers import PhoneNumber, checked_number
from portal.directory.second_factors import SMS_OTP
from portal.directory.sms_otps import CODE_MINUTES
from portal.embedded import models
from portal.embedded.members.languages import language_of
from portal.embedded.members.values import member_id as id_of
from portal.embedded.scope import Scope, rows_of
from portal.embedded.second_factors import attempts
from portal.embedded.second_factors.policy import counts_passkeys, usable
from portal.embedded.server_keys import signing_keys
from portal.embedded.tasks.queue import URGENT, GiveUp, enqueue
from portal.metrics import SMS, SMS_SEGMENTS
from portal.sms.content import code_text, segments
from portal.sms.delivery import UndeliverableError, send_sms

log = structlog.get_logger("gatehouse.sms")

MAX_CODE_ATTEMPTS = 5
_DIGITS = 6
# A message that couldn't be sent for so long isn't sent at all: the sign-in that waits for it has ended.
_WORTH_SENDING = timedelta(minutes=10)


def checked(number: str) -> PhoneNumber:
    """Return a number that the project sends text messages to. Raise Invalid, Forbidden."""
    return checked_number(number, settings.PROJECT.sms.countries)


def ask(scope: Scope, member: models.MemberRow, number: PhoneNumber, locale: str = "") -> None:
    """Have a worker send a locked member a code, in their language unless the request names one. Raise NotFound without SMS_URL, TooManyRequests."""
    if settings.SMS_SERVICE is None:
        raise NotFound(
            "Text messages aren't configured on this server, so no code can be sent.",
            error_type="sms_settings_not_found",
        )
    rows = rows_of(member.organization_id, models.SmsOtpRow).select_for_update()
    row = rows.filter(member=member).first() or models.SmsOtpRow(organization_id=member.organization_id, member=member)
    attempts.check_not_locked(row)
    _admit(scope, member, number)
    row.request_id, row.phone_number = uuid7(), number.number
    row.code_hash, row.code_attempts, row.locale = None, 0, locale
    row.expires_at = timezone.now() + _WORTH_SENDING
    row.save()
    enqueue(row.organization_id, sms_code, str(row.organization_id), str(row.pk), str(row.request_id))
    SMS.labels("accepted").inc()


def ask_at_sign_in(scope: Scope, member: models.MemberRow) -> str:
    """Have a code sent if that is the member's second factor. Return the method, "" if none was (secondary_auth_initiated).

    The first factor was right, so neither a limit nor a country that is no longer allowed makes the sign-in fail.
    """
    is_asked_for_passkey = scope.project is None and member.used_passkey_last and counts_passkeys(member)
    if settings.SMS_SERVICE is None or is_asked_for_passkey or next(iter(usable(member)), "") != SMS_OTP:
        return ""
    try:
        with transaction.atomic():
            # Not every caller has locked the member.
            rows_of(member.organization_id, models.MemberRow).select_for_update(no_key=True).get(pk=member.pk)
            ask(scope, member, checked(member.mfa_phone_number))
    except DirectoryError as error:
        log.info("sms_not_sent", reason=error.error_type or type(error).__name__)
        return ""
    return SMS_OTP


def is_live(row: models.SmsOtpRow, member: models.MemberRow) -> bool:
    """Say whether the row has a code that can still be entered: sent to the member's number, and not used up."""
    return (
        row.code_hash is not None
        and row.expires_at > timezone.now()
        and row.code_attempts < MAX_CODE_ATTEMPTS
        and row.phone_number == member.mfa_phone_number
    )


def is_right(row: models.SmsOtpRow, code: str) -> bool:
    """Say whether this is the code of a live row. Spaces and hyphens don't matter."""
    digits = "".join(one for one in code if one.isascii() and one.isdigit())
    stored = bytes(row.code_hash or b"")
    # Every key is tried, so that the time doesn't tell which one it was.
    matches = [hmac.compare_digest(stored, _hash(row.request_id, digits, key)) for key in signing_keys()]
    return any(matches)


def use_up(row: models.SmsOtpRow) -> None:
    """Have the code of a locked row work no more."""
    row.code_hash, row.expires_at = None, timezone.now()
    attempts.forget(row)
    row.save()


def count_wrong(row: models.SmsOtpRow) -> None:
    """Count a wrong code of a locked row that is live. The caller commits it."""
    row.code_attempts += 1
    row.save(update_fields=["code_attempts"])
    attempts.count_wrong(row)


@task(priority=URGENT)
def sms_code(organization_id: str, row_id: str, request_id: str) -> None:
    """Send a code to an active member's number, unless a newer one was asked for, or it was used or took too long."""
    rows = rows_of(UUID(organization_id), models.SmsOtpRow).filter(pk=row_id, request_id=request_id)
    row = rows.select_related("member__organization", "member__scim_user").filter(expires_at__gt=timezone.now()).first()
    # Members can be deactivated since, by the identity provider for example.
    if row is None or row.member.status != MemberStatus.ACTIVE or row.member.organization.deleted_at is not None:
        return
    code = _code(row.request_id)
    if row.code_hash is None:
        # The two minutes begin with the first attempt to send it.
        expires_at = timezone.now() + timedelta(minutes=CODE_MINUTES)
        fresh = rows.filter(code_hash=None, expires_at=row.expires_at)
        if not fresh.update(code_hash=_hash(row.request_id, code, signing_keys()[0]), expires_at=expires_at):
            return
    organization = row.member.organization
    locale = language_of(row.member, organization, row.locale)
    _deliver(row.phone_number, code_text(code, organization.name, organization.slug, locale))


def _deliver(number: str, text: str) -> None:
    try:
        country = checked(number).country
    except DirectoryError as error:  # The operator has removed the country since.
        SMS.labels("country_not_allowed").inc()
        raise GiveUp from error
    try:
        send_sms(number, text)
    except UndeliverableError as error:
        SMS.labels("undeliverable").inc()
        raise GiveUp from error
    except Exception:
        SMS.labels("failed").inc()
        raise
    SMS.labels("sent").inc()
    SMS_SEGMENTS.labels(country).inc(segments(text))


def _admit(scope: Scope, member: models.MemberRow, number: PhoneNumber) -> None:
    """Count a text message. Raise TooManyRequests beyond a limit. The IP address of a product's backend doesn't count."""
    origin = scope.origin if scope.project is None else Origin()
    exceeded = admit_sms(
        TextMessage(
            ip_address=origin.ip_address,
            number=number.number,
            prefix=number.prefix,
            is_confirmed=member.mfa_phone_number_verified,
            member_id=id_of(member),
            organization_id=str(member.organization_id),
        )
    )
    if exceeded:
        SMS.labels(exceeded).inc()
        log.warning("sms_limit_reached", limit=exceeded, organization_id=str(member.organization_id))
        raise TooManyRequests("Too many text messages. Try again in 15 minutes, or use another way to confirm.")


def _code(request_id: UUID) -> str:
    derived = hmac.digest(signing_keys()[0].encode(), b"gatehouse.sms-code" + request_id.bytes, "sha256")
    return f"{int.from_bytes(derived, 'big') % 10**_DIGITS:0{_DIGITS}}"


def _hash(request_id: UUID, code: str, key: str) -> bytes:
    # With the key: a million codes are tried in no time.
    return hmac.digest(key.encode(), b"gatehouse.sms-code-hash" + request_id.bytes + code.encode(), "sha256")
