"""The limits that an organization sets for its sessions: when they are created, when they are used, and when they change."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Forbidden, Invalid, Unauthenticated
from portal.directory.organizations import OrganizationChanges
from portal.directory.sessions import SessionEndCause, SessionEnded, SessionTerms
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.project import EmbeddedProject
from portal.embedded.scope import Scope
from portal.embedded.sessions import session_limits
from tests import factories
from tests.conftest import PASSWORD
from tests.embedded.conftest import api_session, row_of
from tests.tasks import run_tasks

pytestmark = pytest.mark.django_db
START = timezone.now().replace(microsecond=0)


def at(minutes: float) -> time_machine.travel:
    return time_machine.travel(START + timedelta(minutes=minutes), tick=False)


def change(admin: models.MemberRow, **values: Any) -> None:
    scope = Scope(admin.organization.slug, Origin(), project=Actor(ActorType.PROJECT, "secret"))
    EmbeddedDirectory(scope).organization.update(OrganizationChanges(**values))
    admin.organization.refresh_from_db()


def portal(admin: models.MemberRow) -> EmbeddedDirectory:
    return EmbeddedDirectory(Scope(admin.organization.slug, Origin()))


def test_sessions_of_products_end_at_the_organizations_limits(known: EmbeddedProject, admin: models.MemberRow) -> None:
    with at(0):
        change(admin, session_idle_minutes=30, session_duration_minutes=120)
        used, unused = (api_session(admin, SessionTerms(duration_minutes=1440)) for _ in range(2))
        # The product asked for a day, and more later.
        assert used.session.expires_at == START + timedelta(minutes=120)
        longer = known.open_session(used.session_token)[1].sessions.extend(SessionTerms(duration_minutes=1440))
        assert longer.session.expires_at == START + timedelta(minutes=120)
    for minutes in (29, 58, 87, 116):
        with at(minutes):
            known.open_session(used.session_token)
    for token, minutes in ((unused.session_token, 31), (used.session_token, 120)):
        with at(minutes), pytest.raises(Unauthenticated):
            known.open_session(token)


def test_the_portals_sessions_end_at_the_lower_of_both_limits(admin: models.MemberRow) -> None:
    with at(0):
        change(admin, session_idle_minutes=10, session_duration_minutes=100_000)
        token = portal(admin).sessions.sign_in(email_address=admin.email_address, password=PASSWORD).session_token
    with at(11), pytest.raises(SessionEnded) as ended:
        portal(admin).sessions.authenticate(token)
    assert ended.value.end is not None
    assert (ended.value.end.cause, ended.value.end.minutes) == (SessionEndCause.IDLE, 10)


def test_a_lower_limit_ends_sessions_for_good(
    known: EmbeddedProject, admin: models.MemberRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_limits, "MAX_ENDING", 1)
    other = factories.member(factories.organization("other"), "gil@other.example")
    with at(0):
        old = [api_session(admin, SessionTerms(duration_minutes=1440)) for _ in range(3)]
        elsewhere = api_session(other, SessionTerms(duration_minutes=1440))
    with at(60):
        new = api_session(admin, SessionTerms(duration_minutes=1440))
        change(admin, session_duration_minutes=30)
        # One at once, and the others by a task, which no longer work before that.
        assert [row_of(one).revoked_at is not None for one in old].count(True) == 1
        with pytest.raises(Unauthenticated):
            known.open_session(old[2].session_token)
        run_tasks()
        change(admin, session_duration_minutes=1440)
        for one in old:
            assert row_of(one).revoked_because == SessionEndCause.LIMITS
            with pytest.raises(Unauthenticated):
                known.open_session(one.session_token)
        known.open_session(new.session_token)
        known.open_session(elsewhere.session_token)


@pytest.mark.parametrize(
    "values",
    [
        {"session_idle_minutes": 9},
        {"session_idle_minutes": 527_041},
        {"session_idle_minutes": 60, "session_duration_minutes": 30},
        {"remembered_device_days": -1},
    ],
)
def test_what_a_limit_cannot_be(admin: models.MemberRow, values: dict[str, int]) -> None:
    with pytest.raises(Invalid):
        change(admin, **values)


def test_consequences_need_the_permission(admin: models.MemberRow, member: models.MemberRow) -> None:
    with at(0):
        directory = portal(admin)
        api_session(admin)
    with at(40):
        who = directory.sessions.sign_in(email_address=admin.email_address, password=PASSWORD)
        gateway = directory.acting_as(who).session_limits
        assert gateway.ending(idle_minutes=30, duration_minutes=0).number == 1
        assert gateway.ending(idle_minutes=0, duration_minutes=0).number == 0
        who = directory.sessions.sign_in(email_address=member.email_address, password=PASSWORD)
        acting = directory.acting_as(who)
        with pytest.raises(Forbidden):
            acting.session_limits.ending(idle_minutes=30, duration_minutes=0)
        with pytest.raises(Forbidden):
            acting.organization.update(OrganizationChanges(session_idle_minutes=30))
        with pytest.raises(Forbidden):
            acting.organization.update(OrganizationChanges(remembered_device_days=1))
