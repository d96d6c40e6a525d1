"""Inviting many people at once: a list that is checked, then a background job with a result for each line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page

MAX_LINES = 5000


class JobState(StrEnum):
    """What happens with a list."""

    # Checked, and not started.
    DRAFT = "draft"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELED = "canceled"


class LineState(StrEnum):
    """What happens or happened with a line."""

    # The person can be invited, and will be if the job runs.
    READY = "ready"
    # They were invited: the email is sent or about to be.
    SENT = "sent"
    # The rest isn't invited.
    MEMBER = "member"
    INVITED = "invited"
    DEACTIVATED = "deactivated"
    DUPLICATE = "duplicate"
    INVALID = "invalid"
    # The organization doesn't let this address be invited.
    NOT_ALLOWED = "not_allowed"
    # A role that the acting member can't give.
    ROLE = "role"
    # Something else was in the way when the job came to the line.
    FAILED = "failed"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class DraftLine:
    """A line as it was entered. `problem` says why it can't be read, "" if it can."""

    number: int
    email_address: str
    name: str = ""
    roles: tuple[str, ...] = ()
    locale: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class InvitationLine:
    """A line and what happens or happened with it; `reason` says why the person isn't invited."""

    number: int
    email_address: str
    name: str
    roles: tuple[str, ...]
    locale: str
    state: LineState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class InvitationJob:
    """A list of people to invite, with the number of lines in each state."""

    job_id: str
    state: JobState
    created_by_name: str
    counts: Mapping[LineState, int]
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    # Whether the acting member entered the list.
    is_own: bool = False

    @property
    def total(self) -> int:
        """How many lines there are."""
        return sum(self.counts.values())

    @property
    def ready(self) -> int:
        """How many people can be invited, or still wait for it."""
        return self.counts.get(LineState.READY, 0)

    @property
    def sent(self) -> int:
        """How many people were invited."""
        return self.counts.get(LineState.SENT, 0)

    @property
    def others(self) -> int:
        """How many lines invite nobody."""
        return self.total - self.ready - self.sent

    @property
    def percent(self) -> int:
        """How much is done."""
        return 100 * (self.total - self.ready) // self.total if self.total else 100


class BulkInvitationGateway(Protocol):
    """Lists of people to invite. Each method needs `stytch.member:create`. A list of another organization isn't found."""

    def draft(self, lines: Sequence[DraftLine]) -> InvitationJob:
        """Check lines and keep them for a day, or longer once the job is started. Nobody is invited yet.

        It replaces the acting member's draft before. Raise Invalid unless there are 1 to 5,000 lines, Forbidden.
        """
        ...

    def get(self, job_id: str) -> InvitationJob:
        """Return a list. Raise NotFound, Forbidden."""
        ...

    def recent(self) -> tuple[InvitationJob, ...]:
        """Return the newest jobs that were started, at most 10."""
        ...

    def lines(
        self, job_id: str, *, state: LineState | None = None, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[InvitationLine]:
        """Return a page of the lines in their order, or of those in one state. Raise NotFound, InvalidCursor, Forbidden."""
        ...

    def start(self, job_id: str) -> InvitationJob:
        """Invite the people of a draft, in the background, in the name of the acting member.

        The permissions are checked now, and again for each line. Raise NotFound, Forbidden, Conflict if it isn't a draft of
        the acting member, StepUpRequired if lines have roles, TooManyRequests.
        """
        ...

    def cancel(self, job_id: str) -> InvitationJob:
        """Leave out the lines that the job hasn't come to. Raise NotFound, Forbidden, Conflict if it doesn't run."""
        ...
