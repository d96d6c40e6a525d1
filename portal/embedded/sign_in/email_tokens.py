"""Links and codes by email: ask for one, send it, spend it.

Asking writes one row and one task, for any address, so that neither the answer nor its time tells who is a member. The
worker decides. Nothing secret is stored or in a task's arguments: the token is derived from the row and SECRET_KEY when
the email is rendered, so a second copy, after a worker was killed, has the same one.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django_tasks.base import Task

from portal.directory.actor import Origin
from portal.directory.email_addresses import fold_address
from portal.directory.errors import DirectoryError, Invalid, NotFound, Unauthenticated
from portal.embedded import models
from portal.embedded.database.batches import MAX_ROWS, delete_rows
from portal.embedded.database.integrity import check
from portal.embedded.models.activity import PROJECT
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.scope import Scope, across_organizations
from portal.embedded.server_keys import signing_keys
from portal.embedded.tasks.queue import enqueue
from portal.embedded.tokens import token_hash
from portal.mail.own_templates import known_template

log = structlog.get_logger("gatehouse.sign_in")

Token = TypeVar("Token", models.EmailTokenRow, models.DiscoveryTokenRow)

MAX_CODE_ATTEMPTS = 5
_CODE_DIGITS = 6
_HASH_BYTES = 32
# An email that couldn't be sent for so long isn't sent at all.
_WORTH_SENDING = timedelta(hours=1)
_VERIFIER_LENGTH = (43, 128)  # RFC 7636, 4.1
_CHALLENGE_LENGTH = 43  # of S256


def ask(row: models.EmailTokenRow | models.DiscoveryTokenRow, send: Task[[str, str], None]) -> None:
    """Store a row and have a worker send its email: `send` gets the organization, "" for none, and the row.

    Raise Invalid for a bad address, NotFound without EMAIL_URL, TooManyRequests if too many tasks wait.
    """
    if not settings.EMAIL_IS_SET_UP:
        raise NotFound("Email isn't configured, so no link or code can be sent.", error_type="email_settings_not_found")
    row.expires_at = timezone.now() + _WORTH_SENDING
    check(row)
    with transaction.atomic():
        row.save(force_insert=True)
        organization_id = getattr(row, "organization_id", None)
        enqueue(organization_id or PROJECT, send, str(organization_id or ""), str(row.pk))


def asked_from(scope: Scope) -> dict[str, str]:
    """Return where an email is asked for, as columns. Not for a product's backend, whose address isn't the person's."""
    origin = scope.origin if scope.project is None else Origin()
    return {"ip_address": origin.ip_address, "user_agent": origin.user_agent}


def templates(name: str, **chosen: str | None) -> dict[str, str]:
    """Return the templates that a request chooses for an email, as columns. Raise NotFound."""
    return {column: known_template(given, name, parameter=column) for column, given in chosen.items()}


def reset_templates(template_id: str | None, first_template_id: str | None) -> dict[str, str]:
    """Return the templates of the email with which a password is chosen, as columns. Raise NotFound.

    The second one is for a member's first password.
    """
    name = "password-reset"
    return {
        "login_template_id": known_template(template_id, name, parameter="reset_password_template_id"),
        "signup_template_id": known_template(first_template_id, name, parameter="verify_email_template_id"),
    }


def drop(row: Token, rows: QuerySet[Token], error: DirectoryError) -> None:
    """Don't send an email that nobody may get. Only the operator's log says so: the address may be made up.

    A row of a code stays and takes wrong codes, as any other: otherwise the time of a wrong one would tell.
    """
    log.info("email_not_sent", reason=error.error_type, purpose=row.purpose)
    if row.purpose in {EmailPurpose.CODE, EmailPurpose.UPDATE_CODE}:
        _issue(row, rows, secrets.token_bytes(_HASH_BYTES), row.login_minutes)
    else:
        rows.filter(pk=row.pk).delete()


def waiting(rows: QuerySet[Token], token_id: str) -> Token | None:
    """Return the row whose email is to be sent, None if it no longer is."""
    return rows.filter(pk=token_id, expires_at__gt=timezone.now()).first()


def issue_link(row: Token, rows: QuerySet[Token], *, minutes: int) -> str:
    """Return the token of a row's link, valid from now on. It replaces earlier ones for the same address and purpose."""
    organization_id = getattr(row, "organization_id", None)
    named = organization_id.bytes if organization_id else b""
    token = base64.urlsafe_b64encode(named + derived(row.pk, signing_keys()[0])).rstrip(b"=").decode()
    _issue(row, rows, token_hash(token), minutes)
    return token


def issue_code(row: Token, rows: QuerySet[Token], *, minutes: int) -> str:
    """Return the code of a row, valid from now on. It replaces earlier ones for the same address."""
    number = int.from_bytes(derived(row.pk, signing_keys()[0]), "big") % 10**_CODE_DIGITS
    code = f"{number:0{_CODE_DIGITS}}"
    _issue(row, rows, _code_hash(row.pk, code, signing_keys()[0]), minutes)
    return code


def link_row(rows: QuerySet[Token], token: str, purposes: Collection[EmailPurpose], *, code_verifier: str) -> Token:
    """Return the row of a link, to `use` it. Raise Unauthenticated if it isn't valid, Invalid for a wrong verifier."""
    found = rows.filter(token_hash=token_hash(token), purpose__in=purposes, expires_at__gt=timezone.now()).first()
    if found is None:
        raise spent()
    _check_verifier(found.code_challenge, code_verifier)
    return found


