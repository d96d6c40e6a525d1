"""Requests are counted by the hour as they are logged, by each process in rows of its own."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.ids import public_id, uuid7
from portal.directory.scim.log import ScimHour
from portal.embedded import counts, models
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.scim.log import counting, entries
from tests import factories
from tests.embedded.tasks.test_queue import each
from tests.scim_server.conftest import Idp

pytestmark = pytest.mark.django_db


def hours(idp: Idp, admin: models.MemberRow) -> tuple[ScimHour, ...]:
    directory = EmbeddedProvider().open(admin.organization.slug, Origin())
    signed_in = directory.acting_as(directory.sessions.authenticate(factories.session_token(admin)))
    return signed_in.scim.log.hours(public_id("scim-connection", idp.connection.pk))


def numbers(idp: Idp, admin: models.MemberRow) -> list[tuple[int, int]]:
    return [(one.succeeded, one.failed) for one in hours(idp, admin)]


def test_each_request_counts_in_its_hour(idp: Idp, admin: models.MemberRow) -> None:
    now = timezone.now().replace(minute=59, second=59)
    for hours_ago, failures in ((25, 1), (23, 1), (1, 0), (0, 2)):
        with time_machine.travel(now - timedelta(hours=hours_ago), tick=False):
            idp.get("/Users")
            for _ in range(failures):
                idp.get("/Users/none")

    with time_machine.travel(now, tick=False):
        found = hours(idp, admin)
    assert len(found) == 24
    assert found[0].start == now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    assert [(one.succeeded, one.failed, one.requests) for one in found if one.requests] == [
        (1, 1, 2),
        (1, 0, 1),
        (1, 2, 3),
    ]
    assert (found[-1].succeeded, found[-1].failed) == (1, 2)


def test_the_numbers_are_those_of_the_log(idp: Idp, admin: models.MemberRow) -> None:
    idp.create_user("bea@acme.example")
    idp.get("/Users", filter="nonsense")
    idp.get("/Users")

    assert numbers(idp, admin)[-1] == (2, 1)
    assert models.ScimRequestRow.objects.count() == 3


def test_what_is_not_logged_is_not_counted(idp: Idp, admin: models.MemberRow) -> None:
    # A guard of the database rejects entries whose connection belongs to another organization.
    foreign = factories.scim_connection(factories.organization("other"))
    idp.get("/Users")
    row = models.ScimRequestRow.objects.get()
    values = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    entries._write([{**values, "id": uuid7(), "connection_id": foreign.pk}, {**values, "id": uuid7()}])

    assert models.ScimRequestRow.objects.count() == 2
    assert numbers(idp, admin)[-1] == (2, 0)
    assert models.ScimRequestCountRow.objects.count() == 1


def test_a_process_adds_to_its_own_rows_and_a_page_adds_them_up(idp: Idp, admin: models.MemberRow) -> None:
    idp.get("/Users")
    idp.get("/Users")
    counting._process_key.cache_clear()
    idp.get("/Users")

    assert sorted(models.ScimRequestCountRow.objects.values_list("succeeded", flat=True)) == [1, 2]
    assert numbers(idp, admin)[-1] == (3, 0)


@pytest.mark.django_db(transaction=True)
def test_entries_that_are_written_at_once_all_count(idp: Idp, admin: models.MemberRow) -> None:
    def work(_: int) -> int:
        for _ in range(5):
            factories.scim_request(idp.connection)
        return 5

    assert each(4, work) == 20
    assert numbers(idp, admin)[-1] == (20, 0)


def test_other_connections_do_not_count(
    idp: Idp, admin: models.MemberRow, globex: models.OrganizationRow, acme: models.OrganizationRow
) -> None:
    factories.scim_request(factories.scim_connection(globex))
    models.ScimConnectionRow.objects.filter(pk=idp.connection.pk).update(status="deleted")
    factories.scim_request(factories.scim_connection(acme, bearer_token="y" * 43))

    assert sum(succeeded for succeeded, _ in numbers(idp, admin)) == 0


def test_numbers_are_deleted_after_two_days(idp: Idp) -> None:
    now = timezone.now()
    for days in (3, 1, 0):
        with time_machine.travel(now - timedelta(days=days), tick=False):
            idp.get("/Users")

    assert counts.prune() == 1
    assert models.ScimRequestCountRow.objects.count() == 2
