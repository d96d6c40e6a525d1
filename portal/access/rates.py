"""How often signing in may be tried, by address and by (organization, e-mail)."""

import hashlib
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to sign in."""

    ip_address: str
    organization_slug: str
    email_address: str


@cache
def _limiter() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(storage_from_string(settings.REDIS_URL or "database://"))


def admit(attempt: Attempt) -> bool:
    """Count the attempt; say whether it may go on. Call it outside a transaction, which a rollback would undo."""
    by_address = _hit(settings.SIGN_IN_RATE_PER_ADDRESS, "address", attempt.ip_address)
    # Case must not give a second allowance.
    email_address = attempt.email_address.casefold()
    by_member = _hit(settings.SIGN_IN_RATE_PER_MEMBER, "member", attempt.organization_slug, email_address)
    return by_address and by_member


def _hit(rate: str, *key: str) -> bool:
    # Hashed: whatever is typed fits the storage, and no address stands in it.
    digest = hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()
    return _limiter().hit(parse(rate), "sign-in", digest)
