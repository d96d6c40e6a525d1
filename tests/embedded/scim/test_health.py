"""Health and setup progress of a connection, computed from its requests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.directory.scim.connection import ScimConnection, ScimConnectionStatus, ScimIdentityProvider
from portal.directory.scim.health import ScimHealth, ScimHealthState, ScimProgress
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory, EmbeddedProvider
from portal.embedded.scim.log.health import RequestResult, compute_health
from tests import factories

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
OK = ("GET", 200)
FAILED = ("POST", 409)
ENTRA, OKTA = ScimIdentityProvider.MICROSOFT_ENTRA, ScimIdentityProvider.OKTA


def health(
    *requests: tuple[timedelta, tuple[str, int]],
    identity_provider: ScimIdentityProvider = OKTA,
    expires_in: timedelta = timedelta(days=300),
    has_users: bool = True,
    paused_at: datetime | None = None,
    rejection: str = "",
) -> ScimHealth:
    connection = ScimConnection(
        "scim-connection-live-1",
        "organization-live-1",
        ScimConnectionStatus.ACTIVE,
        "Okta",
        identity_provider,
        "https://portal.example.com",
        "abcd",
        NOW + expires_in,
        paused_at=paused_at,
    )
    newest = [RequestResult(NOW - ago, method, status, rejection) for ago, (method, status) in requests]
    return compute_health(connection, newest, has_users=has_users, now=NOW)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def days(number: float) -> timedelta:
    return timedelta(days=number)


def each_minute(*results: tuple[str, int]) -> list[tuple[timedelta, tuple[str, int]]]:
    return [(minutes(n), result) for n, result in enumerate(results)]


STATES: dict[str, tuple[ScimHealth, ScimHealthState]] = {
    "paused": (health(*each_minute(*[FAILED] * 9), expires_in=-days(1), paused_at=NOW), ScimHealthState.PAUSED),
    "was paused": (health(*each_minute(*[("POST", 503)] * 9), rejection="paused"), ScimHealthState.HEALTHY),
    "no request yet": (health(has_users=False), ScimHealthState.WAITING),
    "requests, no user yet": (health((minutes(1), OK), has_users=False), ScimHealthState.VERIFYING),
    "failures, no user yet": (health((minutes(1), ("GET", 401)), has_users=False), ScimHealthState.VERIFYING),
    "all well": (health(*each_minute(OK, OK, OK)), ScimHealthState.HEALTHY),
    "one failure among many": (health(*each_minute(FAILED, *[OK] * 10)), ScimHealthState.HEALTHY),
    "two failures among few": (health(*each_minute(FAILED, FAILED, OK)), ScimHealthState.HEALTHY),
    "three failures among few": (health(*each_minute(FAILED, FAILED, FAILED, OK)), ScimHealthState.DEGRADED),
    "a fifth failed": (health(*each_minute(*[FAILED] * 4, *[OK] * 16)), ScimHealthState.DEGRADED),
    "less than a fifth failed": (health(*each_minute(*[FAILED] * 4, *[OK] * 17)), ScimHealthState.HEALTHY),
    "only failures": (health((minutes(1), ("GET", 401))), ScimHealthState.DEGRADED),
    "failures of yesterday": (
        health((minutes(1), OK), *[(days(1.1), FAILED)] * 50),
        ScimHealthState.HEALTHY,
    ),
    "an empty lookup is a success": (health(*each_minute(*[("GET", 404)] * 9)), ScimHealthState.HEALTHY),
    "server errors are failures": (health(*each_minute(*[("GET", 500)] * 3)), ScimHealthState.DEGRADED),
    "Entra within its interval": (health((minutes(155), OK), identity_provider=ENTRA), ScimHealthState.HEALTHY),
    "Entra missed four cycles": (health((minutes(165), OK), identity_provider=ENTRA), ScimHealthState.SILENT),
    "Okta quiet for days": (health((days(6), OK)), ScimHealthState.HEALTHY),
    "Okta silent for longer than ever": (health((days(8), OK), (days(9), OK)), ScimHealthState.SILENT),
    "Okta as quiet as usual": (health((days(8), OK), (days(13), OK)), ScimHealthState.HEALTHY),
    "older than the log": (health(), ScimHealthState.SILENT),
    "token expires in a month": (health((minutes(1), OK), expires_in=days(30)), ScimHealthState.TOKEN_EXPIRING),
    "token expires later": (health((minutes(1), OK), expires_in=days(31)), ScimHealthState.HEALTHY),
    "token has expired": (health((minutes(1), OK), expires_in=-minutes(1)), ScimHealthState.TOKEN_EXPIRED),
    "failures matter more than the token": (
        health(*each_minute(*[FAILED] * 3), expires_in=days(3)),
        ScimHealthState.DEGRADED,
    ),
}


@pytest.mark.parametrize(("found", "state"), STATES.values(), ids=STATES)
def test_the_state_is_the_most_important_fact(found: ScimHealth, state: ScimHealthState) -> None:
    assert found.state is state


def test_health_has_the_numbers_behind_the_state() -> None:
    found = health(*each_minute(FAILED, OK, FAILED), identity_provider=ENTRA)

    assert (found.requests, found.failures, found.since) == (3, 2, NOW - minutes(2))
    assert (found.last_request_at, found.last_success_at) == (NOW, NOW - minutes(1))
    assert found.expected_at == NOW + minutes(40)
    assert health(*each_minute(OK)).expected_at is None


@pytest.fixture
def scim(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def directory(admin: models.MemberRow, scim: models.ScimConnectionRow) -> EmbeddedDirectory:
    opened = EmbeddedProvider().open("acme", Origin())
    return opened.acting_as(opened.sessions.authenticate(factories.session_token(admin)))


def progress(directory: EmbeddedDirectory, scim: models.ScimConnectionRow) -> ScimProgress:
    return directory.scim.health.progress(public_id("scim-connection", scim.pk))


@pytest.mark.parametrize("number", [1, 300])
def test_health_takes_two_queries(
    directory: EmbeddedDirectory,
    scim: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    factories.scim_user(scim, "ada")
    for _ in range(number):
        factories.scim_request(scim)
    connection = directory.scim.connection.get()
    assert connection

    with django_assert_num_queries(2):
        found = directory.scim.health.get(connection)

    assert (found.state, found.requests) == (ScimHealthState.HEALTHY, min(number, 200))


def test_another_organizations_requests_are_ignored(
    directory: EmbeddedDirectory, globex: models.OrganizationRow, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    other = factories.scim_connection(globex)
    factories.scim_request(other)
    factories.scim_user(other, "gil")
    factories.scim_group(other, "Sales")

    with django_assert_max_num_queries(7):
        found = progress(directory, other)

    assert (found.reached_at, found.first_user_at, found.first_group_at, found.failed_requests) == (
        None,
        None,
        None,
        (),
    )


def test_progress_is_empty_before_the_first_request(
    directory: EmbeddedDirectory, scim: models.ScimConnectionRow
) -> None:
    found = progress(directory, scim)

    assert [value for value in (getattr(found, name) for name in found.__slots__) if value] == []


def log_request(scim: models.ScimConnectionRow, method: str, path: str, status: int = 200, **more: Any) -> datetime:
    return factories.scim_request(scim, method=method, path=path, status=status, **more).at


def test_each_step_is_seen(directory: EmbeddedDirectory, scim: models.ScimConnectionRow) -> None:
    with time_machine.travel(timezone.now() - timedelta(hours=1)):
        first = log_request(scim, "GET", "/Users", 401, refusal="unknown_token")
        assert progress(directory, scim).token_accepted_at is None
    read = log_request(scim, "GET", "/ServiceProviderConfig")
    user, group = factories.scim_user(scim, "ada", display_name="Ada Lovelace"), factories.scim_group(scim, "Sales")
    patched = log_request(
        scim,
        "PATCH",
        f"/Users/{public_id('scim-user', user.pk)}",
        changed_attributes=["active"],
        body='{"Operations":[{"op":"Replace","path":"active","value":"False"}]}',
    )

    found = progress(directory, scim)

    assert (found.reached_at, found.token_accepted_at, found.discovery_read_at) == (first, patched, read)
    assert (found.first_user_at, found.first_user_name) == (user.created_at, "Ada Lovelace")
    assert (found.first_group_at, found.first_group_name) == (group.created_at, "Sales")
    assert found.first_deactivation_at == patched
    assert [one.at for one in found.failed_requests] == [first]
    assert (found.last_request_at, found.last_success_at) == (patched, patched)


def test_resources_of_a_connection_test_count_although_deleted(
    directory: EmbeddedDirectory, scim: models.ScimConnectionRow
) -> None:
    created = log_request(scim, "POST", "/Users", 201)
    deleted = log_request(scim, "DELETE", "/Users/scim-user-live-1", 204)

    found = progress(directory, scim)

    assert (found.first_user_at, found.first_user_name) == (created, "")
    assert found.first_deactivation_at == deleted
    assert found.first_group_at is None


BODIES: dict[str, bool] = {
    '{"Operations":[{"op":"replace","value":{"active":false}}]}': True,
    '{"operations":[{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:active","value":false}]}': True,
    '{"userName":"xxx","active":false}': True,
    '{"userName":"xxx","Active":"False"}': True,
    '{"Operations":[{"op":"replace","path":"active","value":true}]}': False,
    '{"userName":"xxx","active":true,"emails":[{"primary":false}]}': False,
    '{"Operations":[{"op":"replace","path":"emails","value":[{"primary":false}]}]}': False,
    '{"userName":"xx': False,
    "": False,
}


@pytest.mark.parametrize(("body", "deactivates"), BODIES.items())
def test_a_deactivation_is_recognized_by_its_body(
    directory: EmbeddedDirectory, scim: models.ScimConnectionRow, body: str, deactivates: bool
) -> None:
    log_request(scim, "PUT", "/Users/scim-user-live-1", changed_attributes=["active"], body=body)

    assert (progress(directory, scim).first_deactivation_at is not None) is deactivates


@pytest.mark.parametrize(
    "more",
    [{"status": 404}, {"changed_attributes": ["userName"]}, {"method": "POST"}, {"path": "/Groups/scim-group-live-1"}],
)
def test_other_requests_are_not_deactivations(
    directory: EmbeddedDirectory, scim: models.ScimConnectionRow, more: dict[str, Any]
) -> None:
    usual = {"method": "PATCH", "path": "/Users/scim-user-live-1", "changed_attributes": ["active"]}
    factories.scim_request(scim, **{**usual, "body": '{"active":false}', **more})

    assert progress(directory, scim).first_deactivation_at is None


def test_the_first_user_agent_is_reported(directory: EmbeddedDirectory, scim: models.ScimConnectionRow) -> None:
    log_request(scim, "GET", "/Users", user_agent="Okta SCIM Client 1.0.0")
    log_request(scim, "GET", "/Users", user_agent="another")

    assert progress(directory, scim).reached_by == "Okta SCIM Client 1.0.0"


def test_groups_without_members_are_reported(directory: EmbeddedDirectory, scim: models.ScimConnectionRow) -> None:
    assert progress(directory, scim).groups_are_empty is False
    groups = factories.scim_groups(scim, ["Sales", "Support"])
    assert progress(directory, scim).groups_are_empty is True

    factories.put_in_group(groups[1], [factories.scim_user(scim, "ada")])

    assert progress(directory, scim).groups_are_empty is False
