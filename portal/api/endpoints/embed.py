"""Embedding: tickets for frames of the portal, and the origins of the pages around them. Stytch has no such methods."""

from datetime import datetime
from enum import StrEnum
from typing import TypeVar

import msgspec
from django.conf import settings

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import endpoint
from portal.api.errors.responses import ApiError
from portal.api.rights import Rights
from portal.directory.embedding import EmbedTicket, NewTicket, Origins
from portal.directory.errors import Invalid
from portal.directory.frames import ColorScheme, EmbedArea
from portal.directory.locales import LOCALES, known_locale
from portal.directory.pages import DEFAULT_LIMIT

_TICKETS = "organizations/{organization_id}/embed/tickets"
_ORIGINS = "organizations/{organization_id}/embed/origins"
_RESOURCE = "gatehouse.embedding"
Choice = TypeVar("Choice", bound=StrEnum)


class CreateTicketRequest(msgspec.Struct, kw_only=True):
    """The areas and the page around them, and the member: by ID, or by the token or JWT of their session at the product."""

    areas: list[str]
    parent_origin: str
    member_id: str | None = None
    session_token: str | None = None
    session_jwt: str | None = None
    shares_lifetime: bool = False
    read_only: bool = False
    permissions: list[str] | None = None
    theme: str = str(ColorScheme.AUTO)
    locale: str = "en"
    path: str = ""


class CreateTicketResponse(msgspec.Struct):
    """A ticket, and the URL to which the page submits it."""

    ticket_id: str
    ticket: str
    url: str
    expires_at: datetime


class TicketsRequest(msgspec.Struct):
    """A page of tickets."""

    cursor: str | None = None
    limit: int | None = None


class Ticket(msgspec.Struct):
    """A ticket without its secret. `status` is open, used, expired or revoked."""

    ticket_id: str
    member_id: str
    status: str
    areas: list[str]
    parent_origin: str
    read_only: bool
    permissions: list[str] | None
    theme: str
    locale: str
    path: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class TicketsResponse(msgspec.Struct):
    """Tickets of the last day, newest first; `next_cursor` is null on the last page."""

    tickets: list[Ticket]
    next_cursor: str | None


class TicketRequest(msgspec.Struct):
    """A ticket of the organization."""

    ticket_id: str


class OriginRequest(msgspec.Struct):
    """An origin such as https://app.example.com."""

    origin: str


class OriginsResponse(msgspec.Struct):
    """The origins whose pages may embed the portal of the organization: those of the project, and its own."""

    project_origins: list[str]
    own_origins: list[str]


@endpoint("embed.tickets.create", f"POST {_TICKETS}", rights=None, is_ours=True)
def create_ticket(caller: Caller, request: CreateTicketRequest) -> CreateTicketResponse:
    """Create a one-time ticket, valid for a minute, that a page of the product submits to open the portal in a frame."""
    if caller.signed_in is not None:
        raise ApiError(
            "embed_tickets_for_backends_only",
            "Send the member's session as session_token or session_jwt, without the session headers.",
        )
    if request.session_token and request.session_jwt:
        raise ApiError("too_many_session_arguments", "Send session_token or session_jwt, not both.")
    locale = known_locale(request.locale)
    if not locale:
        raise Invalid(
            f'locale has "{request.locale[:50]}". Use {", ".join(LOCALES)}.',
            field="locale",
            error_type="invalid_embed_ticket",
        )
    created = caller.directory.embedding.create_ticket(
        NewTicket(
            areas=tuple(_chosen(EmbedArea, one, "areas") for one in request.areas),
            parent_origin=request.parent_origin,
            member_id=request.member_id or "",
            session_token=request.session_token or request.session_jwt or "",
            shares_lifetime=request.shares_lifetime,
            read_only=request.read_only,
            permissions=None if request.permissions is None else tuple(request.permissions),
            color_scheme=_chosen(ColorScheme, request.theme, "theme"),
            locale=locale,
            path=request.path,
        )
    )
    slug = caller.directory.organization.get().organization_slug
    return CreateTicketResponse(
        created.ticket_id, created.ticket, f"{settings.EMBED_URL}/o/{slug}/embed/", created.expires_at
    )


@endpoint("embed.tickets.list", f"GET {_TICKETS}", rights=Rights(_RESOURCE, "get"), is_ours=True)
def list_tickets(caller: Caller, request: TicketsRequest) -> TicketsResponse:
    """Return the tickets of the last day, newest first, without their secrets."""
    page = caller.directory.embedding.tickets(cursor=request.cursor, limit=request.limit or DEFAULT_LIMIT)
    return TicketsResponse([_ticket(one) for one in page.items], page.next_cursor)


@endpoint("embed.tickets.revoke", f"DELETE {_TICKETS}/{{ticket_id}}", rights=Rights(_RESOURCE, "update"), is_ours=True)
def revoke_ticket(caller: Caller, request: TicketRequest) -> wire.Empty:
    """Revoke a ticket, and end the session that it started or renewed."""
    caller.directory.embedding.revoke_ticket(request.ticket_id)
    return wire.Empty()


@endpoint("embed.origins.get", f"GET {_ORIGINS}", rights=Rights(_RESOURCE, "get"), is_ours=True)
def get_origins(caller: Caller, _request: wire.Empty) -> OriginsResponse:
    """Return the origins whose pages may embed the portal of the organization."""
    return _origins(caller.directory.embedding.origins())


@endpoint("embed.origins.add", f"POST {_ORIGINS}", rights=Rights(_RESOURCE, "update"), is_ours=True)
def add_origin(caller: Caller, request: OriginRequest) -> OriginsResponse:
    """Register an origin of the organization's own. It's exact: https, a host, and a port if it isn't 443."""
    embedding = caller.directory.embedding
    embedding.add_origin(request.origin)
    before = embedding.origins()
    return _origins(Origins(before.of_project, (*before.own, request.origin)))


@endpoint("embed.origins.remove", f"DELETE {_ORIGINS}", rights=Rights(_RESOURCE, "update"), is_ours=True)
def remove_origin(caller: Caller, request: OriginRequest) -> OriginsResponse:
    """Remove an origin of the organization's own, and end the sessions of the frames in its pages."""
    embedding = caller.directory.embedding
    embedding.remove_origin(request.origin)
    before = embedding.origins()
    return _origins(Origins(before.of_project, tuple(one for one in before.own if one != request.origin)))


def _origins(found: Origins) -> OriginsResponse:
    return OriginsResponse(list(found.of_project), list(found.own))


def _ticket(one: EmbedTicket) -> Ticket:
    allowed = one.embedding
    return Ticket(
        ticket_id=one.ticket_id,
        member_id=one.member_id,
        status=one.status,
        areas=[str(area) for area in allowed.areas],
        parent_origin=allowed.parent_origin,
        read_only=allowed.read_only,
        permissions=None if allowed.permissions is None else sorted(allowed.permissions),
        theme=allowed.color_scheme,
        locale=allowed.locale,
        path=allowed.path,
        created_at=one.created_at,
        expires_at=one.expires_at,
        used_at=one.used_at,
    )


def _chosen(choices: type[Choice], text: str, field: str) -> Choice:
    """Return a choice by its name. Raise Invalid with those that there are."""
    found = next((one for one in choices if one == text), None)
    if found is None:
        raise Invalid(
            f'{field} has "{text[:50]}". Use {", ".join(choices)}.', field=field, error_type="invalid_embed_ticket"
        )
    return found
