"""Acme, whose portal one page may embed, as its product, as a frame and as a browser open it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.embedding import NewTicket
from portal.directory.frames import EmbedArea
from portal.directory.ids import public_id
from portal.directory.sessions import SignedIn
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.scope import Scope
from tests import factories

PROJECT = Actor(ActorType.PROJECT, "secret-live-1", "secret …abcd")
PAGE, OTHER_PAGE = "https://app.example.com", "https://other.example.com"
Reloaded = Callable[[models.OrganizationRow], models.OrganizationRow]


@pytest.fixture
def acme(db: None, settings: Settings) -> models.OrganizationRow:
    settings.EMBED_URL = "https://embed.example.com"
    row = factories.organization("acme")
    register(row, PAGE)
    return row


@pytest.fixture
def ada(acme: models.OrganizationRow) -> models.MemberRow:
    """An admin of Acme."""
    return factories.member(acme, "ada@acme.example", name="Ada", roles=["stytch_admin"])


def register(organization: models.OrganizationRow, *origins: str) -> None:
    models.OrganizationRow.objects.filter(pk=organization.pk).update(embed_origins=list(origins))


def product(slug: str = "acme") -> EmbeddedDirectory:
    """The organization as the product's backend opens it."""
    return EmbeddedDirectory(Scope(slug, Origin("192.0.2.1", "a product"), project=PROJECT))


def browser(slug: str = "acme") -> EmbeddedDirectory:
    """The organization as a page of the portal opens it for a visitor."""
    return EmbeddedDirectory(Scope(slug, Origin("192.0.2.7", "Firefox", request_id="request-id-live-7")))


def wanted(member: models.MemberRow | None = None, **more: Any) -> NewTicket:
    ticket = NewTicket(areas=(EmbedArea.MEMBERS, EmbedArea.SCIM), parent_origin=PAGE)
    return replace(ticket, **{"member_id": public_id("member", member.pk) if member else "", **more})


def ticket_of(member: models.MemberRow, **more: Any) -> str:
    return product(member.organization.slug).embedding.create_ticket(wanted(member, **more)).ticket


def framed(member: models.MemberRow, **more: Any) -> SignedIn:
    """Return the new session of a frame."""
    origin = more.get("parent_origin", PAGE)
    return browser(member.organization.slug).embedding.enter(ticket_of(member, **more), parent_origin=origin)


def frame(member: models.MemberRow, **more: Any) -> EmbeddedDirectory:
    """The organization as a frame opens it."""
    return browser(member.organization.slug).acting_as(framed(member, **more))


def row_of(signed_in: SignedIn) -> models.MemberSessionRow:
    key = signed_in.session.member_session_id.removeprefix("member-session-live-")
    return models.MemberSessionRow.objects.get(pk=key)


def product_session(member: models.MemberRow) -> str:
    return factories.product_session_token(member)


def later(**time: float) -> Any:
    return timezone.now() + timedelta(**time)
