"""What the log of SCIM requests holds: one value for each call of an identity provider, and how to choose among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page


class ScimRefusal(StrEnum):
    """What was wrong with who called, or with the address; the identity provider is not told, the log is."""

    NO_TOKEN = "no_token"  # noqa: S105 -- a word, as those below
    NO_BEARER = "no_bearer"
    UNKNOWN_TOKEN = "unknown_token"  # noqa: S105
    EXPIRED_TOKEN = "expired_token"  # noqa: S105
    REVOKED_TOKEN = "revoked_token"  # noqa: S105
    # The token is another connection's, as the log of the connection says that the address names,
    FOREIGN_TOKEN = "foreign_token"  # noqa: S105
    # and as the log of the connection says whose token it is.
    OTHER_ADDRESS = "other_address"
    NO_CONNECTION_ID = "no_connection_id"
    CONNECTION_DELETED = "connection_deleted"
    # Everything was right, but an admin has paused the connection.
    PAUSED = "paused"
    # Everything was right, but anybody on the way could read it.
    PLAIN_HTTP = "plain_http"


FIRST_REFUSAL = 400  # of the statuses (RFC 9110, 15)


class ScimOutcome(StrEnum):
    """Whether a call did what it was made for."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ScimRequestFilter:
    """Which calls are wanted; what is not given does not matter. `since` is included, `until` is not."""

    outcome: ScimOutcome | None = None
    # "User" or "Group".
    resource_type: str = ""
    # The id of one person or one group.
    resource_id: str = ""
    method: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScimRequest:
    """One request of an identity provider and its outcome. Secrets aren't kept, and `subject` is all that is personal."""

    scim_request_id: str
    connection_id: str
    at: datetime
    method: str
    # What follows the connection's address.
    path: str
    query: str
    status: int
    scim_type: str
    detail: str
    # What was wrong with who called, or with the address; the answer does not say it.
    refusal: ScimRefusal | None
    duration_ms: int
    # "User", "Group" or "".
    resource_type: str
    resource_id: str
    # What the person or group is called now; "" where there is none, or none any more.
    resource_name: str
    # Of a failed request: the userName or other name that it has of the person or group, or the id that isn't known.
    subject: str
    # Who else has the name now; "" for no one.
    holder_id: str
    holder_name: str
    changed_attributes: tuple[str, ...]
    token_last_four: str
    ip_address: str
    user_agent: str
    request_id: str
    # JSON with values masked; not read for lists.
    body: str = ""
    is_body_cut: bool = False
    # Why it cannot be tried again; "" where it can.
    replay_obstacle: str = ""

    @property
    def outcome(self) -> ScimOutcome:
        """Whether it did what it was made for."""
        return ScimOutcome.REFUSED if self.status >= FIRST_REFUSAL else ScimOutcome.SUCCEEDED


@dataclass(frozen=True, slots=True)
class ScimReplayAttribute:
    """An attribute that a call would change, as JSON with personal values masked; "" for none."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ScimReplayChange:
    """What a call would do to one person, group or member; `action` is that of the activity log, `noun.verb`."""

    action: str
    target_id: str
    target_name: str
    attributes: tuple[ScimReplayAttribute, ...]
    # The names of the first hundred, and how many there are.
    joining: tuple[str, ...]
    leaving: tuple[str, ...]
    joining_number: int
    leaving_number: int


@dataclass(frozen=True, slots=True)
class ScimReplay:
    """How a call would be answered now, and what it would change: nothing of it has happened."""

    status: int
    scim_type: str
    detail: str
    changes: tuple[ScimReplayChange, ...]
    # The log does not keep the values of these, so they were tried with others.
    masked_attributes: tuple[str, ...]
    is_body_cut: bool
    # It named a version, which the log does not keep.
    has_lost_its_version: bool


class ScimLogGateway(Protocol):
    """What the IdP asked for, call by call, and how it was answered. Needs `stytch.scim:get`.

    A directory that does not hear the IdP itself raises NotOffered, with the reason, whatever it is asked.
    """

    @property
    def kept_days(self) -> int:
        """For how many days calls are kept."""
        ...

    def page(
        self, connection_id: str, wanted: ScimRequestFilter = ..., *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimRequest]:
        """Return a page of a connection's calls, newest first, without their bodies; the connection may be a deleted one.

        `limit` is 1 to 1000. Where few calls are wanted the search ends after some thousand and says so: `searched_to`.
        Raises Invalid, InvalidCursor, NotFound, NotOffered.
        """
        ...

    def get(self, scim_request_id: str) -> ScimRequest:
        """Return one call with its body. Raises NotFound, NotOffered."""
        ...

    def export(self, connection_id: str, wanted: ScimRequestFilter = ...) -> Iterator[ScimRequest]:
        """Return the newest calls with their bodies, 100,000 at most, and write into the activity log who took them.

        Raises NotFound, NotOffered. The calls are read while they are iterated over.
        """
        ...

    def replay(self, scim_request_id: str) -> ScimReplay:
        """Return what a refused call would do now, in every rule; nothing at all is changed.

        Raises NotFound, NotOffered, Conflict (it cannot be tried again), Unavailable (what it is about is in use).
        """
        ...
