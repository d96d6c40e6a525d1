"""Requests to Stytch: retries, timeouts, errors, secrets and connections."""

import base64
import logging
import socket
from collections.abc import Callable
from typing import Any

import pytest
import requests
from structlog.testing import capture_logs

from portal.directory import errors
from portal.directory.actor import Origin
from portal.stytch import http
from portal.stytch.directory import StytchDirectory, StytchProvider
from portal.stytch.http import StytchApi
from tests.fakes.stytch import DEMO_PASSWORD, FakeStytch
from tests.stytch.conftest import groups, sign_in

GROUPS = "/connection/"


# Retries


@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 429}, {"status": 502}, {"status": 503}, {"status": 504}])
def test_read_is_tried_three_times(
    ada: StytchDirectory, stytch: FakeStytch, slept: list[float], fault: dict[str, Any]
) -> None:
    stytch.fail(path="/connection", times=2, **fault)

    assert ada.scim.connection.get()
    assert len(stytch.requests_to("/connection")) == 3
    first, second = slept
    assert 0.1 <= first <= 0.3
    assert 0.2 <= second <= 0.6


def test_there_is_no_fourth_attempt(ada: StytchDirectory, stytch: FakeStytch) -> None:
    stytch.fail(path="/connection", times=9, status=503)

    with pytest.raises(errors.Unavailable):
        ada.scim.connection.get()
    assert len(stytch.requests_to("/connection")) == 3


@pytest.mark.parametrize("status", [400, 403, 404, 500, 501])
def test_permanent_errors_are_not_retried(ada: StytchDirectory, stytch: FakeStytch, status: int) -> None:
    stytch.fail(path="/connection", times=9, status=status)

    with pytest.raises(errors.DirectoryError):
        ada.scim.connection.get()
    assert len(stytch.requests_to("/connection")) == 1


def test_retry_after_is_respected(ada: StytchDirectory, stytch: FakeStytch, slept: list[float]) -> None:
    stytch.fail(path="/connection", status=429, headers={"Retry-After": "2"})

    assert ada.scim.connection.get()
    assert slept == [2.0]


def test_long_retry_after_is_not_waited_for(ada: StytchDirectory, stytch: FakeStytch, slept: list[float]) -> None:
    stytch.fail(path="/connection", times=9, status=429, headers={"Retry-After": "60"})

    with pytest.raises(errors.TooManyRequests):
        ada.scim.connection.get()
    assert slept == []


@pytest.mark.parametrize("asked", ["soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT", "²", ""])
def test_invalid_retry_after_is_ignored(
    ada: StytchDirectory, stytch: FakeStytch, slept: list[float], asked: str
) -> None:
    stytch.fail(path="/connection", status=503, headers={"Retry-After": asked.encode().decode("latin-1")})

    assert ada.scim.connection.get()
    assert [wait < 1 for wait in slept] == [True]


Change = Callable[[StytchProvider, StytchDirectory], object]
CHANGES: dict[str, Change] = {
    "passwords/authenticate": lambda provider, _: sign_in(provider),
    "discovery/authenticate": lambda provider, _: provider.discovery(Origin()).authenticate(
        email_address="ada@acme.example", password=DEMO_PASSWORD
    ),
    "sessions/revoke": lambda _, ada: ada.sessions.revoke(ada._scope.signed_in.session_token),  # type: ignore[union-attr]  # -- signed in
}


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 503}, {"status": 429}])
def test_changes_are_sent_once(
    provider: StytchProvider, ada: StytchDirectory, stytch: FakeStytch, path: str, fault: dict[str, Any]
) -> None:
    stytch.fail(path=path, times=9, **fault)

    with pytest.raises((errors.Unavailable, errors.TooManyRequests)):
        CHANGES[path](provider, ada)
    assert len(stytch.requests_to(path)) == 1


def test_session_authentication_is_retried(provider: StytchProvider, stytch: FakeStytch) -> None:
    token = sign_in(provider).session_token
    stytch.fail(path="sessions/authenticate", times=2, drop=True)

    assert provider.open("acme", Origin()).sessions.authenticate(token).session_token == token


# Failures without a valid response


def test_slow_response_times_out(stytch: FakeStytch, slept: list[float]) -> None:
    api = StytchApi(stytch.url, stytch.project.id, stytch.project.secret, timeout=(0.5, 0.05))
    stytch.fail(delay=0.3)

    with pytest.raises(errors.Unavailable):
        api.get("/v1/b2b/rbac/policy")
    assert len(stytch.requests) == 1


def test_missing_server_is_unavailable(stytch: FakeStytch, slept: list[float]) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        api = StytchApi(f"http://127.0.0.1:{nobody.getsockname()[1]}", "project", "secret")

        with pytest.raises(errors.Unavailable):
            api.get("/v1/b2b/rbac/policy")
    assert len(slept) == 2


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "null", '"text"', "{}", '{"connection": 5}', '{"connection": {}}', '{"a": ' * 50]
)
def test_invalid_response_is_unavailable(ada: StytchDirectory, stytch: FakeStytch, body: str) -> None:
    stytch.fail(path="/connection", body=body)

    with pytest.raises(errors.Unavailable):
        ada.scim.connection.get()


