"""Recovery codes of one organization's members."""

import hmac
import json
import secrets
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from portal.directory.errors import Forbidden, Invalid, NotFound, Unauthenticated
from portal.directory.members import Member
from portal.directory.second_factors import NO_CHOICES, WrongCode
from portal.directory.sessions import (
    AuthenticationFactor,
    Continuation,
    RecoveryCodeFactor,
    SessionTerms,
    SignedIn,
)
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.database.integrity import is_text
from portal.embedded.members import notices
from portal.embedded.members.values import member_id as id_of
from portal.embedded.members.values import member_value
from portal.embedded.scope import Scope, rows_of
from portal.embedded.second_factors import attempts, stored
from portal.embedded.second_factors.policy import recovery_codes_id, require_second_factor
from portal.embedded.second_factors.proof import complete, locked_member, proved
from portal.embedded.sessions.lifecycle import member_as_caller

NUMBER = 10
# Without letters and digits that look alike: ten of them are 49 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_HALF = 5
_MAX_MIGRATED, _MAX_LENGTH = 100, 64


class EmbeddedRecoveryCodes:
    """Implements portal.directory.recovery_codes.ProjectRecoveryCodeGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, member_id: str) -> tuple[Member, tuple[str, ...]]:
        """Return the codes that weren't used. Raise NotFound, Unauthenticated, Forbidden."""
        with transaction.atomic():
            member = self._reached(member_id)
            return member_value(member), _unused(_pairs(self._row(member)))

    def rotate(self, member_id: str) -> tuple[Member, tuple[str, ...]]:
        """Replace all codes. Raise NotFound, Unauthenticated, Forbidden."""
        with transaction.atomic():
            member = self._reached(member_id)
            self._row(member)
            codes = replace(member)
            entry = record(
                self._scope.caller,
                "member.rotate_recovery_codes",
                organization_id=member.organization_id,
                target_id=id_of(member),
                target_name=member.email_address,
            )
            notices.recovery_codes_replaced(member, entry)
            return member_value(member), codes

    def recover(
        self, member_id: str, recovery_code: str, *, before: Continuation, terms: SessionTerms | None = None
    ) -> tuple[SignedIn, int]:
        """Use up a code and add it to `before`. Raise Unauthenticated, NotFound, TooManyRequests, Invalid."""
        if terms:
            terms.check()
        with transaction.atomic():
            proof = proved(self._scope, member_id, before)
            row = self._row(proof.member)
            attempts.check_not_locked(row)
            pairs = _pairs(row)
            found = _find(pairs, recovery_code)
            used_at = pairs[found][1] if found is not None else None
            if found is not None and used_at is None:
                now = timezone.now()
                pairs[found] = (pairs[found][0], now.isoformat())
                stored.put(row, json.dumps(pairs).encode())
                attempts.forget(row)
                row.save()
                self._record_use(proof.member)
                codes = RecoveryCodeFactor(recovery_codes_id(proof.member))
                factor = AuthenticationFactor("recovery_codes", "recovery_code", now, now, recovery_code_factor=codes)
                return complete(self._scope, proof, factor, terms, NO_CHOICES), len(_unused(pairs))
            attempts.count_wrong(row)
        # After the transaction, which keeps the count.
        raise _wrong(used_at)

    def _reached(self, member_id: str) -> models.MemberRow:
        """Lock and return a member whose codes the caller may see."""
        member, signed_in = locked_member(self._scope, member_id), self._scope.signed_in
        if signed_in is not None:
            if signed_in.member.member_id != id_of(member):
                raise Forbidden(
                    "Members reach only their own recovery codes.", error_type="session_authorization_error"
                )
            require_second_factor(member, signed_in.session.authentication_factors)
        elif self._scope.project is None:
            raise Unauthenticated("Sign in first.")
        return member

    def _row(self, member: models.MemberRow) -> models.RecoveryCodesRow:
        """Lock and return a member's codes. Those of an app that isn't set up yet don't count without a passkey."""
        rows = self._scope.of(models.RecoveryCodesRow).select_for_update()
        row = rows.filter(member=member).first() if member.totp_id or member.passkey_count else None
        if row is None:
            raise NotFound("The member has no recovery codes.", error_type="recovery_codes_not_found")
        return row

    def _record_use(self, member: models.MemberRow) -> None:
        record(
            member_as_caller(member, self._scope.origin),
            "member.use_recovery_code",
            organization_id=member.organization_id,
            target_id=id_of(member),
            target_name=member.email_address,
        )


def unused_codes(member: models.MemberRow) -> tuple[str, ...]:
    """Return the codes of a locked member that weren't used."""
    row = rows_of(member.organization_id, models.RecoveryCodesRow).filter(member=member).first()
    return _unused(_pairs(row)) if row else ()


def replace(member: models.MemberRow, codes: Sequence[str] | None = None) -> tuple[str, ...]:
    """Give a locked member new codes, or those that they had elsewhere, and return them. Raise Invalid."""
    chosen = _checked(codes) if codes is not None else tuple(_new() for _ in range(NUMBER))
    rows_of(member.organization_id, models.RecoveryCodesRow).filter(member=member).delete()
    row = models.RecoveryCodesRow(organization_id=member.organization_id, member=member)
    stored.put(row, json.dumps([(code, None) for code in chosen]).encode())
    row.save(force_insert=True)
    return chosen


def _new() -> str:
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(2 * _HALF))
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def _checked(codes: Sequence[str]) -> tuple[str, ...]:
    if len(codes) > _MAX_MIGRATED or any(
        not _plain(one) or len(one) > _MAX_LENGTH or not is_text(one) for one in codes
    ):
        raise Invalid(
            f"recovery_codes must be at most {_MAX_MIGRATED} codes of up to {_MAX_LENGTH} characters.",
            field="recovery_codes",
            error_type="invalid_recovery_code",
        )
    return tuple(codes)


def _find(pairs: Sequence[tuple[str, str | None]], entered: str) -> int | None:
    """Return the place of a code. Every code is compared, so that the time doesn't tell which one it was."""
    wanted = _plain(entered)
    matching = [n for n, (code, _) in enumerate(pairs) if hmac.compare_digest(_plain(code), wanted)]
    return matching[0] if matching and wanted else None


def _plain(code: str) -> bytes:
    return "".join(code.split()).replace("-", "").casefold().encode("utf-8", "surrogatepass")


def _pairs(row: models.RecoveryCodesRow) -> list[tuple[str, str | None]]:
    return [(code, used_at) for code, used_at in json.loads(stored.get(row))]


def _unused(pairs: Sequence[tuple[str, str | None]]) -> tuple[str, ...]:
    return tuple(code for code, used_at in pairs if used_at is None)


def _wrong(used_at: str | None) -> WrongCode:
    detail = f"This code was used on {used_at[:10]}." if used_at else "The recovery code is wrong."
    return WrongCode(detail, error_type="unable_to_authenticate_recovery_code")
