"""Authenticator apps of one organization's members."""

import binascii
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pyotp
from django.db import transaction
from django.utils import timezone

from portal.directory.errors import Forbidden, Invalid, NotFound
from portal.directory.members import Member
from portal.directory.permissions import Permission
from portal.directory.second_factors import NO_CHOICES, TOTP, MfaChoices, WrongCode
from portal.directory.sessions import (
    AuthenticationFactor,
    AuthenticatorAppFactor,
    Continuation,
    SessionTerms,
    SignedIn,
)
from portal.directory.totps import NewTotp, app_url
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.members import notices
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.values import member_id as id_of
from portal.embedded.members.values import member_value
from portal.embedded.scope import Scope
from portal.embedded.second_factors import attempts, stored
from portal.embedded.second_factors.policy import require_allowed, require_second_factor, totp_public_id
from portal.embedded.second_factors.proof import complete, locked_member, proved, proved_or_named
from portal.embedded.second_factors.recovery_codes import replace as replace_recovery_codes
from portal.embedded.second_factors.recovery_codes import unused_codes
from portal.embedded.sessions.lifecycle import member_as_caller

MINUTES, _LOWEST, _HIGHEST = 60, 5, 1440  # Stytch's: how long an app can be set up
_SECONDS = 30
_DRIFT = 1  # time steps, in both directions (RFC 6238, 5.2)
_MAX_SECRET = 256
_MIN_SECRET_BYTES = 10
_DIGITS = 6


class EmbeddedTotps:
    """Implements portal.directory.totps.ProjectTotpGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def create(self, member_id: str, *, before: Continuation, minutes: int | None = None) -> NewTotp:
        """Start to set up an app. Raise Unauthenticated, Invalid, Forbidden, NotFound."""
        if minutes is not None and not _LOWEST <= minutes <= _HIGHEST:
            raise Invalid(f"expiration_minutes must be from {_LOWEST} to {_HIGHEST}.", field="expiration_minutes")
        secret = pyotp.random_base32()
        with transaction.atomic():
            proof = proved_or_named(self._scope, member_id, before)
            member = proof.member
            require_allowed(member, TOTP)
            _require_none(member)
            require_second_factor(member, proof.factors)
            expires_at = timezone.now() + timedelta(minutes=minutes or MINUTES)
            row = self._replace(member, secret)
            row.expires_at = expires_at
            row.save(force_insert=True)
            # A passkey's codes stay: the app may never be finished.
            codes = unused_codes(member) if member.passkey_count else replace_recovery_codes(member)
        return _new(member, row, secret, codes)

    def authenticate(
        self,
        member_id: str,
        code: str,
        *,
        before: Continuation,
        terms: SessionTerms | None = None,
        choices: MfaChoices = NO_CHOICES,
    ) -> SignedIn:
        """Add the app's code to `before`. Raise Unauthenticated, NotFound, Forbidden, TooManyRequests, Invalid."""
        if terms:
            terms.check()
        with transaction.atomic():
            proof = proved(self._scope, member_id, before)
            require_allowed(proof.member, TOTP)
            row = self._scope.of(models.TotpRow).select_for_update().filter(member=proof.member).first()
            if row is None or (row.expires_at is not None and row.expires_at <= timezone.now()):
                raise NotFound("The member has no authenticator app.", error_type="totp_not_found")
            attempts.check_not_locked(row)
            error = _use(row, code)
            if error is None:
                if row.expires_at is None:
                    row.save()
                else:
                    # They may have set up another one since.
                    require_second_factor(proof.member, proof.factors)
                    notices.second_factor_added(proof.member, TOTP, _finish(row, proof.member, self._scope))
                now = timezone.now()
                factor = AuthenticationFactor(
                    "totp",
                    "authenticator_app",
                    now,
                    now,
                    authenticator_app_factor=AuthenticatorAppFactor(totp_public_id(row.pk)),
                )
                return complete(self._scope, proof, factor, terms, choices)
            attempts.count_wrong(row)
        # After the transaction, which keeps the count.
        raise error

    def delete(self, member_id: str) -> Member:
        """Delete a member's app and recovery codes. Raise NotFound, Forbidden, StepUpRequired."""
        self._scope.require(Permission.MEMBER_TOTP)
        self._scope.require_recent_proof()
        return EmbeddedMembers(self._scope).delete_totp(member_id)

    def migrate(self, member_id: str, *, secret: str, recovery_codes: Sequence[str]) -> NewTotp:
        """Give a member the app that they set up elsewhere. Raise NotFound, Invalid, Forbidden."""
        if self._scope.signed_in:
            raise Forbidden("Only the project can migrate authenticator apps. Leave out the member session.")
        text = _checked_secret(secret)
        with transaction.atomic():
            member = locked_member(self._scope, member_id)
            _require_none(member)
            row = self._replace(member, text)
            row.save(force_insert=True)
            codes = replace_recovery_codes(member, recovery_codes)
            _finish(row, member, self._scope)
        return _new(member, row, text, codes)

    def _replace(self, member: models.MemberRow, secret: str) -> models.TotpRow:
        self._scope.of(models.TotpRow).filter(member=member).delete()
        row = models.TotpRow(organization_id=member.organization_id, member=member)
        stored.put(row, secret.encode())
        return row


