"""Rate limits: sign-in attempts by IP address and member, and requests of identity providers and products."""

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string
from limits import RateLimitItem, parse, parse_many
from limits.storage import Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from portal.access.client_address import network_of
from portal.access.memory_storage import ProcessStorage
from portal.directory.email_addresses import domain_of, fold_address
from portal.metrics import FAILED_SIGN_INS

# The library imports its drivers on first use, which two threads must not do at once. functools.cache doesn't lock.
_building = Lock()
# Look-ups of DNS records that members ask for: the worker also looks on its own.
# Codes to all addresses in a domain: with five guesses for each, they can't be guessed in any useful time.
_CODES_OF_DOMAIN = "5 per 15 minutes; 20 per day"
_CHECKS_OF_DOMAIN, _CHECKS_OF_ORGANIZATION = "6 per minute; 60 per hour", "30 per minute; 300 per hour"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in, or of a signed-in member to confirm their password.

    Without an IP address if it comes from a product's backend, whose address isn't the member's.
    """

    ip_address: str
    organization_slug: str
    email_address: str
    is_confirmation: bool = False

    @property
    def member(self) -> str:
        """The email address, case-folded as in the directory: another spelling doesn't get another allowance."""
        return fold_address(self.email_address)

    @property
    def total(self) -> tuple[str, str]:
        """The key of all attempts for the member, from any address.

        Confirmations and products' backends each have their own, which other attempts can't use up.
        """
        kind = "confirmations" if self.is_confirmation else "total" if self.ip_address else "backend"
        return kind, self.member


def warm_up() -> None:
    """Create the limiters before the first request. Connects to nothing."""
    _limiter()
    _request_limiter()


def is_shared_storage_available() -> bool:
    """Say whether the storage shared by all processes responds: Redis, or the database."""
    return _limiter().storage.check()


@cache
def _limiter() -> FixedWindowRateLimiter:
    return FixedWindowRateLimiter(_storage(settings.REDIS_URL or "database://"))


def _storage(address: str) -> Storage:
    with _building:
        return _built_storage(address)


@cache
def _built_storage(address: str) -> Storage:
    if address.startswith("process:"):
        return ProcessStorage(address)
    if address.startswith("database:"):
        return cast("Storage", storage_from_string(address))
    # By name, so that the Redis client is loaded only if it's used.
    storage: Storage = import_string("portal.access.redis_storage.RedisOrProcess")(address)
    return storage


def admit(attempt: Attempt) -> bool:
    """Count a sign-in attempt and return whether it's allowed. Must run outside a transaction: a rollback would undo it.

    Attempts beyond the limit of an IP address don't count for the member, so that one address can't pause their password.
    """
    if attempt.ip_address:
        network = network_of(attempt.ip_address)
        if not _hit(settings.SIGN_IN_RATE_PER_ADDRESS, "address", network):
            FAILED_SIGN_INS.labels("address_limit").inc()
            # Stop here: a visitor could create a counter for each email address that they make up.
            return False
        from_here = (network, attempt.organization_slug, attempt.member)
        if not _hit(settings.SIGN_IN_RATE_PER_MEMBER, "member", *from_here):
            FAILED_SIGN_INS.labels("member_limit").inc()
            return False
    if not (_hit(settings.SIGN_IN_TOTAL_PER_MEMBER, *attempt.total) or _admit_unlocked(attempt)):
        FAILED_SIGN_INS.labels("paused").inc()
        return False
    return True


def forgive(attempt: Attempt) -> None:
    """Take back an attempt that `admit` counted and that succeeded. What an IP address tries still counts.

    Not for attempts without an organization: they succeed if the password is right anywhere, and someone could create an
    organization for that.
    """
    if not attempt.organization_slug:
        return
    if attempt.ip_address:
        from_here = (network_of(attempt.ip_address), attempt.organization_slug, attempt.member)
        _take_back(settings.SIGN_IN_RATE_PER_MEMBER, "member", *from_here)
    total = parse(settings.SIGN_IN_TOTAL_PER_MEMBER)
    if _limiter().storage.get(total.key_for("sign-in", _digest(attempt.total))) > total.amount:
        # The total is used up, so it was admitted because an admin had unlocked the member.
        _take_back(settings.SIGN_IN_TOTAL_PER_MEMBER, *_after_unlock(attempt))
    _take_back(settings.SIGN_IN_TOTAL_PER_MEMBER, *attempt.total)


