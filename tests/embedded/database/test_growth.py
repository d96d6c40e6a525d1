"""What signing in leaves behind doesn't grow with the number of attempts, no matter who makes them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from portal.access.memory_storage import _MAX_WINDOWS, ProcessStorage
from portal.access.rate_limits import Attempt, admit
from portal.directory.actor import Origin
from portal.embedded import models
from portal.embedded.database import rate_limits
from portal.embedded.database.rate_limits import DatabaseStorage
from portal.embedded.sessions import discovery, intermediate
from tests import factories

pytestmark = pytest.mark.django_db


def ended_counters(number: int) -> None:
    past = timezone.now() - timedelta(hours=1)
    models.RateLimitCounterRow.objects.bulk_create(
        models.RateLimitCounterRow(key=f"ended-{n}", amount=1, expires_at=past) for n in range(number)
    )


def test_ended_counters_are_deleted_when_others_are_written() -> None:
    ended_counters(2500)
    storage = DatabaseStorage("database://")
    for n in range(300):
        storage.incr(f"key-{n}", 600)

    assert models.RateLimitCounterRow.objects.count() == 300


def test_a_counter_whose_window_begins_again_counts_from_one() -> None:
    ended_counters(1)

    assert [DatabaseStorage("database://").incr("ended-0", 600) for _ in range(2)] == [1, 2]
    assert rate_limits.prune() == 0


def test_a_visitor_beyond_their_limit_adds_no_counters(settings: Any) -> None:
    settings.SIGN_IN_RATE_PER_ADDRESS = "5 per minute"
    counters = []
    for n in range(50):
        admit(Attempt("192.0.2.1", "acme", f"person{n}@acme.example"))
        counters.append(models.RateLimitCounterRow.objects.count())

    assert counters[0] < counters[4] == counters[-1]


def test_a_process_counts_for_a_limited_number_of_callers() -> None:
    storage = ProcessStorage()
    for n in range(_MAX_WINDOWS + 10):
        storage.incr(str(n), 60)

    assert len(storage._windows) == _MAX_WINDOWS
    assert (storage.get("0"), storage.get(str(_MAX_WINDOWS))) == (0, 1)


def expired_choices(number: int) -> None:
    past = timezone.now() - timedelta(hours=1)
    models.IntermediateSessionRow.objects.bulk_create(
        models.IntermediateSessionRow(token_hash=f"{n}".encode(), email_address="x", expires_at=past)
        for n in range(number)
    )


def test_expired_choices_are_deleted_when_others_are_created(acme: models.OrganizationRow) -> None:
    expired_choices(1500)
    ada = factories.member(acme, "ada@acme.example")
    for _ in range(2):
        intermediate.start_intermediate_session("ada@acme.example", [ada])

    assert models.IntermediateSessionRow.objects.count() == 2


def test_one_person_has_a_limited_number_of_choices_and_the_newest_work(acme: models.OrganizationRow) -> None:
    ada, max_ = factories.member(acme, "ada@acme.example"), factories.member(acme, "max@acme.example")
    intermediate.start_intermediate_session("max@acme.example", [max_])
    tokens = [intermediate.start_intermediate_session("ada@acme.example", [ada])[1] for _ in range(30)]

    assert models.IntermediateSessionRow.objects.count() == 1 + 20
    known = discovery.EmbeddedDiscovery(Origin())
    assert known.organizations(tokens[-1]).organizations
    assert known.organizations(tokens[-20]).organizations


def test_pruning_deletes_only_expired_rows(acme: models.OrganizationRow) -> None:
    expired_choices(1100)
    ended_counters(1100)
    DatabaseStorage("database://").incr("live", 600)
    models.IntermediateSessionRow.objects.create(
        token_hash=b"live", email_address="x", expires_at=timezone.now() + timedelta(minutes=5)
    )

    assert (intermediate.prune(), rate_limits.prune()) == (1100, 1100)
    assert (models.IntermediateSessionRow.objects.count(), models.RateLimitCounterRow.objects.count()) == (1, 1)
