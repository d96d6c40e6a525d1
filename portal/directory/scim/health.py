"""The health of a connection and its progress during setup, both computed from the log when they are asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.log import ScimRequest

# Failures are counted over this period.
WINDOW = timedelta(days=1)


class ScimHealthState(StrEnum):
    """The most important fact about a connection."""

    PAUSED = "paused"
    TOKEN_EXPIRED = "token-expired"  # noqa: S105 -- a word, as below
    # The identity provider hasn't sent a request yet.
    WAITING = "waiting"
    # Requests arrive, but no user has been provisioned yet.
    VERIFYING = "verifying"
    # Many requests fail.
    DEGRADED = "degraded"
    # No request for much longer than is usual for the identity provider.
    SILENT = "silent"
    TOKEN_EXPIRING = "token-expiring"  # noqa: S105
    HEALTHY = "healthy"


@dataclass(frozen=True, slots=True)
class ScimHealth:
    """The health of a connection: its state, and the numbers behind it (`failures` of `requests` since `since`)."""

    state: ScimHealthState
    last_request_at: datetime | None
    last_success_at: datetime | None
    # When the next request is due, if the identity provider sends requests at fixed intervals.
    expected_at: datetime | None
    requests: int
    failures: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ScimProgress:
    """How far the setup of a connection has come: when each step was seen, None if it wasn't.

    Steps that only the log knows are looked for in the newest thousand requests.
    """

    # The oldest request in the log, and its User-Agent.
    reached_at: datetime | None
    reached_by: str
    # The newest request with a valid token.
    token_accepted_at: datetime | None
    discovery_read_at: datetime | None
    first_user_at: datetime | None
    first_user_name: str
    first_group_at: datetime | None
    first_group_name: str
    # Groups exist, but none of the first hundred has a member.
    groups_are_empty: bool
    first_deactivation_at: datetime | None
    last_request_at: datetime | None
    last_success_at: datetime | None
    # The newest failed requests, newest first, without bodies.
    failed_requests: tuple[ScimRequest, ...]


class ScimHealthGateway(Protocol):
    """Health and progress of a connection. Needs `stytch.scim:get`."""

    def get(self, connection: ScimConnection) -> ScimHealth:
        """Return the current health of a connection."""
        ...

    def progress(self, connection_id: str) -> ScimProgress:
        """Return how far the setup of a connection has come, and its newest failed requests."""
        ...
