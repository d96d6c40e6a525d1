"""The stored secrets of second factors: encrypt and decrypt them, and encrypt them again under another key.

The library is loaded at the first use, because processes whose members have no such factor don't need it.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from portal.directory.errors import Conflict, Unavailable
from portal.embedded import models
from portal.embedded.database.batches import BATCH
from portal.embedded.scope import across_organizations, rows_of
from portal.embedded.server_keys import encryption_keys, fingerprint

_UNREADABLE = (
    "A second factor is encrypted under a key that isn't set here. Add that key to ENCRYPTION_KEY_FALLBACKS, or have an "
    "admin delete the member's authenticator app."
)
Row = models.TotpRow | models.RecoveryCodesRow


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table with a secret, the column that has it, and the purpose of its key."""

    model: type[Any]
    column: str
    purpose: str


_TOTP = _Kept(models.TotpRow, "secret", "totp")
_CODES = _Kept(models.RecoveryCodesRow, "codes", "recovery-codes")


def put(row: Row, secret: bytes) -> None:
    """Encrypt the secret of a row, which the caller saves."""
    from portal.embedded.database.encryption import encrypted  # noqa: PLC0415 -- as above

    kept = _kept(row)
    setattr(row, kept.column, encrypted(secret, purpose=kept.purpose))
    row.encrypted_with = fingerprint(encryption_keys()[0])


def get(row: Row) -> bytes:
    """Return the secret of a row. Raise Unavailable if no key of this process decrypts it."""
    secret = _decrypted(row)
    if secret is None:
        raise Unavailable("This server cannot read the second factor.")
    return secret


def under_fallbacks() -> int:
    """Return how many secrets another key encrypts than the one that encrypts now."""
    return sum(_outdated(kept).count() for kept in (_TOTP, _CODES))


def reencrypt() -> int:
    """Encrypt all secrets under the current key, and return how many weren't. Raise Conflict if one can't be decrypted.

    Each thousand is a transaction of its own, so a run that is interrupted is continued by the next one.
    """
    return sum(sum(iter(partial(_reencrypt_some, kept), 0)) for kept in (_TOTP, _CODES))


@transaction.atomic
def _reencrypt_some(kept: _Kept) -> int:
    rows = list(_outdated(kept).select_for_update(of=("self",)).order_by("pk")[:BATCH])
    for row in rows:
        secret = _decrypted(row)
        if secret is None:
            raise Conflict(_UNREADABLE)
        put(row, secret)
        row.save(update_fields=[kept.column, "encrypted_with"])
    return len(rows)


def _outdated(kept: _Kept) -> QuerySet[Any]:
    return across_organizations(kept.model).exclude(encrypted_with=fingerprint(encryption_keys()[0]))


def _decrypted(row: Row) -> bytes | None:
    from portal.embedded.database.encryption import decrypted  # noqa: PLC0415 -- as above

    kept = _kept(row)
    return decrypted(getattr(row, kept.column), purpose=kept.purpose)


def _kept(row: Row) -> _Kept:
    return _TOTP if isinstance(row, models.TotpRow) else _CODES


def delete_of(member: models.MemberRow) -> None:
    """Delete a locked member's app, passkeys and recovery codes. The caller saves the member."""
    for model in (models.TotpRow, models.PasskeyRow, models.PasskeyChallengeRow, models.RecoveryCodesRow):
        rows_of(member.organization_id, model).filter(member=member).delete()
    member.totp_id, member.passkey_count, member.used_passkey_last = None, 0, False


def delete_app(member: models.MemberRow) -> None:
    """Delete a locked member's app, and their recovery codes unless a passkey needs them. The caller saves the member."""
    rows_of(member.organization_id, models.TotpRow).filter(member=member).delete()
    member.totp_id = None
    delete_unneeded_codes(member)


def delete_unneeded_codes(member: models.MemberRow) -> None:
    """Delete a locked member's recovery codes if no factor is left that they replace."""
    if member.totp_id is None and not member.passkey_count:
        rows_of(member.organization_id, models.RecoveryCodesRow).filter(member=member).delete()
