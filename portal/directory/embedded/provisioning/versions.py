"""Entity tags (RFC 7644, 3.14): a change is made only to the state that the client has seen, if it says which."""

from datetime import UTC, datetime, timedelta

from portal.directory.embedded import models
from portal.directory.embedded.provisioning.errors import VersionMismatch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def version(row: models.ScimUser | models.ScimGroup) -> str:
    """Return the weak entity tag of a row's state."""
    return f'W/"{(row.updated_at - _EPOCH) // timedelta(microseconds=1):x}"'


def version_moment(value: object) -> datetime:
    """Return when the state of an entity tag was made; for anything else a time at which there was nothing."""
    try:
        return _EPOCH + timedelta(microseconds=int(_opaque(str(value)), 16))
    except (ValueError, OverflowError):
        return _EPOCH


def names_version(header: str, row: models.ScimUser | models.ScimGroup) -> bool:
    """Say whether an If-Match or If-None-Match header names the row's state: `*`, or one of several tags."""
    return any(_opaque(tag) in {"*", _opaque(version(row))} for tag in header.split(","))


def check_version(header: str, row: models.ScimUser | models.ScimGroup) -> None:
    """Raise VersionMismatch where an If-Match header names another state than the locked row's."""
    if header and not names_version(header, row):
        raise VersionMismatch("The resource was changed meanwhile. Read it again, and repeat the change.")


def _opaque(tag: str) -> str:
    """Return a tag without what says that it is weak: a change of the document always makes a new one."""
    return tag.strip().removeprefix("W/").strip('"')
