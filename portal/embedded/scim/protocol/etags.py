"""Entity tags (RFC 7644, 3.14): a change is made only to the state that the client has seen, if it says which."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from portal.embedded import models
from portal.embedded.scim.protocol.errors import VersionMismatch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def etag(row: models.ScimUserRow | models.ScimGroupRow, shown: Iterable[tuple[object, ...]] = ()) -> str:
    """Return the weak entity tag of a row's state, and of what is shown with it that changes without it.

    A person's groups are rows of their own: an answer that holds them has another tag once they are others.
    """
    digest = blake2b(repr(parts).encode(), digest_size=8).hexdigest() if (parts := list(shown)) else ""
    return f'W/"{(row.updated_at - _EPOCH) // timedelta(microseconds=1):x}{digest and f".{digest}"}"'


def etag_timestamp(value: object) -> datetime:
    """Return when the state of an entity tag was made; for anything else a time at which there was nothing."""
    try:
        return _EPOCH + timedelta(microseconds=int(_state(str(value)), 16))
    except (ValueError, OverflowError):
        return _EPOCH


def matches_etag(header: str, seen: str) -> bool:
    """Say whether an If-None-Match header names what would be answered: `*`, or one of several tags."""
    return any(_opaque(tag) in {"*", _opaque(seen)} for tag in header.split(","))


def check_if_match(header: str, row: models.ScimUserRow | models.ScimGroupRow) -> None:
    """Raise VersionMismatch where an If-Match header names another state than the locked row's."""
    # What is shown of other rows is not what the change is made to.
    if header and not any(_state(tag) in {"*", _state(etag(row))} for tag in header.split(",")):
        raise VersionMismatch("The resource has changed since the client read it. Read it again and repeat the change.")


def _state(tag: str) -> str:
    """Return the part of a tag that is the row's own."""
    return _opaque(tag).partition(".")[0]


def _opaque(tag: str) -> str:
    """Return a tag without what says that it is weak: a change of the document always makes a new one."""
    return tag.strip().removeprefix("W/").strip('"')
