"""Entity tags (RFC 7644, 3.14): with If-Match, a change applies only to the state that the client has read."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from portal.embedded import models
from portal.embedded.scim.protocol.errors import VersionMismatch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def etag(row: models.ScimUserRow | models.ScimGroupRow, shown: Iterable[tuple[object, ...]] = ()) -> str:
    """Return the weak entity tag of a row, and of values from other rows that the response shows with it.

    A user's groups are other rows: a response with groups needs another tag once they have changed.
    """
    digest = blake2b(repr(parts).encode(), digest_size=8).hexdigest() if (parts := list(shown)) else ""
    return f'W/"{(row.updated_at - _EPOCH) // timedelta(microseconds=1):x}{digest and f".{digest}"}"'


def etag_timestamp(value: object) -> datetime:
    """Return the timestamp in an entity tag. Return the epoch, at which no resource existed, for an invalid one."""
    try:
        return _EPOCH + timedelta(microseconds=int(_state(str(value)), 16))
    except (ValueError, OverflowError):
        return _EPOCH


def matches_etag(header: str, seen: str) -> bool:
    """Say whether an If-None-Match header contains `*` or the tag of the response."""
    return any(_opaque(tag) in {"*", _opaque(seen)} for tag in header.split(","))


def check_if_match(header: str, row: models.ScimUserRow | models.ScimGroupRow) -> None:
    """Raise VersionMismatch if an If-Match header has neither `*` nor the tag of the locked row."""
    # Values from other rows are ignored: the change does not apply to them.
    if header and not any(_state(tag) in {"*", _state(etag(row))} for tag in header.split(",")):
        raise VersionMismatch("The resource has changed since the client read it. Read it again and repeat the change.")


def _state(tag: str) -> str:
    """Return the part of a tag that describes the row."""
    return _opaque(tag).partition(".")[0]


def _opaque(tag: str) -> str:
    """Return a tag without the mark of weak tags: every change of the document changes the tag."""
    return tag.strip().removeprefix("W/").strip('"')