def is_paused(attempt: Attempt) -> bool:
    """Say whether the member's total is used up. Until it ends, no password is checked; sign-in links still work."""
    total = parse(settings.SIGN_IN_TOTAL_PER_MEMBER)
    if _limiter().test(total, "sign-in", _digest(attempt.total)):
        return False
    return not (_is_unlocked(attempt) and _limiter().test(total, "sign-in", _digest(_after_unlock(attempt))))


def pause_ends(attempt: Attempt) -> datetime:
    """Return when the pause of a member ends."""
    total = parse(settings.SIGN_IN_TOTAL_PER_MEMBER)
    return datetime.fromtimestamp(_limiter().get_window_stats(total, "sign-in", _digest(attempt.total)).reset_time, UTC)


def unlock(organization_slug: str, email_address: str) -> None:
    """Let a member try again in one organization, as often as before, until the pause would have ended.

    Elsewhere the pause continues: an admin of one organization must not allow more guesses at another.
    """
    total = parse(settings.SIGN_IN_TOTAL_PER_MEMBER)
    attempt = Attempt("", organization_slug, email_address)
    _limiter().storage.clear(total.key_for("sign-in", _digest(_after_unlock(attempt))))
    _limiter().storage.incr(total.key_for("sign-in", _digest(_unlocked(attempt))), total.get_expiry())


def _admit_unlocked(attempt: Attempt) -> bool:
    return _is_unlocked(attempt) and _hit(settings.SIGN_IN_TOTAL_PER_MEMBER, *_after_unlock(attempt))


def _is_unlocked(attempt: Attempt) -> bool:
    total = parse(settings.SIGN_IN_TOTAL_PER_MEMBER)
    return bool(attempt.organization_slug) and bool(
        _limiter().storage.get(total.key_for("sign-in", _digest(_unlocked(attempt))))
    )


def _unlocked(attempt: Attempt) -> tuple[str, str, str]:
    return "unlocked", attempt.organization_slug, attempt.member


def _after_unlock(attempt: Attempt) -> tuple[str, str, str]:
    return "after-unlock", attempt.organization_slug, attempt.member


def admit_link(organization_slug: str, member_id: str) -> bool:
    """Count a sign-in link to a member and return whether it may be sent."""
    return _hit(settings.SIGN_IN_LINK_RATE, "link", organization_slug, member_id)


def admit_member_search(ip_address: str) -> bool:
    """Count a lookup of a member by email address and return whether it's allowed."""
    return _hit(settings.SIGN_IN_RATE_PER_ADDRESS, "member-search", network_of(ip_address))


def admit_requested_link(attempt: Attempt) -> bool:
    """Count a request for a sign-in link, for any email address, and return whether it's allowed."""
    if not _hit(settings.SIGN_IN_RATE_PER_ADDRESS, "requested-link-address", network_of(attempt.ip_address)):
        return False
    return _hit(settings.SIGN_IN_LINK_RATE, "requested-link", attempt.organization_slug, attempt.member)


def admit_email(attempt: Attempt) -> bool:
    """Count an email with a link or code to any address, and return whether it may be sent."""
    if attempt.ip_address and not _hit(
        settings.SIGN_IN_RATE_PER_ADDRESS, "email-address", network_of(attempt.ip_address)
    ):
        return False
    return _hit(settings.SIGN_IN_EMAIL_RATE, "email", attempt.organization_slug, attempt.member)


def admit_invitations(organization_id: str, number: int = 1) -> bool:
    """Count emails that invite people to an organization, and return whether all of them may be sent."""
    return _hit(settings.INVITATION_RATE_PER_ORGANIZATION, "invitation", organization_id, number=number)


def admit_domain_code(attempt: Attempt) -> bool:
    """Count an email with a code to an address in a domain of an organization, and return whether it may be sent."""
    domain = domain_of(attempt.email_address)
    return admit_email(attempt) and _hit(_CODES_OF_DOMAIN, "domain-code", attempt.organization_slug, domain)


def admit_domain_check(organization_id: str, domain_id: str) -> bool:
    """Count a check of a domain that someone asked for, and return whether it may run."""
    return _hit(_CHECKS_OF_DOMAIN, "domain-check", domain_id) and _hit(
        _CHECKS_OF_ORGANIZATION, "domain-checks", organization_id
    )


@dataclass(frozen=True, slots=True)
class TextMessage:
    """A message to a number that a member confirmed, or to a new one. Without an IP address if a backend asks for it."""

    ip_address: str
    number: str
    prefix: str
    is_confirmed: bool
    member_id: str
    organization_id: str


