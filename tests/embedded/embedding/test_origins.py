"""The origins of the pages that may embed the portal, and tickets as an organization's admins see them."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from portal.directory.configuration import Embed, ProjectConfiguration
from portal.directory.embed_origins import MAX_ORIGINS
from portal.directory.embedding import Origins, TicketStatus
from portal.directory.errors import Conflict, Forbidden, Invalid, InvalidCursor, NotFound, StepUpRequired
from portal.directory.ids import public_id
from portal.directory.sessions import SessionEndCause, SessionEnded
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.embedding import tickets
from portal.embedded.tasks.jobs import JOBS
from tests import factories
from tests.embedded.embedding.conftest import (
    OTHER_PAGE,
    PAGE,
    browser,
    framed,
    product,
    register,
    row_of,
    ticket_of,
    wanted,
)

pytestmark = pytest.mark.django_db
START = timezone.now().replace(microsecond=0)


def acting(member: models.MemberRow) -> EmbeddedDirectory:
    return browser().acting_as(browser().sessions.authenticate(factories.session_token(member)))


def test_an_admin_registers_and_removes_an_origin(ada: models.MemberRow) -> None:
    acting(ada).embedding.add_origin(OTHER_PAGE)
    assert browser().embedding.origins() == Origins((), (PAGE, OTHER_PAGE))
    stays, ends = framed(ada), framed(ada, parent_origin=OTHER_PAGE)

    acting(ada).embedding.remove_origin(OTHER_PAGE)
    assert browser().embedding.origins().all == (PAGE,)
    assert browser().embedding.authenticate(stays.session_token)
    with pytest.raises(SessionEnded):
        browser().embedding.authenticate(ends.session_token)
    assert row_of(ends).revoked_because == SessionEndCause.ADMIN
    assert row_of(stays).revoked_at is None
    entries = models.ActivityEntryRow.objects.filter(action__contains="origin").order_by("pk")
    assert [(one.action, one.before, one.after) for one in entries] == [
        ("organization.add_embed_origin", {}, {"parent_origin": OTHER_PAGE}),
        ("organization.remove_embed_origin", {"parent_origin": OTHER_PAGE}, {"sessions": 1}),
    ]


def test_an_origin_that_comes_back_revives_no_session(ada: models.MemberRow) -> None:
    token = framed(ada).session_token
    product().embedding.remove_origin(PAGE)
    product().embedding.add_origin(PAGE)

    with pytest.raises(SessionEnded):
        browser().embedding.authenticate(token)


def test_origins_are_of_one_organization(ada: models.MemberRow) -> None:
    factories.organization("globex")
    assert product("globex").embedding.origins().all == ()
    with pytest.raises(NotFound):
        product("globex").embedding.remove_origin(PAGE)


def test_the_projects_origins_are_listed_and_not_removed(ada: models.MemberRow, settings: Settings) -> None:
    settings.PROJECT = ProjectConfiguration(embed=Embed((OTHER_PAGE, PAGE)))
    token = framed(ada).session_token

    assert product().embedding.origins() == Origins((OTHER_PAGE, PAGE), (PAGE,))
    assert product().embedding.origins().all == (OTHER_PAGE, PAGE)
    with pytest.raises(NotFound):
        product().embedding.remove_origin(OTHER_PAGE)
    with pytest.raises(Conflict, match="every organization"):
        product().embedding.add_origin(OTHER_PAGE)
    # It's registered for the project still.
    product().embedding.remove_origin(PAGE)
    assert browser().embedding.authenticate(token)


@pytest.mark.parametrize("origin", [PAGE, PAGE.upper(), "https://*.example.com", "http://app.example.com", "x"])
def test_an_origin_that_cannot_be_added_is_rejected(ada: models.MemberRow, origin: str) -> None:
    with pytest.raises((Conflict, Invalid)) as caught:
        product().embedding.add_origin(origin)
    assert caught.value.field == "origin"
    assert product().embedding.origins().own == (PAGE,)


def test_an_organization_has_a_number_of_origins(ada: models.MemberRow, acme: models.OrganizationRow) -> None:
    register(acme, *(f"https://app{number}.example.com" for number in range(MAX_ORIGINS)))
    with pytest.raises(Invalid, match="at most 20"):
        product().embedding.add_origin(PAGE)


def test_plain_http_of_this_computer_needs_its_setting(ada: models.MemberRow, settings: Settings) -> None:
    settings.ALLOW_HTTP = False
    with pytest.raises(Invalid, match="only where the portal itself does"):
        product().embedding.add_origin("http://localhost:3000")
    settings.ALLOW_HTTP = True
    product().embedding.add_origin("http://localhost:3000")


def test_changing_origins_needs_a_permission_and_a_recent_proof(
    ada: models.MemberRow, acme: models.OrganizationRow
) -> None:
    ben = factories.member(acme, "ben@acme.example")
    for change in (acting(ben).embedding.add_origin, acting(ben).embedding.remove_origin):
        with pytest.raises(Forbidden):
            change(OTHER_PAGE)
    with pytest.raises(Forbidden):
        acting(ben).embedding.tickets()
    with pytest.raises(Forbidden):
        acting(ben).embedding.revoke_ticket("x")
    admin = acting(ada)
    models.MemberSessionRow.objects.update(password_entered_at=None)
    admin = browser().acting_as(browser().sessions.authenticate(factories.session_token(ada)))
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        for change in (admin.embedding.add_origin, admin.embedding.remove_origin):
            with pytest.raises(StepUpRequired):
                change(OTHER_PAGE)


def test_tickets_are_listed_newest_first(ada: models.MemberRow) -> None:
    created = []
    for number in range(5):
        with time_machine.travel(START + timedelta(seconds=number), tick=False):
            created.append(product().embedding.create_ticket(wanted(ada, path=f"scim/?n={number}")))
    with time_machine.travel(START + timedelta(seconds=5), tick=False):
        browser().embedding.enter(created[1].ticket, parent_origin=PAGE)
        product().embedding.revoke_ticket(created[2].ticket_id)
        first = acting(ada).embedding.tickets(limit=2)
        rest = acting(ada).embedding.tickets(limit=3, cursor=first.next_cursor)
        found = [*first.items, *rest.items]
    assert rest.next_cursor is None
    assert [one.ticket_id for one in found] == [one.ticket_id for one in reversed(created)]
    open_, used, revoked = TicketStatus.OPEN, TicketStatus.USED, TicketStatus.REVOKED
    assert [one.status for one in found] == [open_, open_, revoked, used, open_]
    assert (found[0].member_name, found[0].member_id) == ("Ada", public_id("member", ada.pk))
    assert found[0].embedding.path == "scim/?n=4"
    with time_machine.travel(START + timedelta(minutes=2), tick=False):
        assert product().embedding.tickets(limit=1).items[0].status is TicketStatus.EXPIRED
        with pytest.raises(InvalidCursor):
            product().embedding.tickets(cursor="x")
    with time_machine.travel(START + timedelta(hours=25), tick=False):
        assert product().embedding.tickets().items == ()


def test_a_revoked_ticket_ends_its_frame(ada: models.MemberRow) -> None:
    created = product().embedding.create_ticket(wanted(ada))
    token = browser().embedding.enter(created.ticket, parent_origin=PAGE).session_token
    acting(ada).embedding.revoke_ticket(created.ticket_id)
    acting(ada).embedding.revoke_ticket(created.ticket_id)

    with pytest.raises(SessionEnded) as caught:
        browser().embedding.authenticate(token)
    assert caught.value.end is not None
    assert caught.value.end.cause is SessionEndCause.ADMIN
    actions = models.ActivityEntryRow.objects.values_list("action", flat=True)
    assert [actions.filter(action=one).count() for one in ("embed_ticket.revoke", "member_session.revoke")] == [1, 1]


def test_tickets_of_another_organization_are_not_here(ada: models.MemberRow) -> None:
    factories.organization("globex")
    created = product().embedding.create_ticket(wanted(ada))

    assert product("globex").embedding.tickets().items == ()
    with pytest.raises(NotFound):
        product("globex").embedding.revoke_ticket(created.ticket_id)


def test_old_tickets_are_deleted(ada: models.MemberRow) -> None:
    with time_machine.travel(START, tick=False):
        ticket_of(ada)
    with time_machine.travel(START + timedelta(hours=20), tick=False):
        ticket_of(ada)
        assert tickets.prune() == 0
    with time_machine.travel(START + timedelta(hours=25), tick=False):
        assert tickets.prune() == 1
    assert models.EmbedTicketRow.objects.count() == 1
    assert "prune_embed_tickets" in {one.name for one in JOBS}
