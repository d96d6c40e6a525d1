"""Numbers of an organization: right at once while they are small, kept by day, and never a row that all changes wait for."""

from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.counts import TREND_DAYS, Count, MemberCounts, RoleCount, ScimCounts
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import counts, models
from portal.embedded.counts import NotAllCounted, count_changed, count_organization
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.scope import rows_of
from portal.embedded.tasks.schedule import start_due_jobs
from tests import factories
from tests.embedded.tasks.test_queue import each
from tests.tasks import run_tasks

pytestmark = pytest.mark.django_db


@pytest.fixture
def okta(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages count three rows at most."""
    monkeypatch.setattr(counts, "MAX_COUNTED", 3)


def gateway(admin: models.MemberRow) -> counts.EmbeddedCounts:
    directory = EmbeddedProvider().open(admin.organization.slug, Origin())
    return directory.acting_as(directory.sessions.authenticate(factories.session_token(admin))).counts


def members(admin: models.MemberRow) -> MemberCounts:
    return gateway(admin).members()


def scim(admin: models.MemberRow, okta: models.ScimConnectionRow) -> ScimCounts:
    return gateway(admin).scim(public_id("scim-connection", okta.pk))


def unmanaged(admin: models.MemberRow, okta: models.ScimConnectionRow) -> Count | None:
    return gateway(admin).unmanaged_members(public_id("scim-connection", okta.pk))


def kept(organization: models.OrganizationRow) -> list[models.DailyCountRow]:
    return list(rows_of(organization.pk, models.DailyCountRow).order_by("day"))


def today() -> date:
    return timezone.now().date()


def keep(organization: models.OrganizationRow, days_ago: int, **numbers: Any) -> None:
    at = timezone.now() - timedelta(days=days_ago)
    models.DailyCountRow.objects.create(
        organization=organization,
        day=at.date(),
        **{"counted_at": at, "members": 1, "unmanaged_members": 1, **numbers},
    )


def provision(okta: models.ScimConnectionRow) -> None:
    """Two active people and one who is deactivated, and three groups, one in another, of which two grant roles."""
    ada, bea, cid = (factories.provisioned(okta, f"{name}@acme.example") for name in ("ann", "bea", "cid"))
    models.ScimUserRow.objects.filter(pk=cid.pk).update(active=False)
    models.MemberRow.objects.filter(scim_user=cid).update(status=MemberStatus.DELETED)
    outer, inner, _ = factories.scim_groups(okta, ["Outer", "Inner", "Other"])
    factories.put_group_in(outer, inner)
    factories.put_in_group(inner, [ada, bea, cid])
    factories.put_in_group(outer, [ada])
    factories.group_role(outer, "editor")
    factories.group_role(inner, "editor")
    factories.group_role(inner, "stytch_admin")


def test_small_numbers_are_right_at_once(admin: models.MemberRow, okta: models.ScimConnectionRow) -> None:
    provision(okta)

    assert members(admin) == MemberCounts(Count(3), None, None)
    assert scim(admin, okta) == ScimCounts(
        active_users=Count(2),
        deactivated_users=Count(1),
        groups=Count(3),
        granting_groups=Count(2),
        roles=(RoleCount("stytch_admin", 1, None), RoleCount("editor", 2, None)),
        counted_at=None,
    )
    assert unmanaged(admin, okta) == Count(1)


def test_the_job_counts_everything(
    acme: models.OrganizationRow, admin: models.MemberRow, okta: models.ScimConnectionRow
) -> None:
    provision(okta)
    start_due_jobs()
    run_tasks()

    (row,) = kept(acme)
    assert (row.day, row.connection_key) == (today(), okta.pk)
    assert (row.members, row.unmanaged_members, row.active_users, row.deactivated_users) == (3, 1, 2, 1)
    # People in groups within a group have its roles, too, and each person counts once.
    assert (row.groups, row.granting_groups) == (3, 2)
    assert row.roles == {"editor": [2, 2], "stytch_admin": [1, 2]}
    assert scim(admin, okta).roles == (RoleCount("stytch_admin", 1, 2), RoleCount("editor", 2, 2))


@pytest.mark.usefixtures("few")
def test_large_numbers_are_kept_ones(
    acme: models.OrganizationRow, admin: models.MemberRow, okta: models.ScimConnectionRow
) -> None:
    for number in range(5):
        factories.provisioned(okta, f"person{number}@acme.example")
    groups = factories.scim_groups(okta, [f"Group {number}" for number in range(5)])
    for group in groups[:4]:
        factories.group_role(group, "editor")
    uncounted = scim(admin, okta)
    assert members(admin).members == Count(3, is_more=True)
    assert (uncounted.active_users, uncounted.groups) == (Count(3, is_more=True), Count(3, is_more=True))
    assert (uncounted.granting_groups, uncounted.roles) == (Count(3, is_more=True), None)
    assert unmanaged(admin, okta) is None

    count_organization(acme.pk)
    at = kept(acme)[0].counted_at
    factories.scim_group(okta, "One more")

    counted = scim(admin, okta)
    assert (members(admin).members, members(admin).counted_at) == (Count(6), at)
    assert (counted.active_users, counted.groups, unmanaged(admin, okta)) == (Count(5), Count(5), Count(1))
    assert (counted.granting_groups, counted.roles) == (Count(4), (RoleCount("editor", 4, 0),))
    assert counted.counted_at == at


def test_numbers_of_another_connection_do_not_count(
    acme: models.OrganizationRow, admin: models.MemberRow, okta: models.ScimConnectionRow
) -> None:
    provision(okta)
    keep(acme, 1, connection_key=okta.pk, active_users=7, groups=8)
    count_organization(acme.pk)
    models.ScimConnectionRow.objects.filter(pk=okta.pk).update(status=ScimConnectionStatus.DELETED)

    new_connection = factories.scim_connection(acme, bearer_token="y" * 43)
    new = scim(admin, new_connection)
    assert (new.active_users, new.groups, new.roles) == (Count(0), Count(0), ())
    assert unmanaged(admin, new_connection) == Count(3)


def test_numbers_of_another_organization_do_not_count(
    acme: models.OrganizationRow, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    other = factories.scim_connection(globex)
    provision(other)
    count_organization(globex.pk)
    keep(globex, 1, members=500)

    assert members(admin) == MemberCounts(Count(1), None, None)
    assert scim(admin, other).active_users == Count(0)
    count_organization(acme.pk)
    assert [row.members for row in kept(acme)] == [1]


def test_a_trend_has_the_days_before_and_ends_with_now(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    assert members(admin).members.trend == ()
    keep(acme, 20, members=4)
    keep(acme, 7, members=5)
    keep(acme, 2, members=6)
    keep(acme, 0, members=9)

    found = members(admin)
    assert found.members.trend == (4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 1)
    assert len(found.members.trend) == TREND_DAYS
    assert found.week_ago == 5


def test_a_trend_begins_with_the_first_day(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    keep(acme, 2, members=6)

    assert members(admin).members.trend == (6, 6, 1)
    assert members(admin).week_ago is None


def test_counting_again_replaces_the_numbers_of_the_day(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        count_organization(acme.pk)
    factories.member(acme, "bea@acme.example")
    with time_machine.travel(now + timedelta(seconds=1), tick=False):
        count_organization(acme.pk)
    with time_machine.travel(now - timedelta(seconds=1), tick=False):
        # A slow one that began before.
        models.MemberRow.objects.all().update(status=MemberStatus.DELETED)
        count_organization(acme.pk)

    assert [row.members for row in kept(acme) if row.day == now.date()] == [2]
    with time_machine.travel(now + timedelta(days=1), tick=False):
        count_organization(acme.pk)
    assert [row.members for row in kept(acme)][-1] == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_count_at_once(acme: models.OrganizationRow) -> None:
    factories.member(acme, "ada@acme.example")

    def work(_: int) -> int:
        count_organization(acme.pk)
        return 1

    assert each(4, work) == 4
    assert [row.members for row in kept(acme)] == [1]


def run_job(at: Any = None) -> list[str]:
    """Run the job as the schedule does, and return the slugs of those that it counted."""
    counted: list[str] = []
    original = counts.count_organization

    def remember(organization_id: Any) -> None:
        counted.append(models.OrganizationRow.objects.get(pk=organization_id).slug)
        original(organization_id)

    with time_machine.travel(at or timezone.now(), tick=False), patch.object(counts, "count_organization", remember):
        start_due_jobs()
        run_tasks()
    return sorted(counted)


def test_only_what_changed_is_counted_again(acme: models.OrganizationRow, globex: models.OrganizationRow) -> None:
    now = timezone.now()
    assert run_job(now) == ["acme", "globex"]
    assert run_job(now + timedelta(hours=1)) == []

    with time_machine.travel(now + timedelta(hours=2), tick=False):
        factories.activity_entry(acme, "member.create")
    new = factories.organization("new")
    assert run_job(now + timedelta(hours=2, minutes=1)) == ["acme", "new"]
    # Once more, for a change that was committed after the count. Then no more.
    assert run_job(now + timedelta(hours=2, minutes=6)) == ["acme"]
    assert run_job(now + timedelta(hours=2, minutes=12)) == []
    assert [row.members for row in kept(new)] == [0]


def test_a_deleted_organization_is_not_counted(acme: models.OrganizationRow) -> None:
    models.OrganizationRow.objects.filter(pk=acme.pk).update(deleted_at=timezone.now())

    assert count_changed() == 0
    assert kept(acme) == []


def test_one_that_cannot_be_counted_is_counted_by_the_next_run(
    acme: models.OrganizationRow, globex: models.OrganizationRow, caplog: pytest.LogCaptureFixture
) -> None:
    original = counts.count_organization

    def fail(organization_id: Any) -> None:
        if organization_id == acme.pk:
            raise DatabaseError("of ada@acme.example")
        original(organization_id)

    with patch.object(counts, "count_organization", fail), pytest.raises(NotAllCounted, match="1 organization"):
        count_changed()
    assert len(kept(globex)) == 1
    assert "organization_not_counted" in caplog.text
    assert "ada@acme.example" not in caplog.text

    count_changed()
    assert len(kept(acme)) == 1


def test_old_days_are_deleted_except_the_newest(acme: models.OrganizationRow, globex: models.OrganizationRow) -> None:
    for days in (37, 36, 34, 0):
        keep(acme, days, members=days)
    keep(globex, 100, members=3)

    assert counts.prune() == 2
    assert [row.members for row in kept(acme)] == [34, 0]
    assert [row.members for row in kept(globex)] == [3]

    models.OrganizationRow.objects.filter(pk=globex.pk).update(deleted_at=timezone.now())
    assert counts.prune() == 1


def test_a_deleted_organization_keeps_no_numbers(admin: models.MemberRow, acme: models.OrganizationRow) -> None:
    okta = factories.scim_connection(acme)
    factories.scim_request(okta)
    count_organization(acme.pk)
    directory = EmbeddedProvider().open("acme", Origin())
    directory.acting_as(directory.sessions.authenticate(factories.session_token(admin))).organization.delete()

    assert kept(acme) == []
    assert not models.ScimRequestCountRow.objects.exists()


@pytest.mark.postgresql
def test_pages_read_no_table_as_a_whole(
    acme: models.OrganizationRow, admin: models.MemberRow, okta: models.ScimConnectionRow
) -> None:
    provision(okta)
    keep(acme, 1)
    with CaptureQueriesContext(connection) as captured:
        members(admin)
        scim(admin, okta)
        unmanaged(admin, okta)
    read = [one["sql"] for one in captured if "COUNT(" in one["sql"] or "grouprole" in one["sql"]]
    assert len(read) >= 5
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in read:
            cursor.execute(f"EXPLAIN {sql}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan" not in plan, plan
            assert "LIMIT" in sql or "EXISTS" in sql, sql