def admit_sms(message: TextMessage) -> str:
    """Count a text message, and return "" if it may be sent, else which limit it exceeds.

    Those beyond one limit don't count for the next: a person with one number can't use up what an organization may send.
    New numbers are counted apart: a stranger can enter any number, and mustn't use up what its owner needs to sign in.
    """
    ip_address, kind = message.ip_address, "confirmed" if message.is_confirmed else "new"
    if ip_address and not _hit(settings.SIGN_IN_RATE_PER_ADDRESS, "sms-address", network_of(ip_address)):
        return "address_limit"
    for name, rates, key in (
        ("number", settings.SMS_RATE_PER_NUMBER, (kind, message.number)),
        ("member", settings.SMS_RATE_PER_MEMBER, (message.member_id,)),
        ("prefix", settings.SMS_RATE_PER_PREFIX, (kind, message.prefix)),
        ("organization", settings.SMS_RATE_PER_ORGANIZATION, (message.organization_id,)),
        # Those who can create organizations get around all others.
        ("new_numbers", "" if message.is_confirmed else settings.SMS_RATE_OF_NEW_NUMBERS, ()),
    ):
        if rates and not _hit(rates, f"sms-{name}", *key):
            return f"{name}_limit"
    return ""


def _hit(rates: str, *key: str, number: int = 1) -> bool:
    # Count the attempt for every rate.
    admitted = [_limiter().hit(rate, "sign-in", _digest(key), cost=number) for rate in parse_many(rates)]
    return all(admitted)


def _take_back(rates: str, *key: str) -> None:
    storage = _limiter().storage
    for rate in parse_many(rates):
        counter = rate.key_for("sign-in", _digest(key))
        # A window may have ended since.
        if storage.get(counter) > 0:
            storage.incr(counter, rate.get_expiry(), -1)


def _digest(key: Sequence[str]) -> str:
    # Hash the key: it has a fixed length and stores no email address.
    return hashlib.sha256("\0".join(key).encode("utf-8", "surrogatepass")).hexdigest()


def wait_of_connection(connection_id: str) -> int:
    """Count a request of a SCIM connection. Return 0 if it's allowed, else the seconds to wait."""
    return _wait(settings.SCIM_RATE_PER_CONNECTION, "scim-connection", connection_id)


def wait_after_failed_authentication(ip_address: str) -> int:
    """Count a SCIM request without a valid token. Return 0 if it's allowed, else the seconds to wait."""
    return _wait(settings.SCIM_FAILED_AUTHENTICATION_RATE, "scim-authentication", network_of(ip_address))


def wait_of_project(project_id: str) -> int:
    """Count an API request of a backend. Return 0 if it's allowed, else the seconds to wait."""
    return _wait(settings.API_RATE_PER_PROJECT, "api-project", project_id)


def wait_of_organization(organization_id: str) -> int:
    """Count an API request for an organization. Return 0 if it's allowed, else the seconds to wait."""
    return _wait(settings.API_RATE_PER_ORGANIZATION, "api-organization", organization_id)


def wait_of_browser(ip_address: str) -> int:
    """Count an API request from a browser. Return 0 if it's allowed, else the seconds to wait."""
    return _wait(settings.API_RATE_PER_ADDRESS, "api-address", network_of(ip_address))


def wait_for_strength(ip_address: str) -> int:
    """Count a password strength check from a browser. Return 0 if it's allowed, else the seconds to wait."""
    return _wait(settings.API_PASSWORD_STRENGTH_RATE, "api-strength", network_of(ip_address))


def wait_after_wrong_credentials(ip_address: str) -> int:
    """Count an API request with invalid credentials. Return 0 if it's allowed, else the seconds to wait."""
    return _wait(settings.API_FAILED_AUTHENTICATION_RATE, "api-authentication", network_of(ip_address))


@cache
def _request_limiter() -> FixedWindowRateLimiter:
    # Without Redis, each process counts on its own: updating a database row would cost more than most requests.
    return FixedWindowRateLimiter(_storage(settings.REDIS_URL or "process://"))


@cache
def _parsed(rate: str) -> RateLimitItem:
    return parse(rate)


def _wait(rate: str, *key: str) -> int:
    item, limiter = _parsed(rate), _request_limiter()
    if limiter.hit(item, *key):
        return 0
    return max(1, math.ceil(limiter.get_window_stats(item, *key).reset_time - time.time()))
