"""Public identifiers in Stytch's form, `<noun>-<test or live>-<uuid>`, over UUIDs of version 7 (RFC 9562)."""

import os
import re
import time
import uuid
from datetime import UTC, datetime
from functools import cache

from django.conf import settings

# Only the canonical form, so that every object has one ID.
_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_NIL = uuid.UUID(int=0)  # RFC 9562, 5.9


def uuid7() -> uuid.UUID:
    """Return a new UUID that begins with the time, so that inserts stay local and keys are in order (RFC 9562, 5.7).

    The milliseconds are followed by 12 bits of their fraction (6.2, method 3) and 62 random bits.
    """
    milliseconds, nanoseconds = divmod(time.time_ns(), 1_000_000)
    fraction = (nanoseconds << 12) // 1_000_000
    return _uuid7(milliseconds, fraction << 64 | int.from_bytes(os.urandom(8), "big"))


def first_uuid7(timestamp: datetime) -> uuid.UUID:
    """Return the smallest UUID of version 7 of a timestamp. Those created earlier are smaller."""
    return _uuid7(int(timestamp.timestamp() * 1000), 0)


def timestamp_of(key: uuid.UUID) -> datetime:
    """Return when a UUID of version 7 was created, to the millisecond."""
    return datetime.fromtimestamp((key.int >> 80) / 1000, tz=UTC)


def _uuid7(milliseconds: int, rest: int) -> uuid.UUID:
    value = milliseconds << 80 | rest
    value = value & ~(0xF << 76) | 0x7 << 76
    return uuid.UUID(int=value & ~(0x3 << 62) | 0x2 << 62)


@cache
def id_prefix(noun: str) -> str:
    """Return the prefix of all identifiers of a noun."""
    return f"{noun}-{settings.PROJECT_ENVIRONMENT}-"


def public_id(noun: str, value: uuid.UUID) -> str:
    """Return the public identifier of a primary key."""
    return f"{id_prefix(noun)}{value}"


def parse_id(noun: str, text: str) -> uuid.UUID:
    """Return the primary key in a public identifier. For anything else return the nil UUID, which no row has."""
    prefix = id_prefix(noun)
    spelling = text.removeprefix(prefix)
    is_valid = text.startswith(prefix) and _CANONICAL.fullmatch(spelling)
    return uuid.UUID(spelling) if is_valid else _NIL


def new_request_id() -> str:
    """Return an ID that connects a response to its log lines, `request-id-live-<uuid>`."""
    return public_id("request-id", uuid7())