def test_redirects_are_not_followed(ada: StytchDirectory, stytch: FakeStytch) -> None:
    stytch.fail(path="/connection", status=302, headers={"Location": f"{stytch.url}/elsewhere"})

    with pytest.raises(errors.Unavailable):
        ada.scim.connection.get()
    assert stytch.requests_to("/elsewhere") == []


# Who asks


def test_requests_carry_the_members_session(ada: StytchDirectory, stytch: FakeStytch) -> None:
    groups(ada, limit=10)

    assert ada._scope.signed_in
    tokens = {seen.headers["x-stytch-member-session"] for seen in stytch.requests}
    assert tokens == {ada._scope.signed_in.session_token}
    assert [seen.query for seen in stytch.requests] == [{}, {"limit": "10"}]


def test_session_revoked_elsewhere_ends_at_the_next_request(ada: StytchDirectory, stytch: FakeStytch) -> None:
    stytch.project.sessions.clear()

    with pytest.raises(errors.Unauthenticated):
        ada.scim.connection.get()


def test_removed_role_takes_effect_at_the_next_request(ada: StytchDirectory, stytch: FakeStytch) -> None:
    for member in stytch.project.members:
        member.direct_roles = ()

    with pytest.raises(errors.Forbidden):
        ada.scim.connection.get()


def test_connections_are_reused(ada: StytchDirectory, stytch: FakeStytch) -> None:
    for _ in range(5):
        groups(ada)
    stytch.fail(path="/connection", status=400)
    with pytest.raises(errors.Invalid):
        ada.scim.connection.get()
    ada.scim.connection.get()

    assert len(stytch.requests) == 12
    assert len({seen.client_port for seen in stytch.requests}) == 1


def test_cookies_are_not_kept(ada: StytchDirectory, stytch: FakeStytch) -> None:
    groups(ada)

    assert not any("cookie" in seen.headers for seen in stytch.requests)


def test_environment_does_not_replace_the_credentials(
    stytch: FakeStytch, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, slept: list[float]
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))

    assert StytchProvider().open("acme", Origin()).organization.get().organization_name == "Acme"


# Secrets


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True},
        {"status": 400, "error_type": "bad_request"},
        {"status": 401, "error_type": "unauthorized_credentials"},
        {"status": 503},
        {"body": "<html>"},
        {"body": '{"request_id": "request-id-test-1"}'},
        None,
    ],
)
def test_logs_and_errors_contain_no_secrets(
    provider: StytchProvider,
    stytch: FakeStytch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    fault: dict[str, Any] | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    project, error_texts = stytch.project, []
    acme = provider.open("acme", Origin())
    who = sign_in(provider)
    ada = acme.acting_as(who)
    discovery = provider.discovery(Origin())
    discovered = discovery.authenticate(email_address="ada@acme.example", password=DEMO_PASSWORD)
    intermediate = discovered.intermediate_session_token
    operations: list[Callable[[], object]] = [
        lambda: sign_in(provider),
        lambda: acme.sessions.authenticate(who.session_token),
        ada.scim.connection.get,
        lambda: discovery.organizations(intermediate),
        lambda: discovery.exchange(intermediate, organization_id=who.organization.organization_id),
        lambda: ada.sessions.revoke(who.session_token),
    ]
    with capture_logs() as logs:
        for operation in operations:
            if fault:
                stytch.fail(times=3, **fault)
            try:
                operation()
            except errors.DirectoryError as error:
                error_texts.append(f"{error!r} {error.__cause__!r} {error.detail}")
            stytch.recover()

    basic = base64.b64encode(f"{project.id}:{project.secret}".encode()).decode()
    everything = f"{logs} {caplog.text} {capfd.readouterr()} {error_texts}"
    for secret in (project.secret, basic, who.session_token, intermediate, DEMO_PASSWORD):
        assert secret not in everything


def test_errors_carry_no_trace_of_the_request(ada: StytchDirectory, stytch: FakeStytch) -> None:
    stytch.fail(path="/connection", times=3, drop=True)

    with pytest.raises(errors.Unavailable) as error:
        ada.scim.connection.get()
    # What reports unexpected errors would print a cause with its address and headers.
    assert not isinstance(error.value.__cause__ or error.value.__context__, requests.RequestException)


@pytest.mark.parametrize("segment", ["", ".", ".."])
def test_path_segments_cannot_leave_the_path(segment: str) -> None:
    with pytest.raises(errors.NotFound):
        http.path_of("organizations", segment)


def test_path_segments_are_encoded() -> None:
    assert http.path_of("scim", "a/../b?c#d%", "é") == "/v1/b2b/scim/a%2F..%2Fb%3Fc%23d%25/%C3%A9"
