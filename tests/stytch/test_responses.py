"""Stytch's responses and errors as values and errors of the contract."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings
from structlog.testing import capture_logs

from portal.directory import errors
from portal.directory.actor import Origin
from portal.stytch.directory import StytchDirectory, StytchProvider
from tests.fakes import stytch_objects as objects
from tests.fakes.stytch import DEMO_PASSWORD, FakeStytch
from tests.stytch.conftest import groups, sign_in

GROUPS = "/connection/"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("status", "paused"),
        ("identity_provider", "unheard-of"),
        ("display_name", None),
        ("base_url", 5),
        ("bearer_token_expires_at", "tomorrow"),
        ("bearer_token_expires_at", "2026-02-31T00:00:00Z"),
        ("bearer_token_expires_at", "2026-01-01T00:00:00"),
        ("bearer_token_expires_at", []),
    ],
)
def test_unexpected_field_is_unavailable_and_logged(
    ada: StytchDirectory, stytch: FakeStytch, field: str, value: object
) -> None:
    stytch.fail(path="/connection", body=_connection_with({field: value}))

    with pytest.raises(errors.Unavailable) as error, capture_logs() as logs:
        ada.scim.connection.get()
    assert error.value.request_id == "request-id-test-1"
    assert [(log["event"], log["what"]) for log in logs] == [("stytch_response_unexpected", field)]


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("identity_provider", "", "generic"),
        ("bearer_token_expires_at", None, None),
        ("bearer_token_expires_at", "", None),
    ],
)
def test_optional_fields_can_be_empty(
    ada: StytchDirectory, stytch: FakeStytch, field: str, value: object, shown: object
) -> None:
    stytch.fail(path="/connection", body=_connection_with({field: value}))

    assert getattr(ada.scim.connection.get(), field) == shown


def _first_member(stytch: FakeStytch, **changes: object) -> str:
    member = objects.member_object(stytch.project.members[0]) | changes
    return json.dumps({"status_code": 200, "request_id": "request-id-test-1", "member": member})


def test_role_from_unknown_source_is_effective(provider: StytchProvider, stytch: FakeStytch) -> None:
    member_id = sign_in(provider).member.member_id
    sources = [{"type": "stars"}, {"type": "sso_connection"}]
    stytch.fail(path="/member", body=_first_member(stytch, roles=[{"role_id": "auditor", "sources": sources}]))

    member = provider.open("acme", Origin()).members.get(member_id)

    assert member.role_ids == {"auditor"}
    assert [source.type.value for source in member.roles[0].sources] == ["sso_connection"]


def test_member_is_not_found_by_external_id(provider: StytchProvider, stytch: FakeStytch) -> None:
    sign_in(provider)
    stytch.fail(path="/member", body=_first_member(stytch))

    with pytest.raises(errors.NotFound):
        provider.open("acme", Origin()).members.get("ada-in-the-product")


@pytest.mark.parametrize(
    ("roles", "field"),
    [
        (None, "roles"),
        ("stytch_admin", "roles"),
        (["stytch_admin", 5], "roles"),
        ([{"role_id": "stytch_admin"}], "sources"),
    ],
)
def test_invalid_roles_are_unavailable(ada: StytchDirectory, stytch: FakeStytch, roles: object, field: str) -> None:
    assert ada._scope.signed_in
    stytch.fail(path="/member", body=_first_member(stytch, roles=roles))

    with pytest.raises(errors.Unavailable), capture_logs() as logs:
        ada.members.get(ada._scope.signed_in.member.member_id)
    assert [(log["event"], log["what"]) for log in logs] == [("stytch_response_unexpected", field)]


@pytest.mark.parametrize("roles", [None, "stytch_admin", [5], [{}]])
def test_session_with_invalid_roles_is_unavailable(provider: StytchProvider, stytch: FakeStytch, roles: object) -> None:
    session = stytch.project.start_session(stytch.project.members[0])
    answer = {"request_id": "request-id-test-1", **objects.sign_in_object(session.member, session)}
    answer["member_session"] |= {"roles": roles}
    stytch.fail(path="sessions/authenticate", body=json.dumps(answer))

    with pytest.raises(errors.Unavailable):
        provider.open("acme", Origin()).sessions.authenticate(session.token)


def _connection_with(changes: dict[str, object]) -> str:
    connection = {
        "organization_id": "organization-test-1",
        "connection_id": "scim-connection-test-1",
        "status": "active",
        "display_name": "Okta",
        "identity_provider": "okta",
        "base_url": "https://test.stytch.com/v1/b2b/scim/scim-connection-test-1",
        "bearer_token_last_four": "wxyz",
        "bearer_token_expires_at": "2029-03-20T21:28:28Z",
        **changes,
    }
    return json.dumps({"status_code": 200, "request_id": "request-id-test-1", "connection": connection})


@pytest.mark.parametrize(
    ("status", "error_type", "expected"),
    [
        (404, "session_not_found", errors.Unauthenticated),
        (401, "invalid_session_token", errors.Unauthenticated),
        (403, "session_authorization_error", errors.Forbidden),
        (403, "session_authorization_tenancy_error", errors.Forbidden),
        (403, "organization_suspended", errors.Forbidden),
        (403, "not_heard_of", errors.Forbidden),
        (404, "organization_not_found", errors.NotFound),
        (404, "scim_connection_not_found", errors.NotFound),
        (400, "no_active_scim_connection", errors.NotFound),
        (400, "invalid_id", errors.NotFound),
        (404, "route_not_found", errors.NotFound),
        (400, "invalid_cursor", errors.InvalidCursor),
        (400, "user_search_invalid_cursor", errors.InvalidCursor),
        (400, "scim_cursor_of_another_list", errors.InvalidCursor),
        (400, "bad_request", errors.Invalid),
        (409, "anything", errors.Conflict),
        (429, "too_many_requests", errors.TooManyRequests),
        (401, "unauthorized_credentials", errors.Unavailable),
        (401, "invalid_secret_authentication", errors.Unavailable),
        (403, "use_https", errors.Unavailable),
        (405, "method_not_allowed", errors.Unavailable),
        (418, "", errors.Unavailable),
        (500, "internal_server_error", errors.Unavailable),
        (503, "", errors.Unavailable),
    ],
)
def test_stytch_errors_become_errors_of_the_contract(
    ada: StytchDirectory, stytch: FakeStytch, status: int, error_type: str, expected: type[errors.DirectoryError]
) -> None:
    stytch.fail(path=GROUPS, times=9, status=status, error_type=error_type)

    with pytest.raises(errors.DirectoryError) as error, capture_logs() as logs:
        groups(ada)
    assert isinstance(error.value, expected)
    assert error.value.request_id.startswith("request-id-test-")
    assert error.value.detail.endswith(".")
    assert "developers" not in error.value.detail
    assert logs[-1]["stytch_request_id"] == error.value.request_id


def test_error_page_of_a_proxy_is_read_by_its_status(ada: StytchDirectory, stytch: FakeStytch) -> None:
    stytch.fail(path="/connection", status=500, body="<html>Internal Server Error</html>")

    with pytest.raises(errors.Unavailable):
        ada.scim.connection.get()


@pytest.mark.parametrize("operation", ["organization", "policy", "session"])
def test_wrong_project_credentials_are_unavailable_and_logged(
    stytch: FakeStytch, slept: list[float], settings: Settings, operation: str
) -> None:
    settings.STYTCH_SECRET = "not-the-secret"
    directory = StytchProvider().open("acme", Origin())
    operations: dict[str, Callable[[], object]] = {
        "organization": directory.organization.get,
        "policy": directory.rbac.policy,
        "session": lambda: directory.sessions.authenticate("token"),
    }

    with pytest.raises(errors.Unavailable), capture_logs() as logs:
        operations[operation]()
    assert [(log["event"], log["log_level"]) for log in logs] == [("stytch_rejected_our_credentials", "error")]


@pytest.mark.parametrize("error_type", ["no_active_scim_connection", "scim_connection_not_found"])
def test_missing_connection_is_not_an_error(ada: StytchDirectory, stytch: FakeStytch, error_type: str) -> None:
    stytch.fail(path="/connection", status=404, error_type=error_type)

    assert ada.scim.connection.get() is None


def test_further_sign_in_step_is_explained(provider: StytchProvider, stytch: FakeStytch) -> None:
    answer = {"member_authenticated": False, "primary_required": {"allowed_auth_methods": ["sso"]}, "request_id": "r"}
    stytch.fail(path="passwords/authenticate", body=json.dumps(answer))

    with pytest.raises(errors.Unauthenticated, match="further sign-in step"):
        provider.open("acme", Origin()).sessions.sign_in(email_address="ada@acme.example", password=DEMO_PASSWORD)


def test_breached_password_has_to_be_reset(provider: StytchProvider, stytch: FakeStytch) -> None:
    stytch.fail(status=400, error_type="member_reset_password")

    with pytest.raises(errors.Unauthenticated, match="Reset it"):
        sign_in(provider)


def test_opening_an_organization_does_not_join_it(provider: StytchProvider, stytch: FakeStytch) -> None:
    open_to_all = stytch.project.add_organization("initech", jit_domain="acme.example")
    discovery = provider.discovery(Origin())

    discovered = discovery.authenticate(email_address="ada@acme.example", password=DEMO_PASSWORD)

    assert {one.organization_slug for one in discovered.organizations} == {"acme", "globex"}
    with pytest.raises(errors.Unauthenticated):
        discovery.exchange(discovered.intermediate_session_token, organization_id=open_to_all.id)
    assert stytch.requests_to("exchange") == []


@pytest.mark.parametrize("options", [{"limit": 0}, {"limit": 1001}])
def test_invalid_arguments_are_rejected_without_a_request(
    ada: StytchDirectory, stytch: FakeStytch, options: dict[str, Any]
) -> None:
    with pytest.raises(errors.Invalid):
        ada.scim.groups.page("scim-connection-test-1", **options)
    assert stytch.requests == []


@pytest.mark.parametrize("end", [None, ""])
def test_empty_next_cursor_ends_the_list(ada: StytchDirectory, stytch: FakeStytch, end: str | None) -> None:
    body = {"status_code": 200, "request_id": "request-id-test-1", "scim_groups": [], "next_cursor": end}
    stytch.fail(path=GROUPS, body=json.dumps(body))

    assert groups(ada).next_cursor is None
