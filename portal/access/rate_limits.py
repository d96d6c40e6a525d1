"""How often signing in may be tried, by IP address and member, and how often identity providers and products may call."""

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import cast

from django.conf import settings
from limits import RateLimitItem, parse, parse_many
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from portal.access import memory_storage  # noqa: F401 -- makes itself known to the library
from portal.access.client_address import network_of
from portal.directory.email_addresses import fold_address

# The library imports its drivers at their first use, which two threads must not do at once. A cache doesn't lock.
_building = Lock()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in, or of a signed-in member to confirm their password.

    It has no IP address where it comes through a product's backend, whose own says nothing about who tries.
    """

    ip_address: str
    organization_slug: str
    email_address: str
    is_confirmation: bool = False

    @property
    def member(self) -> str:
        """The member in the form in which the directory finds them: another spelling gives no second allowance."""
        return fold_address(self.email_address)

    @property
    def total(self) -> tuple[str, str]:
        """The key of the attempts from everywhere.

        Confirming has its own, and so have products' backends: what is tried elsewhere can't use it up.
        """
        kind = "confirmations" if self.is_confirmation else "total" if self.ip_address else "backend"
        return kind, self.member


def warm_up() -> None:
    """Build what the first request would otherwise have to build; connects to nothing."""
    _limiter()
    _call_limiter()


def shared_counters_answer() -> bool:
    """Say whether the storage that processes share answers: Redis, or the database."""
    return _limiter().storage.check()


@cache
def _limiter() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(_storage(settings.REDIS_URL or "database://"))


def _storage(address: str) -> Storage:
    with _building:
        return _built_storage(address)


@cache
def _built_storage(address: str) -> Storage:
    if address.startswith(("database:", "process:")):
        return cast("Storage", storage_from_string(address))
    from portal.access.redis_storage import RedisOrProcess  # noqa: PLC0415 -- loads Redis' client only where it is used

    return RedisOrProcess(address)


def admit(attempt: Attempt) -> bool:
    """Count the attempt; say whether it may go on. Call it outside a transaction, which a rollback would undo.

    What an IP address has too many of doesn't count for the member, so that one address alone can't pause their password.
    """
    if attempt.ip_address:
        network = network_of(attempt.ip_address)
        if not _hit(settings.SIGN_IN_RATE_PER_ADDRESS, "address", network):
            # Without further counters: a visitor could add one for each email address that they invent.
            return False
        from_here = (network, attempt.organization_slug, attempt.member)
        if not _hit(settings.SIGN_IN_RATE_PER_MEMBER, "member", *from_here):
            return False
    return _hit(settings.SIGN_IN_TOTAL_PER_MEMBER, *attempt.total)


def is_paused(attempt: Attempt) -> bool:
    """Say whether the member's total is used up: no password is checked until it ends, and a sign-in link is the way in."""
    return not _limiter().test(parse(settings.SIGN_IN_TOTAL_PER_MEMBER), "sign-in", _digest(attempt.total))


def admit_link(organization_slug: str, member_id: str) -> bool:
    """Count a sign-in link that is about to be sent to a member; say whether it may be sent."""
    return _hit(settings.SIGN_IN_LINK_RATE, "link", organization_slug, member_id)


def admit_member_search(ip_address: str) -> bool:
    """Count a request that asks whether an email address is a member's; say whether it may be answered."""
    return _hit(settings.SIGN_IN_RATE_PER_ADDRESS, "member-search", network_of(ip_address))


def admit_requested_link(attempt: Attempt) -> bool:
    """Count a sign-in link that someone requests for an address, whether or not it is a member's; return as admit_link."""
    return _hit(settings.SIGN_IN_LINK_RATE, "requested-link", attempt.organization_slug, attempt.member)


def _hit(rates: str, *key: str) -> bool:
    # Each of the rates counts the attempt.
    admitted = [_limiter().hit(rate, "sign-in", _digest(key)) for rate in parse_many(rates)]
    return all(admitted)


def _digest(key: Sequence[str]) -> str:
    # Hash the key: it has a fixed length and stores no email address.
    return hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()


def wait_of_connection(connection_id: str) -> int:
    """Count a call of a SCIM connection; return 0 if it may go on, else after how many seconds the next one may."""
    return _wait(settings.SCIM_RATE_PER_CONNECTION, "scim-connection", connection_id)


def wait_after_failed_authentication(ip_address: str) -> int:
    """Count a call without a valid token; return 0, or after how many seconds the address may try again."""
    return _wait(settings.SCIM_FAILED_AUTHENTICATION_RATE, "scim-authentication", network_of(ip_address))


def wait_of_project(project_id: str) -> int:
    """Count a call of a product's backend; return as wait_of_connection."""
    return _wait(settings.API_RATE_PER_PROJECT, "api-project", project_id)


def wait_of_organization(organization_id: str) -> int:
    """Count a call of the API for an organization; return as wait_of_connection."""
    return _wait(settings.API_RATE_PER_ORGANIZATION, "api-organization", organization_id)


def wait_of_browser(ip_address: str) -> int:
    """Count a call of the API from a browser; return as wait_of_connection."""
    return _wait(settings.API_RATE_PER_ADDRESS, "api-address", network_of(ip_address))


def wait_for_strength(ip_address: str) -> int:
    """Count a check of a password's strength from a browser; return as wait_of_connection."""
    return _wait(settings.API_PASSWORD_STRENGTH_RATE, "api-strength", network_of(ip_address))


def wait_after_wrong_credentials(ip_address: str) -> int:
    """Count a call of the API without valid credentials; return as wait_after_failed_authentication."""
    return _wait(settings.API_FAILED_AUTHENTICATION_RATE, "api-authentication", network_of(ip_address))


@cache
def _call_limiter() -> FixedWindowRateLimiter:
    # Without Redis each process counts by itself: a row that every call updates would cost more than most calls.
    return FixedWindowRateLimiter(_storage(settings.REDIS_URL or "process://"))


@cache
def _parsed(rate: str) -> RateLimitItem:
    return parse(rate)


def _wait(rate: str, *key: str) -> int:
    item, limiter = _parsed(rate), _call_limiter()
    if limiter.hit(item, *key):
        return 0
    return max(1, math.ceil(limiter.get_window_stats(item, *key).reset_time - time.time()))
