"""Health and setup progress of a connection, computed from its newest requests: a few queries, however long the log is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.ids import parse_id
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection, ScimIdentityProvider
from portal.directory.scim.health import WINDOW, ScimHealth, ScimHealthState, ScimProgress
from portal.directory.scim.log import FIRST_ERROR_STATUS, ScimOutcome, ScimRejection, ScimRequestFilter
from portal.embedded import models
from portal.embedded.scim.log.progress import RecentRequests
from portal.embedded.scim.log.reading import indexed_requests, request_value
from portal.embedded.scope import Scope

# Requests that health is computed from.
_MAX_HEALTH_REQUESTS = 200
_WARN_BEFORE_EXPIRY = timedelta(days=30)
# A connection is degraded from this share of failures, unless they are so few that it could be chance.
_DEGRADED_SHARE = 0.2
_MIN_FAILURES = 3
# Identity providers that send requests at fixed intervals, even if nothing has changed.
_INTERVALS = {ScimIdentityProvider.MICROSOFT_ENTRA: timedelta(minutes=40)}
_MAX_MISSED_INTERVALS = 4
# The others send requests when something changes. They are silent after three times their longest pause, at least a week.
_SILENCE_FACTOR = 3
_MIN_SILENCE = timedelta(days=7)

# Failed requests that the live check explains, and groups among which it looks for one with members.
_MAX_FAILED_REQUESTS = 20
_MAX_GROUPS = 100
_GROUP_FIELDS = ("created_at", "display_name", "member_count")
_NOT_FOUND = 404


class EmbeddedScimHealth:
    """Implements portal.directory.scim.health.ScimHealthGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, connection: ScimConnection) -> ScimHealth:
        """Return the current health of a connection, with two queries."""
        self._scope.require(Permission.SCIM_GET)
        key = parse_id("scim-connection", connection.connection_id)
        rows = indexed_requests(self._scope, key).values_list("at", "method", "status", "refusal")
        newest = [RequestResult(*row) for row in rows[:_MAX_HEALTH_REQUESTS]]
        return compute_health(connection, newest, has_users=self._users(key).exists(), now=timezone.now())

    def progress(self, connection_id: str) -> ScimProgress:
        """Return how far the setup of a connection has come, with seven queries at most."""
        self._scope.require(Permission.SCIM_GET)
        key = parse_id("scim-connection", connection_id)
        rows = indexed_requests(self._scope, key)
        recent = RecentRequests(rows)
        user = self._users(key).order_by("pk").first()
        groups = list(self._groups(key).order_by("pk").only(*_GROUP_FIELDS)[:_MAX_GROUPS])
        group = groups[0] if groups else None
        first = rows.order_by("pk").values_list("at", "user_agent").first()
        failed = indexed_requests(self._scope, key, ScimRequestFilter(outcome=ScimOutcome.FAILED)).defer("body")
        return ScimProgress(
            reached_at=first[0] if first else None,
            reached_by=first[1] if first else "",
            token_accepted_at=recent.token_accepted_at,
            discovery_read_at=recent.discovery_read_at,
            first_user_at=user.created_at if user else recent.first_created_at("/Users"),
            first_user_name=(user.display_name or user.user_name) if user else "",
            first_group_at=group.created_at if group else recent.first_created_at("/Groups"),
            first_group_name=group.display_name if group else "",
            groups_are_empty=bool(groups) and not any(one.member_count for one in groups),
            first_deactivation_at=recent.first_deactivation_at(),
            last_request_at=recent.last_request_at,
            last_success_at=recent.last_success_at,
            failed_requests=tuple(request_value(row) for row in failed[:_MAX_FAILED_REQUESTS]),
        )

    def _users(self, connection: UUID) -> QuerySet[models.ScimUserRow]:
        return self._scope.of(models.ScimUserRow).filter(connection_id=connection)

    def _groups(self, connection: UUID) -> QuerySet[models.ScimGroupRow]:
        return self._scope.of(models.ScimGroupRow).filter(connection_id=connection)


@dataclass(frozen=True, slots=True)
class RequestResult:
    """The part of a logged request that health depends on."""

    at: datetime
    method: str
    status: int
    rejection: str = ""

    @property
    def is_paused(self) -> bool:
        """Whether it was rejected because the connection was paused."""
        return self.rejection == ScimRejection.PAUSED

    @property
    def is_failure(self) -> bool:
        """Whether it failed. A lookup that finds nothing is a success, and a pause isn't the identity provider's mistake."""
        is_empty_lookup = self.method == "GET" and self.status == _NOT_FOUND
        return self.status >= FIRST_ERROR_STATUS and not is_empty_lookup and not self.is_paused


def compute_health(
    connection: ScimConnection, newest: Sequence[RequestResult], *, has_users: bool, now: datetime
) -> ScimHealth:
    """Return the health of a connection. `newest` are its requests, newest first; `has_users` if any user arrived."""
    recent = [request for request in newest if request.at > now - WINDOW]
    last = newest[0].at if newest else None
    interval = _INTERVALS.get(connection.identity_provider)
    successes = (request.at for request in newest if not request.is_failure and not request.is_paused)
    return ScimHealth(
        state=_state(connection, newest, recent, has_users=has_users, now=now),
        last_request_at=last,
        last_success_at=next(successes, None),
        expected_at=last + interval if last and interval else None,
        requests=len(recent),
        failures=sum(request.is_failure for request in recent),
        since=recent[-1].at if recent else None,
    )


def _state(
    connection: ScimConnection,
    newest: Sequence[RequestResult],
    recent: Sequence[RequestResult],
    *,
    has_users: bool,
    now: datetime,
) -> ScimHealthState:
    expires_at = connection.bearer_token_expires_at
    # In order of importance: the first that holds counts.
    states = {
        ScimHealthState.PAUSED: connection.paused_at is not None,
        ScimHealthState.TOKEN_EXPIRED: expires_at is not None and expires_at <= now,
        ScimHealthState.WAITING: not newest and not has_users,
        ScimHealthState.VERIFYING: not has_users,
        ScimHealthState.DEGRADED: _is_degraded(recent),
        ScimHealthState.SILENT: _is_silent(connection.identity_provider, newest, now),
        ScimHealthState.TOKEN_EXPIRING: expires_at is not None and expires_at <= now + _WARN_BEFORE_EXPIRY,
    }
    return next((state for state, holds in states.items() if holds), ScimHealthState.HEALTHY)


def _is_degraded(recent: Sequence[RequestResult]) -> bool:
    failures = sum(request.is_failure for request in recent)
    is_chance = failures < _MIN_FAILURES and failures < len(recent)
    return failures > 0 and not is_chance and failures >= _DEGRADED_SHARE * len(recent)


def _is_silent(identity_provider: ScimIdentityProvider, newest: Sequence[RequestResult], now: datetime) -> bool:
    if not newest:
        # Every request is older than the log.
        return True
    silence = now - newest[0].at
    if interval := _INTERVALS.get(identity_provider):
        return silence > _MAX_MISSED_INTERVALS * interval
    longest = max((later.at - earlier.at for later, earlier in pairwise(newest)), default=timedelta())
    return silence > max(_MIN_SILENCE, _SILENCE_FACTOR * longest)