def code_row(
    rows: QuerySet[Token], email_address: str, code: str, *, purposes: Collection[EmailPurpose] = (EmailPurpose.CODE,)
) -> Token:
    """Return the row of a code for one of the purposes, to `use` it. Raise Unauthenticated if it is wrong or has expired.

    After five codes, the right one isn't valid either. Must run outside a transaction: a rollback would undo the count.
    """
    named = rows.filter(email_address_folded=fold_address(email_address), purpose__in=purposes)
    valid = named.filter(expires_at__gt=timezone.now(), token_hash__isnull=False)
    newest = {one.purpose: one for one in valid.order_by("created_at")}
    digits = "".join(one for one in code if one.isascii() and one.isdigit())
    # Counted first: of many requests at once, five are checked.
    right = [one for one in newest.values() if _count_attempt(one, rows) and _is_code_of(one, digits)]
    if not right:
        raise wrong_code()
    return right[0]


def use(row: Token, rows: QuerySet[Token], error: Unauthenticated) -> None:
    """Delete the row of a link or code, in the transaction of what it does. Raise the error if another request was faster."""
    if not rows.filter(pk=row.pk, token_hash=row.token_hash).delete()[0]:
        raise error


def spent() -> Unauthenticated:
    """Return the error for a link that was used or replaced, or has expired."""
    return Unauthenticated(
        "The link was already used, was replaced by a newer one, or has expired.",
        error_type="unable_to_auth_magic_link",
    )


def wrong_code() -> Unauthenticated:
    """Return the error for a code that is wrong, was used or replaced, or has expired."""
    return Unauthenticated(
        "The code is wrong, was already used, or has expired. Ask for a new one.", error_type="otp_code_not_found"
    )


def check_challenge(code_challenge: str | None, *, field: str = "pkce_code_challenge") -> str:
    """Return a PKCE challenge, "" for none. Raise Invalid unless it is one of the method S256."""
    if code_challenge and (len(code_challenge) != _CHALLENGE_LENGTH or not _is_base64url(code_challenge)):
        raise Invalid(
            "A PKCE code challenge is the SHA-256 of its verifier, in base64url without padding: 43 characters.",
            field=field,
            error_type="invalid_pkce_code_challenge",
        )
    return code_challenge or ""


def minutes_within(field: str, minutes: int | None, *, default: int, lowest: int, highest: int) -> int:
    """Return for how long a link or code is valid. Raise Invalid."""
    if minutes is not None and not lowest <= minutes <= highest:
        raise Invalid(f"{field} must be from {lowest} to {highest}.", field=field)
    return minutes or default


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete expired rows, a thousand in a transaction. Return how many, about `limit` at most."""
    now = timezone.now()
    deleted = delete_rows(across_organizations(models.EmailTokenRow).filter(expires_at__lte=now), limit)
    return deleted + delete_rows(models.DiscoveryTokenRow.objects.filter(expires_at__lte=now), limit)


def _issue(row: Token, rows: QuerySet[Token], stored: bytes, minutes: int) -> None:
    """Store the hash of a token. Its time begins with the first attempt to send it."""
    if row.token_hash is None:
        row.token_hash, row.expires_at = stored, timezone.now() + timedelta(minutes=minutes)
    with transaction.atomic():
        same = rows.filter(email_address_folded=row.email_address_folded, purpose=row.purpose)
        same.filter(created_at__lte=row.created_at).exclude(pk=row.pk).delete()
        rows.filter(pk=row.pk).update(token_hash=row.token_hash, expires_at=row.expires_at)


def derived(row_id: UUID, key: str = "") -> bytes:
    """Return the secret of the row with this key: 256 bits, the same each time, derived with SECRET_KEY or another `key`."""
    return hmac.digest((key or signing_keys()[0]).encode(), b"gatehouse.email-token" + row_id.bytes, "sha256")


def _count_attempt(row: Token, rows: QuerySet[Token]) -> bool:
    """Count a code that is tried, and say whether it may be."""
    counted = rows.filter(pk=row.pk, failed_attempts__lt=MAX_CODE_ATTEMPTS)
    return bool(counted.update(failed_attempts=F("failed_attempts") + 1))


def _code_hash(row_id: UUID, code: str, key: str) -> bytes:
    # With the key: a million codes are tried in no time.
    return hmac.digest(key.encode(), b"gatehouse.email-code" + row_id.bytes + code.encode(), "sha256")


def _is_code_of(row: models.EmailTokenRow | models.DiscoveryTokenRow, code: str) -> bool:
    stored = bytes(row.token_hash or b"")
    # Every key is tried, so that the time doesn't tell which one it was.
    matches = [hmac.compare_digest(stored, _code_hash(row.pk, code, key)) for key in signing_keys()]
    return any(matches)


def _check_verifier(code_challenge: str, code_verifier: str) -> None:
    """Raise Invalid unless a verifier belongs to a challenge (RFC 7636, 4.6)."""
    if not code_challenge:
        if code_verifier:
            raise Invalid(
                "The link was requested without a PKCE code challenge.",
                field="pkce_code_verifier",
                error_type="pkce_did_not_expect_code_verifier",
            )
        return
    if not code_verifier:
        raise Invalid(
            "The link was requested with a PKCE code challenge. Send its verifier.",
            field="pkce_code_verifier",
            error_type="pkce_expected_code_verifier",
        )
    shortest, longest = _VERIFIER_LENGTH
    digest = hashlib.sha256(code_verifier.encode("utf-8", "surrogatepass")).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    if not shortest <= len(code_verifier) <= longest or not hmac.compare_digest(challenge, code_challenge):
        raise Invalid(
            "The PKCE code verifier doesn't belong to the challenge.",
            field="pkce_code_verifier",
            error_type="pkce_mismatch",
        )


def _is_base64url(text: str) -> bool:
    return text.isascii() and all(one.isalnum() or one in "-_" for one in text)
