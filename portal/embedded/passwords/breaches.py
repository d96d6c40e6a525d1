"""The list of leaked passwords, which is asked without telling it the password (Have I Been Pwned's range API)."""

import time
from hashlib import sha1
from http import HTTPStatus

import structlog
from django.conf import settings

from portal.directory.errors import Unauthenticated
from portal.metrics import BREACH_LOOKUPS, FAILED_SIGN_INS
from portal.outbound.errors import InvalidResponse, OutboundError
from portal.outbound.policy import Limits

_PREFIX = 5  # hexadecimal digits: about one in a million hashes begins with them
_LIMITS = Limits(seconds=2.0, max_bytes=262_144, redirects=0)
_PAUSE_SECONDS = 30.0

log = structlog.get_logger("gatehouse.passwords")


def require_not_breached(password: str) -> None:
    """Raise Unauthenticated for a right password that is in the list, if the project checks them at sign-in."""
    if "authenticate" in settings.PROJECT.passwords.breach_detection and is_breached(password):
        FAILED_SIGN_INS.labels("breached_password").inc()
        raise Unauthenticated(
            "This password is in a public list of leaked passwords. Choose a new one with “Forgot your password?”.",
            error_type="member_reset_password",
        )


class _Pause:
    """While the list doesn't answer, this process doesn't ask: each password would wait two seconds for nothing."""

    until = 0.0  # by time.monotonic


def is_breached(password: str) -> bool:
    """Say whether a password is in the list of leaked ones. Only the first five digits of its SHA-1 leave the machine.

    If the list can't be reached within two seconds, the answer is False: nobody is kept from signing in by its outage.
    """
    if time.monotonic() < _Pause.until:
        BREACH_LOOKUPS.labels("skipped").inc()
        return False
    digest = sha1(password.encode(errors="surrogatepass"), usedforsecurity=False).hexdigest().upper()
    try:
        suffixes = _suffixes(digest[:_PREFIX])
    except OutboundError as error:
        _Pause.until = time.monotonic() + _PAUSE_SECONDS
        BREACH_LOOKUPS.labels("failed").inc()
        log.warning("breach_lookup_failed", reason=str(error), pause_seconds=_PAUSE_SECONDS)
        return False
    found = digest[_PREFIX:] in suffixes
    BREACH_LOOKUPS.labels("breached" if found else "clean").inc()
    return found


def _suffixes(prefix: str) -> frozenset[str]:
    """Return the rest of each hash that begins with a prefix. Lines with the count 0 only hide how many there are."""
    # Imported here: without breach detection, a process doesn't need the HTTP client.
    from portal.outbound.client import fetch  # noqa: PLC0415 -- as above

    # With the header, every answer has about the same length.
    answer = fetch(f"{settings.PROJECT.passwords.breach_url}{prefix}", headers={"Add-Padding": "true"}, limits=_LIMITS)
    if answer.status != HTTPStatus.OK:
        raise InvalidResponse(f"The list of leaked passwords answered with the status {answer.status}.")
    lines = (line.strip().partition(":") for line in answer.body.decode("ascii", errors="replace").splitlines())
    return frozenset(suffix.upper() for suffix, _, count in lines if count.strip() not in {"", "0"})
