"""Embedding: the portal in a frame of a product's own page (docs/embed.md).

A product's backend creates a one-time ticket. Its page submits the ticket as a form into a frame, which starts an embed
session: one of a member, but only for the areas, the permissions and the parent origin of the ticket.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from portal.directory.errors import Unauthenticated
from portal.directory.frames import ColorScheme, EmbedArea, Embedding
from portal.directory.locales import Locale
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.sessions import SignedIn

TICKET_LIFETIME = timedelta(seconds=60)
SESSION_IDLE = timedelta(minutes=15)
SESSION_DURATION = timedelta(hours=1)  # renewed by another ticket
MAX_PERMISSIONS = 200  # of one ticket
MAX_PATH = 1024  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTicket:
    """What a product asks for. Either `member_id` or the token or JWT of the member's session at the product names the member.

    With `shares_lifetime`, which needs a session, ending that session ends the embed session and the other way round.
    """

    areas: tuple[EmbedArea, ...]
    parent_origin: str
    member_id: str = ""
    session_token: str = field(default="", repr=False)
    shares_lifetime: bool = False
    read_only: bool = False
    permissions: tuple[str, ...] | None = None
    color_scheme: ColorScheme = ColorScheme.AUTO
    locale: Locale = "en"
    path: str = ""


@dataclass(frozen=True, slots=True)
class CreatedTicket:
    """A ticket with its secret, which is shown only once."""

    ticket_id: str
    ticket: str = field(repr=False)
    expires_at: datetime


class TicketStatus(StrEnum):
    """Whether a ticket can still be used."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class EmbedTicket:
    """A ticket in the list of an organization's tickets."""

    ticket_id: str
    member_id: str
    member_name: str
    status: TicketStatus
    embedding: Embedding
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins that may frame the portal of an organization: those of the project and its own."""

    of_project: tuple[str, ...]
    own: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Return each origin once."""
        return tuple(dict.fromkeys((*self.of_project, *self.own)))


class TicketRejected(Unauthenticated):
    """A ticket is unknown, used, expired or revoked, or was submitted by a page of another origin (docs/embed.md)."""


class EmbeddingGateway(Protocol):
    """Tickets, origins and embed sessions of one organization."""

    def origins(self) -> Origins:
        """Return the registered origins. For everyone, without a query once the organization is known."""
        ...

    def idle_limit(self) -> timedelta:
        """Return how long an embed session may be unused before it ends. Without a query, as `origins`."""
        ...

    def add_origin(self, origin: str) -> None:
        """Register an origin of the organization's. Needs `gatehouse.embedding:update`.

        Raise Invalid with the field "origin" (docs/embed.md: exact, https, no wildcard; http on loopback only with
        ALLOW_HTTP; at most MAX_ORIGINS), Conflict if it's registered, Forbidden, StepUpRequired.
        """
        ...

    def remove_origin(self, origin: str) -> None:
        """Remove an origin of the organization's, and end the embed sessions of its pages. Raise NotFound, Forbidden, StepUpRequired."""
        ...

    def create_ticket(self, ticket: NewTicket) -> CreatedTicket:
        """Create a ticket, for the project only.

        Raise Invalid with the field, NotFound for an unknown member, Unauthenticated for a session that isn't live,
        Forbidden if the organization wants a second factor or another sign-in method than the session has.
        """
        ...

    def tickets(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[EmbedTicket]:
        """Return the tickets of the last day, newest first. Needs `gatehouse.embedding:get`. Raise InvalidCursor, Forbidden."""
        ...

    def revoke_ticket(self, ticket_id: str) -> None:
        """Revoke a ticket, and end the embed session that it started or renewed. Needs `gatehouse.embedding:update`. Raise NotFound, Forbidden."""
        ...

    def enter(self, ticket: str, *, parent_origin: str, session_tokens: Collection[str] = ()) -> SignedIn:
        """Use a ticket that a page of `parent_origin` submitted, and start an embed session. Raise TicketRejected.

        If the ticket would only repeat one of the live sessions with these tokens, prolong that one instead.
        """
        ...

    def enter_in_tab(self, ticket: str) -> SignedIn:
        """Start the session of a used ticket in a tab of its own, in place of one whose cookie never came back.

        Raise TicketRejected if the session has been used, or the ticket is more than TICKET_LIFETIME old.
        """
        ...

    def renew(self, ticket: str, *, parent_origin: str, session_token: str) -> SignedIn:
        """Use a ticket to prolong a live embed session of the same member and parent origin, with what the ticket allows.

        Raise TicketRejected, SessionEnded.
        """
        ...

    def authenticate(self, session_token: str) -> SignedIn:
        """Return a live embed session, and record its use. Raise SessionEnded, which names the parent origin if it's known."""
        ...

    def has_acted_since(self, since: datetime) -> bool:
        """Say whether the acting member changed something on the portal's own pages since then, to continue in their frame."""
        ...
