"""Sessions of people who have one in another system, through Stytch's SDK."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from unittest.mock import Mock

import msgspec
import pytest
from pytest_django import Settings
from stytch import B2BClient

from portal.embedded import models
from portal.embedded.second_factors import sms_codes
from tests import factories
from tests.api.test_scim import error_of
from tests.outbound.conftest import Answer, Server, says, serve
from tests.text_messages import TextMessages

ADA = "ada@acme.example"
Endpoint = Callable[..., Server]


def answers(body: bytes, status: int = 200) -> Answer:
    head = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return says(head.encode() + body)


@pytest.fixture
def userinfo(settings: Settings, admin: models.MemberRow) -> Iterator[Endpoint]:
    """Return a function that starts the UserInfo endpoint of the other system with one answer."""
    settings.OUTBOUND_ALLOW_HTTP, settings.OUTBOUND_PORTS = True, tuple(range(1, 65_536))
    settings.OUTBOUND_ALLOWED_NETWORKS = (ip_network("127.0.0.1/32"),)

    with ExitStack() as stack:

        def start(answer: Answer) -> Server:
            started = stack.enter_context(serve(answer))
            sessions = msgspec.structs.replace(settings.PROJECT.sessions, userinfo_url=started.url)
            settings.PROJECT = msgspec.structs.replace(settings.PROJECT, sessions=sessions)
            return started

        yield start


def test_a_session_elsewhere_becomes_a_session_here(
    sdk: B2BClient, admin: models.MemberRow, userinfo: Endpoint
) -> None:
    endpoint = userinfo(answers(b'{"sub": "1", "email": "ADA@acme.example", "email_verified": true}'))

    answer = sdk.sessions.migrate(session_token="old-token", organization_id="acme", session_duration_minutes=30)

    assert answer.member.email_address == ADA
    assert answer.member_session
    assert [one.type for one in answer.member_session.authentication_factors] == ["imported"]
    assert sdk.sessions.authenticate(session_token=answer.session_token).member.member_id == answer.member_id
    assert "Authorization: Bearer old-token" in endpoint.requests[0]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (answers(b"{}"), (401, "unable_to_migrate_session")),
        (answers(b'{"email": "ada@acme.example", "email_verified": false}'), (401, "unable_to_migrate_session")),
        (answers(b'{"email": "ada@acme.example"}'), (401, "unable_to_migrate_session")),
        (answers(b'{"email": "ada@acme.example", "email_verified": "no"}'), (401, "unable_to_migrate_session")),
        (answers(b"", 401), (401, "unable_to_migrate_session")),
        (answers(b'{"email": "eve@acme.example", "email_verified": true}'), (404, "member_not_found")),
        (answers(b'{"email": ["ada@acme.example"]}'), (503, "unavailable")),
        (answers(b"<html>"), (503, "unavailable")),
        (answers(b'{"email": "ada\\u0000@acme.example", "email_verified": true}'), (404, "member_not_found")),
        (answers(b"", 500), (503, "unavailable")),
        (answers(b'{"email": "' + b"a" * 100_000 + b'"}'), (503, "unavailable")),
        (says(b""), (503, "unavailable")),
        (
            says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"),
            (503, "unavailable"),
        ),
    ],
)
def test_what_proves_nobody(sdk: B2BClient, userinfo: Endpoint, answer: Answer, expected: tuple[int, str]) -> None:
    userinfo(answer)

    status, name = error_of(lambda: sdk.sessions.migrate(session_token="old-token", organization_id="acme"))

    assert status == expected[0]
    assert name == expected[1] or status == 503
    assert not models.MemberSessionRow.objects.exists()


@pytest.mark.parametrize("token", ["", "a\r\nX-Other: b", "ü", "x" * 20_000])
def test_what_cannot_be_a_bearer_token_is_not_sent(sdk: B2BClient, userinfo: Endpoint, token: str) -> None:
    endpoint = userinfo(answers(b'{"email": "ada@acme.example", "email_verified": true}'))

    status, _ = error_of(lambda: sdk.sessions.migrate(session_token=token, organization_id="acme"))

    assert status in {400, 401}
    assert endpoint.requests == []


def test_another_organizations_member_is_not_found(sdk: B2BClient, userinfo: Endpoint) -> None:
    userinfo(answers(b'{"email": "ada@acme.example", "email_verified": true}'))
    factories.organization("globex")

    error = error_of(lambda: sdk.sessions.migrate(session_token="old-token", organization_id="globex"))

    assert error == (404, "member_not_found")


def test_an_organization_that_wants_more_is_not_opened(
    sdk: B2BClient, admin: models.MemberRow, userinfo: Endpoint
) -> None:
    userinfo(answers(b'{"email": "ada@acme.example", "email_verified": true}'))
    for changed, expected in (
        ({"mfa_policy": "REQUIRED_FOR_ALL"}, (401, "insufficient_factors")),
        (
            {"auth_methods": "RESTRICTED", "allowed_auth_methods": ["password"]},
            (403, "operation_restricted_by_organization_auth_methods"),
        ),
    ):
        models.OrganizationRow.objects.filter(pk=admin.organization_id).update(settings=changed)

        assert error_of(lambda: sdk.sessions.migrate(session_token="old", organization_id="acme")) == expected
    assert not models.MemberSessionRow.objects.exists()


def test_a_code_that_nobody_could_enter_is_neither_sent_nor_counted(
    sdk: B2BClient, admin: models.MemberRow, userinfo: Endpoint, monkeypatch: pytest.MonkeyPatch, texts: TextMessages
) -> None:
    userinfo(answers(b'{"email": "ada@acme.example", "email_verified": true}'))
    models.MemberRow.objects.update(mfa_enrolled=True, mfa_phone_number="+12025550123", mfa_phone_number_verified=True)
    counted = Mock(return_value="")
    monkeypatch.setattr(sms_codes, "admit_sms", counted)

    status, name = error_of(lambda: sdk.sessions.migrate(session_token="old-token", organization_id="acme"))

    assert (status, name, texts.sent()) == (401, "insufficient_factors", [])
    counted.assert_not_called()


def test_without_an_endpoint_nothing_is_migrated(sdk: B2BClient, admin: models.MemberRow) -> None:
    error = error_of(lambda: sdk.sessions.migrate(session_token="old-token", organization_id="acme"))

    assert error == (404, "session_migration_not_configured")
