"""Cursors of lists (RFC 9865): signed, for one list of one connection, and for an hour."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.core import signing

from portal.embedded.scim.protocol.errors import ExpiredCursor, InvalidCursor

CURSOR_SECONDS = 3600
# RFC 9865, 2: only unreserved characters; Django's usual separator is none.
_SIGNER = signing.TimestampSigner(salt="scim-cursor", sep="~")


def make_cursor(list_key: Sequence[object], position: Sequence[Any]) -> str:
    """Return a cursor that stands behind `position`, for the list of this key alone."""
    return _SIGNER.sign_object([_digest(list_key), *position])


def read_cursor(list_key: Sequence[object], cursor: str) -> list[Any]:
    """Return the position. Raises InvalidCursor for a forged or foreign one, ExpiredCursor."""
    position: list[Any]
    try:
        digest, *position = _SIGNER.unsign_object(cursor, max_age=CURSOR_SECONDS)
    except signing.SignatureExpired:
        raise ExpiredCursor("The cursor has expired. Begin the list again without one.") from None
    except (signing.BadSignature, ValueError):
        digest, position = "", []
    if digest != _digest(list_key):
        raise InvalidCursor(
            "The cursor does not belong to this list. Keep filter, sortBy, sortOrder and count as on the first page."
        )
    return position


def _digest(list_key: Sequence[object]) -> str:
    return hashlib.sha256("\0".join(map(str, list_key)).encode()).hexdigest()[:32]
