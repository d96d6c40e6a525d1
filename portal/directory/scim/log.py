"""The log: one entry for each request of an identity provider, how to filter it, and what a dry run of a request finds."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page


class ScimRejection(StrEnum):
    """Why a request was rejected before its content was read. The response doesn't say it, only the log does."""

    NO_TOKEN = "no_token"  # noqa: S105 -- a word, as those below
    NO_BEARER = "no_bearer"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105
    EXPIRED_TOKEN = "expired_token"  # noqa: S105
    REVOKED_TOKEN = "revoked_token"  # noqa: S105
    # The token belongs to another connection. Both connections log the request: the one that the URL names,
    FOREIGN_TOKEN = "foreign_token"  # noqa: S105
    # and the one that the token belongs to.
    OTHER_ADDRESS = "other_address"
    NO_CONNECTION_ID = "no_connection_id"
    CONNECTION_DELETED = "connection_deleted"
    # The request was valid, but an admin has paused the connection.
    PAUSED = "paused"
    # The request was valid, but came unencrypted.
    PLAIN_HTTP = "plain_http"


FIRST_ERROR_STATUS = 400  # RFC 9110, 15


class ScimOutcome(StrEnum):
    """Whether a request succeeded. The values appear in URLs."""

    SUCCEEDED = "succeeded"
    FAILED = "refused"


@dataclass(frozen=True, slots=True)
class ScimRequestFilter:
    """Conditions that requests must meet; an empty one matches every request. `since` is inclusive, `until` exclusive."""

    outcome: ScimOutcome | None = None
    # "User" or "Group".
    resource_type: str = ""
    # The id of one user or one group.
    resource_id: str = ""
    method: str = ""
    # Leave out requests that only read.
    changes_only: bool = False
    # A part of the name of a user or group, or a request ID.
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScimAttempt:
    """What a request to change a user or group tries to do, as far as the log's copy of its body says so."""

    # Whether it activates (True) or deactivates (False) a user.
    activates: bool | None = None
    members_added: int = 0
    members_removed: int = 0
    renames: bool = False
    # It changes something else too.
    changes_more: bool = False


@dataclass(frozen=True, slots=True)
class ScimRequest:
    """A request of an identity provider and the response to it. Secrets are never kept; `subject` is the only personal value."""

    scim_request_id: str
    connection_id: str
    at: datetime
    method: str
    # The part of the URL after the connection's base URL.
    path: str
    query: str
    status: int
    scim_type: str
    detail: str
    # Why it was rejected before its content was read; None if it wasn't.
    rejection: ScimRejection | None
    duration_ms: int
    # "User", "Group" or "".
    resource_type: str
    resource_id: str
    # The current name of the user or group; "" if there is none, or no longer.
    resource_name: str
    # Of a failed request: the name that it gives the user or group (userName, displayName, ...), or the unknown id.
    subject: str
    # The other user or group that has the name `subject` now; "" if none.
    holder_id: str
    holder_name: str
    changed_attributes: tuple[str, ...]
    token_last_four: str
    ip_address: str
    user_agent: str
    request_id: str
    # JSON with masked values; empty in lists.
    body: str = ""
    is_body_cut: bool = False
    # Why a dry run isn't possible; "" if it is.
    replay_obstacle: str = ""
    # None if it changes no existing user or group, or if the log's copy doesn't say how.
    attempt: ScimAttempt | None = None

    @property
    def outcome(self) -> ScimOutcome:
        """Return whether the request succeeded."""
        return ScimOutcome.FAILED if self.status >= FIRST_ERROR_STATUS else ScimOutcome.SUCCEEDED


@dataclass(frozen=True, slots=True)
class ScimRequestNeighbors:
    """The IDs of the next newer and the next older request of a list; "" if there is none."""

    newer_id: str
    older_id: str


@dataclass(frozen=True, slots=True)
class ScimReplayAttribute:
    """An attribute that a request would change, before and after, as JSON with personal values masked; "" for no value."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ScimReplayChange:
    """A change that a request would make to a user, group or member. `action` is a `noun.verb` of the activity log."""

    action: str
    target_id: str
    target_name: str
    attributes: tuple[ScimReplayAttribute, ...]
    # The names of the first hundred, and how many there are.
    joining: tuple[str, ...]
    leaving: tuple[str, ...]
    joining_count: int
    leaving_count: int


@dataclass(frozen=True, slots=True)
class ScimReplay:
    """The result of a dry run: the response that a request would get now, and the changes that it would make."""

    status: int
    scim_type: str
    detail: str
    changes: tuple[ScimReplayChange, ...]
    # The log doesn't keep the values of these attributes, so the dry run used masked ones.
    masked_attributes: tuple[str, ...]
    is_body_cut: bool
    # The request named a version of the resource (If-Match), which the log doesn't keep.
    is_version_unknown: bool


@dataclass(frozen=True, slots=True)
class ScimHour:
    """How many requests succeeded and failed within an hour of the clock (UTC), which begins at `start`."""

    start: datetime
    succeeded: int
    failed: int

    @property
    def requests(self) -> int:
        """All of them."""
        return self.succeeded + self.failed


class ScimLogGateway(Protocol):
    """The log of a connection's requests. Needs `stytch.scim:get`."""

    @property
    def retention_days(self) -> int:
        """Number of days that requests are kept."""
        ...

    @property
    def max_entries(self) -> int:
        """Number of requests of a connection that are kept; beyond it the oldest are deleted."""
        ...

    def hours(self, connection_id: str) -> tuple[ScimHour, ...]:
        """Return the number of a connection's requests in each of the last 24 hours, oldest first.

        The last one is the hour that now is in. There are none for an unknown connection.
        """
        ...

    def page(
        self, connection_id: str, wanted: ScimRequestFilter = ..., *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimRequest]:
        """Return a page of a connection's requests, newest first, without bodies. The connection may be deleted.

        A search for rare requests stops after some thousand entries; the page's `searched_to` says how far it got. Raise
        Invalid unless `limit` is 1 to 1000, InvalidCursor for a cursor of another list, NotFound for an unknown connection.
        """
        ...

    def get(self, scim_request_id: str) -> ScimRequest:
        """Return a request with its body. Raise NotFound if the log doesn't have it."""
        ...

    def neighbors(
        self, connection_id: str, scim_request_id: str, wanted: ScimRequestFilter = ...
    ) -> ScimRequestNeighbors:
        """Return the requests next to one in the list of a connection. It looks at some thousand entries each way at most."""
        ...

    def export(self, connection_id: str, wanted: ScimRequestFilter = ...) -> Iterator[ScimRequest]:
        """Return the newest requests with their bodies, up to 100,000, and record the export in the activity log.

        The requests are read while they are iterated over. Raise NotFound for an unknown connection.
        """
        ...

    def replay(self, scim_request_id: str) -> ScimReplay:
        """Return what a failed request would do now, under all current rules. Nothing is changed.

        Raise NotFound if the log doesn't have it, Conflict if a dry run isn't possible, Unavailable if the user or group
        is being changed at the moment.
        """
        ...
