"""Tickets that start the session of a frame, once, for the page that they were created for."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from portal.directory.configuration import Embed, ProjectConfiguration
from portal.directory.embedding import SESSION_DURATION, TICKET_LIFETIME, TicketRejected
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from portal.directory.frames import ColorScheme, EmbedArea
from portal.directory.members import MemberStatus
from portal.directory.sessions import SessionEnded
from portal.embedded import models
from portal.embedded.tokens import token_hash
from tests import factories
from tests.embedded.embedding.conftest import (
    OTHER_PAGE,
    PAGE,
    browser,
    framed,
    later,
    product,
    product_session,
    register,
    row_of,
    ticket_of,
    wanted,
)

pytestmark = pytest.mark.django_db


def test_a_ticket_opens_a_frame(ada: models.MemberRow) -> None:
    created = product().embedding.create_ticket(
        wanted(
            ada,
            read_only=True,
            permissions=("stytch.member:search",),
            color_scheme=ColorScheme.DARK,
            locale="de-DE",
            path="members/?q=x",
        )
    )
    now = timezone.now()
    assert timedelta(seconds=55) < created.expires_at - now <= TICKET_LIFETIME
    assert created.ticket not in repr(created)

    entered = browser().embedding.enter(created.ticket, parent_origin=PAGE)
    session = browser().embedding.authenticate(entered.session_token).session

    embedding = session.embedding
    assert embedding is not None
    assert embedding == entered.session.embedding
    assert (embedding.ticket_id, embedding.parent_origin) == (created.ticket_id, PAGE)
    assert embedding.areas == (EmbedArea.MEMBERS, EmbedArea.SCIM)
    assert (embedding.read_only, embedding.permissions) == (True, frozenset({"stytch.member:search"}))
    assert (embedding.color_scheme, embedding.locale, embedding.path) == (ColorScheme.DARK, "de-DE", "members/?q=x")
    assert timedelta(minutes=59) < session.expires_at - now <= SESSION_DURATION + timedelta(seconds=5)
    assert entered.member.email_address == "ada@acme.example"
    assert session.password_entered_at is None


def test_only_the_hash_of_a_ticket_is_stored(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)

    assert models.EmbedTicketRow.objects.filter(token_hash=token_hash(ticket)).count() == 1
    assert ticket not in str(list(models.EmbedTicketRow.objects.values()))
    assert ticket not in str(list(models.ActivityEntryRow.objects.values()))


def test_a_ticket_works_once(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)
    browser().embedding.enter(ticket, parent_origin=PAGE)

    with pytest.raises(TicketRejected, match="used already"):
        browser().embedding.enter(ticket, parent_origin=PAGE)
    assert models.MemberSessionRow.objects.count() == 1


def test_a_ticket_works_for_a_minute(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)

    with time_machine.travel(later(seconds=61)), pytest.raises(TicketRejected, match="expired"):
        browser().embedding.enter(ticket, parent_origin=PAGE)


def test_a_revoked_ticket_opens_nothing(ada: models.MemberRow) -> None:
    created = product().embedding.create_ticket(wanted(ada))
    product().embedding.revoke_ticket(created.ticket_id)

    with pytest.raises(TicketRejected, match="revoked"):
        browser().embedding.enter(created.ticket, parent_origin=PAGE)


def test_a_ticket_of_another_organization_opens_nothing(ada: models.MemberRow) -> None:
    other = factories.organization("globex")
    register(other, PAGE)
    ticket = ticket_of(ada)

    with pytest.raises(TicketRejected, match="doesn't exist"):
        browser("globex").embedding.enter(ticket, parent_origin=PAGE)
    with pytest.raises(TicketRejected, match="doesn't exist"):
        browser("globex").embedding.enter_in_tab(ticket)
    assert browser().embedding.enter(ticket, parent_origin=PAGE)


@pytest.mark.parametrize("ticket", ["", "x", "a" * 64, "é" * 500])
def test_anything_else_opens_nothing(ada: models.MemberRow, ticket: str) -> None:
    with pytest.raises(TicketRejected):
        browser().embedding.enter(ticket, parent_origin=PAGE)


@pytest.mark.parametrize("origin", [OTHER_PAGE, "", "null", PAGE + ":8443", PAGE.upper()])
def test_a_page_of_another_origin_uses_up_the_ticket(ada: models.MemberRow, acme: Any, origin: str) -> None:
    """Someone else has it, so nobody may use it."""
    register(acme, PAGE, OTHER_PAGE)
    ticket = ticket_of(ada)

    with pytest.raises(TicketRejected, match="is for pages of"):
        browser().embedding.enter(ticket, parent_origin=origin)
    with pytest.raises(TicketRejected, match="revoked"):
        browser().embedding.enter(ticket, parent_origin=PAGE)


def test_an_origin_that_is_no_longer_registered_opens_nothing(ada: models.MemberRow, acme: Any) -> None:
    ticket = ticket_of(ada)
    register(acme, OTHER_PAGE)

    with pytest.raises(TicketRejected, match="no longer registered"):
        browser().embedding.enter(ticket, parent_origin=PAGE)


def test_an_origin_that_was_removed_a_moment_ago_opens_nothing(ada: models.MemberRow, acme: Any) -> None:
    """The request began before, and has read the organization."""
    ticket, directory = ticket_of(ada), browser()
    assert directory.embedding.origins().own == (PAGE,)
    product().embedding.remove_origin(PAGE)

    with pytest.raises(TicketRejected, match="no longer registered"):
        directory.embedding.enter(ticket, parent_origin=PAGE)


def test_the_projects_origins_count_for_every_organization(ada: models.MemberRow, settings: Settings) -> None:
    settings.PROJECT = ProjectConfiguration(embed=Embed((OTHER_PAGE,)))
    signed_in = framed(ada, parent_origin=OTHER_PAGE)
    assert browser().embedding.authenticate(signed_in.session_token)

    settings.PROJECT = ProjectConfiguration()
    with pytest.raises(SessionEnded) as caught:
        browser().embedding.authenticate(signed_in.session_token)
    assert caught.value.parent_origin == ""


def test_a_member_who_is_deactivated_enters_nothing(ada: models.MemberRow) -> None:
    ticket = ticket_of(ada)
    models.MemberRow.objects.filter(pk=ada.pk).update(status=MemberStatus.DELETED)

    with pytest.raises(TicketRejected, match="isn't active"):
        browser().embedding.enter(ticket, parent_origin=PAGE)
    assert models.EmbedTicketRow.objects.get().used_at is None


def test_a_deleted_organization_opens_nothing(ada: models.MemberRow, acme: Any) -> None:
    ticket = ticket_of(ada)
    models.OrganizationRow.objects.update(deleted_at=timezone.now())

    with pytest.raises(NotFound):
        browser().embedding.enter(ticket, parent_origin=PAGE)


def test_only_the_project_creates_tickets(ada: models.MemberRow) -> None:
    signed_in = framed(ada)
    for directory in (browser(), browser().acting_as(signed_in), product().acting_as(signed_in)):
        with pytest.raises(Forbidden):
            directory.embedding.create_ticket(wanted(ada))


def test_without_a_host_for_frames_there_are_no_tickets(ada: models.MemberRow, settings: Settings) -> None:
    settings.EMBED_URL = ""
    with pytest.raises(Conflict, match="Set EMBED_URL"):
        ticket_of(ada)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("areas", {"areas": ()}),
        ("areas", {"areas": (EmbedArea.SCIM, EmbedArea.SCIM)}),
        ("parent_origin", {"parent_origin": "https://*.example.com"}),
        ("parent_origin", {"parent_origin": OTHER_PAGE}),
        ("parent_origin", {"parent_origin": PAGE + "/"}),
        ("permissions", {"permissions": ()}),
        ("permissions", {"permissions": ("stytch.member:fly",)}),
        ("permissions", {"permissions": ("stytch.member:*",)}),
        ("permissions", {"permissions": ("stytch.member:search",) * 201}),
        ("locale", {"locale": "tlh"}),
        ("member_id", {"member_id": ""}),
        ("member_id", {"session_token": "both"}),
        ("shares_lifetime", {"shares_lifetime": True}),
        *(
            ("path", {"path": path})
            for path in (
                "/scim/",
                "//evil.example/",
                "scim//evil.example",
                "scim/%2f%2fevil.example",
                "scim/../settings/",
                "scim/%2e%2e/settings/",
                "scim/./",
                "scim\\..\\settings",
                "scim/%5c",
                "scim/\r\nX: y",
                "scim/%0d%0a",
                "scim/#part",
                "scim/é",
                "settings/",
                "account/",
                "scimitar/",
                "?q=x",
                "https://evil.example/scim/",
                "scim/" + "x" * 1024,
            )
        ),
    ],
)
def test_every_field_is_checked(ada: models.MemberRow, field: str, change: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        ticket_of(ada, **change)
    assert caught.value.field == field
    assert models.EmbedTicketRow.objects.count() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"path": "scim/groups/?q=a%20b&sort=-name"},
        {"path": "members/member-live-1/"},
        {"areas": tuple(EmbedArea)},
        {"areas": (EmbedArea.HOME,), "path": ""},
        {"areas": (EmbedArea.HOME,), "path": "?q=1"},
    ],
)
def test_what_a_ticket_can_have(ada: models.MemberRow, change: dict[str, Any]) -> None:
    assert framed(ada, **change)


def test_a_member_of_another_organization_gets_no_ticket(ada: models.MemberRow, acme: Any) -> None:
    other = factories.organization("globex")
    register(other, PAGE)
    stranger = factories.member(other, "ada@acme.example")

    with pytest.raises(NotFound):
        product().embedding.create_ticket(wanted(stranger))
    with pytest.raises(Unauthenticated):
        product().embedding.create_ticket(wanted(session_token=product_session(stranger)))


@pytest.mark.parametrize("status", [MemberStatus.INVITED, MemberStatus.PENDING, MemberStatus.DELETED])
def test_only_active_members_get_tickets(ada: models.MemberRow, status: str) -> None:
    models.MemberRow.objects.filter(pk=ada.pk).update(status=status)
    with pytest.raises(NotFound):
        ticket_of(ada)


def test_what_is_entered_is_in_the_activity_log(ada: models.MemberRow) -> None:
    signed_in = framed(ada, read_only=True)

    entries = {one.action: one for one in models.ActivityEntryRow.objects.all()}
    assert set(entries) == {"embed_ticket.create", "member_session.embed"}
    created, entered = entries["embed_ticket.create"], entries["member_session.embed"]
    assert created.actor_type == "project"
    assert created.after == {"areas": ["members", "scim"], "parent_origin": PAGE, "read_only": True}
    assert entered.actor_name == "Ada"
    assert entered.after == {"parent_origin": PAGE}
    assert (entered.ip_address, entered.user_agent) == ("192.0.2.7", "Firefox")
    assert row_of(signed_in).user_agent == "Firefox"
