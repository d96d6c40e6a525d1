"""How a SCIM connection is: computed from its newest calls and its identity provider's rhythm whenever it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Protocol

from portal.directory.scim.connection import ScimConnection, ScimIdentityProvider
from portal.directory.scim.log import FIRST_REFUSAL, ScimRefusal, ScimRequest

# Calls that are looked at, and how far back.
MOST_CALLS = 200
WINDOW = timedelta(days=1)
WARN_BEFORE_EXPIRY = timedelta(days=30)
# A share of refused calls from which something is wrong, unless they are fewer than could be chance.
_FAILING_SHARE = 0.2
_FEWEST_FAILURES = 3
_NOT_FOUND = 404
# Identity providers that call at fixed intervals, whether anything changed or not.
_INTERVALS = {ScimIdentityProvider.MICROSOFT_ENTRA: timedelta(minutes=40)}
_MISSED_INTERVALS = 4
# The others call when something changes: longer than ever before, and longer than a week.
_LONGER_THAN_EVER = 3
_SHORTEST_SILENCE = timedelta(days=7)


class ScimHealthState(StrEnum):
    """The one thing that matters most about a connection."""

    PAUSED = "paused"
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 -- a word, as below
    # Nobody has called yet.
    WAITING = "waiting"
    # Calls arrive, but no person has yet.
    VERIFYING = "verifying"
    # Many calls are refused.
    DEGRADED = "degraded"
    # No call for much longer than the identity provider's rhythm.
    SILENT = "silent"
    TOKEN_EXPIRING = "token-expiring"  # noqa: S105
    HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class ScimCall:
    """What health needs to know of a call."""

    at: datetime
    method: str
    status: int
    refusal: str = ""

    @property
    def has_met_pause(self) -> bool:
        """Whether it was told to wait because the connection was paused."""
        return self.refusal == ScimRefusal.PAUSED

    @property
    def is_failure(self) -> bool:
        """Whether it failed; who looks for somebody and does not find them has succeeded, and who met a pause did nothing wrong."""
        is_refused = self.status >= FIRST_REFUSAL and not (self.method == "GET" and self.status == _NOT_FOUND)
        return is_refused and not self.has_met_pause


@dataclass(frozen=True, slots=True)
class ScimHealth:
    """How a connection is, and what that is judged by: `failures` of `calls` since `since`."""

    state: ScimHealthState
    last_call_at: datetime | None
    last_success_at: datetime | None
    # When an identity provider that calls at fixed intervals should call again.
    expected_at: datetime | None
    calls: int
    failures: int
    since: datetime | None


def health_of(connection: ScimConnection, newest: Sequence[ScimCall], *, has_people: bool, now: datetime) -> ScimHealth:
    """Return how a connection is by its newest calls, the newest first; `has_people` says whether any person arrived."""
    recent = [call for call in newest if call.at > now - WINDOW]
    last = newest[0].at if newest else None
    interval = _INTERVALS.get(connection.identity_provider)
    return ScimHealth(
        state=_state(connection, newest, recent, has_people=has_people, now=now),
        last_call_at=last,
        last_success_at=next((call.at for call in newest if not call.is_failure and not call.has_met_pause), None),
        expected_at=last + interval if last and interval else None,
        calls=len(recent),
        failures=sum(call.is_failure for call in recent),
        since=recent[-1].at if recent else None,
    )


def _state(
    connection: ScimConnection,
    newest: Sequence[ScimCall],
    recent: Sequence[ScimCall],
    *,
    has_people: bool,
    now: datetime,
) -> ScimHealthState:
    expires_at = connection.bearer_token_expires_at
    states = {
        ScimHealthState.PAUSED: connection.paused_at is not None,
        ScimHealthState.TOKEN_EXPIRED: expires_at is not None and expires_at <= now,
        ScimHealthState.WAITING: not newest and not has_people,
        ScimHealthState.VERIFYING: not has_people,
        ScimHealthState.DEGRADED: _is_failing(recent),
        ScimHealthState.SILENT: _is_silent(connection.identity_provider, newest, now),
        ScimHealthState.TOKEN_EXPIRING: expires_at is not None and expires_at <= now + WARN_BEFORE_EXPIRY,
    }
    return next((state for state, holds in states.items() if holds), ScimHealthState.HEALTHY)


def _is_failing(recent: Sequence[ScimCall]) -> bool:
    failures = sum(call.is_failure for call in recent)
    is_chance = failures < _FEWEST_FAILURES and failures < len(recent)
    return failures > 0 and not is_chance and failures >= _FAILING_SHARE * len(recent)


def _is_silent(identity_provider: ScimIdentityProvider, newest: Sequence[ScimCall], now: datetime) -> bool:
    if not newest:
        # All calls are older than what the log keeps.
        return True
    silence = now - newest[0].at
    if interval := _INTERVALS.get(identity_provider):
        return silence > _MISSED_INTERVALS * interval
    longest = max((later.at - earlier.at for later, earlier in pairwise(newest)), default=timedelta())
    return silence > max(_SHORTEST_SILENCE, _LONGER_THAN_EVER * longest)


@dataclass(frozen=True, slots=True)
class ScimProgress:
    """How far an identity provider has come since it was connected: when each step was seen, None where it was not.

    The log remembers for as long as it is kept, and the steps that only it knows within the newest thousand calls.
    """

    # The first call that is kept, and what it calls itself.
    reached_at: datetime | None
    reached_by: str
    # The newest call with a good token.
    token_accepted_at: datetime | None
    discovery_read_at: datetime | None
    first_person_at: datetime | None
    first_person_name: str
    first_group_at: datetime | None
    first_group_name: str
    # Groups have arrived, and nobody is in the first hundred of them.
    groups_are_empty: bool
    first_deactivation_at: datetime | None
    last_call_at: datetime | None
    last_success_at: datetime | None
    # The newest refused calls, the newest first, without their bodies.
    refused: tuple[ScimRequest, ...]


class ScimHealthGateway(Protocol):
    """How a connection is, as its log tells. Needs `stytch.scim:get`."""

    def get(self, connection: ScimConnection) -> ScimHealth:
        """Return how a connection is now. Raises NotOffered."""
        ...

    def progress(self, connection_id: str) -> ScimProgress:
        """Return how far the IdP has come since it was connected, and what it did wrong. Raises NotOffered."""
        ...
