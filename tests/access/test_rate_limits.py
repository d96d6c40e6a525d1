"""Limits on attempts: exact, shared by processes, kept over a restart."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from portal.access import rate_limits
from portal.access.rate_limits import Attempt, admit, admit_requested_link, is_paused
from portal.embedded import models
from tests.conftest import REDIS_URL


@pytest.fixture
def attempt() -> Attempt:
    """An attempt that no other test makes: Redis is shared by all that run at once."""
    return Attempt(f"192.0.2.1/{uuid4()}", "acme", f"ada-{uuid4()}@acme.example")


@pytest.fixture(params=["database", pytest.param("redis", marks=pytest.mark.redis)])
def storage(request: pytest.FixtureRequest, db: None, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_MEMBER = "3 per hour"
    if request.param == "redis":
        settings.REDIS_URL = REDIS_URL
        rate_limits._limiter.cache_clear()


@pytest.mark.usefixtures("storage")
def test_attempts_beyond_the_rate_are_rejected(attempt: Attempt) -> None:
    assert [admit(attempt) for _ in range(5)] == [True, True, True, False, False]


@pytest.mark.usefixtures("storage")
def test_another_process_counts_on(attempt: Attempt) -> None:
    for _ in range(3):
        admit(attempt)

    rate_limits._limiter.cache_clear()

    assert not admit(attempt)


@pytest.mark.usefixtures("storage")
def test_other_members_are_not_limited(attempt: Attempt) -> None:
    for _ in range(4):
        admit(attempt)

    assert admit(replace(attempt, organization_slug="globex"))
    assert admit(replace(attempt, email_address=f"max-{uuid4()}@acme.example"))


@pytest.mark.usefixtures("storage")
def test_case_does_not_give_another_allowance(attempt: Attempt) -> None:
    for _ in range(3):
        admit(attempt)

    assert not admit(replace(attempt, email_address=attempt.email_address.upper()))


@pytest.mark.usefixtures("storage")
def test_another_ip_address_is_not_limited(attempt: Attempt) -> None:
    """Or anyone could lock a member out from anywhere."""
    for _ in range(20):
        admit(attempt)

    assert admit(replace(attempt, ip_address=f"192.0.2.2/{uuid4()}"))
    assert not is_paused(attempt)


@pytest.mark.usefixtures("storage")
def test_attempts_from_all_addresses_are_limited_and_then_a_link_signs_in(attempt: Attempt, settings: Settings) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER = "5 per hour"
    everywhere = [replace(attempt, ip_address=f"192.0.2.{n}/{uuid4()}", organization_slug=f"o{n}") for n in range(8)]

    assert [admit(one) for one in everywhere] == [True] * 5 + [False] * 3
    assert is_paused(attempt)
    assert not is_paused(replace(attempt, email_address=f"max-{uuid4()}@acme.example"))
    # Others can't use up what the member confirms a password with, while signed in.
    assert admit(replace(attempt, is_confirmation=True))


@pytest.mark.django_db
def test_a_products_backend_is_limited_by_the_total_only(attempt: Attempt, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_MEMBER, settings.SIGN_IN_TOTAL_PER_MEMBER = "1 per hour", "4 per hour"
    backend = replace(attempt, ip_address="")

    assert [admit(backend) for _ in range(5)] == [True] * 4 + [False]
    # What someone tries at a product doesn't pause the password in the portal.
    assert admit(attempt)
    assert (is_paused(backend), is_paused(attempt)) == (True, False)


@pytest.mark.django_db
def test_each_of_several_rates_applies(attempt: Attempt, settings: Settings) -> None:
    """Those who keep trying wait longer."""
    settings.SIGN_IN_RATE_PER_MEMBER = "2 per minute; 3 per hour"
    start = timezone.now()
    admitted = []
    for minutes in (0, 0, 0, 2, 4, 62):
        with time_machine.travel(start + timedelta(minutes=minutes), tick=False):
            admitted.append(admit(attempt))

    assert admitted == [True, True, False, False, False, True]


@pytest.mark.django_db
def test_requested_links_are_limited(attempt: Attempt, settings: Settings) -> None:
    settings.SIGN_IN_LINK_RATE = "2 per hour"

    assert [admit_requested_link(attempt) for _ in range(3)] == [True, True, False]


@pytest.mark.django_db
def test_the_window_ends(attempt: Attempt, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_MEMBER = "1 per hour"
    assert [admit(attempt), admit(attempt)] == [True, False]

    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=False):
        assert not is_paused(attempt)
        assert admit(attempt)


@pytest.mark.django_db
def test_neither_addresses_nor_names_are_stored() -> None:
    admit(Attempt("192.0.2.1", "acme", "ada@acme.example"))

    stored = str(list(models.RateLimitCounterRow.objects.values()))
    assert "ada" not in stored
    assert "192.0.2.1" not in stored


@pytest.mark.django_db(transaction=True)
def test_simultaneous_attempts_are_each_counted(attempt: Attempt, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_ADDRESS = "1000 per hour"
    settings.SIGN_IN_RATE_PER_MEMBER = "5 per hour"

    def try_once(_: int) -> bool:
        try:
            return admit(attempt)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(try_once, range(16)))

    assert admitted.count(True) == 5


@pytest.mark.django_db
def test_each_limit_by_ip_address_counts_an_ipv6_network_as_one(settings: Settings) -> None:
    """One client can have any address of a /64."""
    for name in ("SIGN_IN_RATE_PER_ADDRESS", "API_PASSWORD_STRENGTH_RATE", "API_RATE_PER_ADDRESS"):
        setattr(settings, name, "1 per hour")
    settings.SCIM_FAILED_AUTHENTICATION_RATE = settings.API_FAILED_AUTHENTICATION_RATE = "1 per hour"
    limits: list[Callable[[str], bool]] = [
        lambda ip_address: admit(Attempt(ip_address, "acme", f"{uuid4()}@acme.example")),
        rate_limits.admit_member_search,
        lambda ip_address: rate_limits.wait_for_strength(ip_address) == 0,
        lambda ip_address: rate_limits.wait_of_browser(ip_address) == 0,
        lambda ip_address: rate_limits.wait_after_wrong_credentials(ip_address) == 0,
        lambda ip_address: rate_limits.wait_after_failed_authentication(ip_address) == 0,
    ]

    for limit in limits:
        found = [limit(ip_address) for ip_address in ("2001:db8:0:7::1", "2001:db8:0:7:ffff::2", "2001:db8:0:8::1")]
        assert found == [True, False, True]