def _use(row: models.TotpRow, code: str) -> WrongCode | None:
    """Use a code up. Return the error if it isn't valid. The caller saves the row."""
    digits = "".join(one for one in code if one.isascii() and one.isdigit())
    now = int(timezone.now().timestamp()) // _SECONDS
    totp = pyotp.TOTP(stored.get(row).decode())
    # Every step is compared, so that the time doesn't tell which one it was.
    steps = range(now - _DRIFT, now + _DRIFT + 1)
    matching = [step for step in steps if pyotp.utils.strings_equal(totp.generate_otp(step), digits)]
    if not matching or len(digits) != _DIGITS:
        return WrongCode("The code is wrong or too old.", error_type="unable_to_authenticate_totp")
    unused = [step for step in matching if step > row.last_step]
    if not unused:
        return WrongCode(
            "This code was used already. Wait for the next one.", error_type="totp_code_already_authenticated"
        )
    row.last_step = min(unused)
    attempts.forget(row)
    return None


def _finish(row: models.TotpRow, member: models.MemberRow, scope: Scope) -> UUID:
    """Have an app count from now on. Return the entry in the activity log."""
    row.expires_at = None
    row.save()
    member.totp_id = row.pk
    member.save(update_fields=["totp_id", "updated_at"])
    return record(
        member_as_caller(member, scope.origin) if scope.project is None or scope.signed_in else scope.caller,
        "member.add_totp",
        organization_id=member.organization_id,
        target_id=id_of(member),
        target_name=member.email_address,
    )


def _require_none(member: models.MemberRow) -> None:
    if member.totp_id is not None:
        raise Invalid(
            "The member already has an authenticator app. Delete it first.",
            field="member_id",
            error_type="active_totp_exists",
        )


def _checked_secret(secret: str) -> str:
    text = secret.replace(" ", "").rstrip("=").upper()
    try:
        if len(text) <= _MAX_SECRET and len(pyotp.TOTP(text).byte_secret()) >= _MIN_SECRET_BYTES:
            return text
    except (binascii.Error, ValueError):
        pass
    raise Invalid("secret must be base32 text of at least 112 bits.", field="secret")


def _new(member: models.MemberRow, row: models.TotpRow, secret: str, codes: tuple[str, ...]) -> NewTotp:
    return NewTotp(
        member_value(member),
        totp_public_id(row.pk),
        secret,
        app_url(secret, email_address=member.email_address, organization_name=member.organization.name),
        codes,
    )
