"""Which requests are accepted, and how each error looks (RFC 7644, 2 and 3.12)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core.checks import run_checks
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.urls import clear_url_caches
from django.utils import timezone
from psycopg import errors
from pytest_django import Settings

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.embedded import models
from tests.scim_server.conftest import Idp

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def error_of(response: Any, status: int, scim_type: str = "") -> str:
    body = json.loads(response.content)
    assert (response.status_code, body["status"], body["schemas"]) == (status, str(status), [ERROR])
    assert body.get("scimType", "") == scim_type
    assert response.headers["Content-Type"] == "application/scim+json"
    assert response.headers["Cache-Control"] == "no-store"
    return str(body["detail"])


REJECTED: dict[str, Callable[[Idp, Idp], object]] = {
    "no token": lambda idp, _: setattr(idp, "token", ""),
    "an unknown token": lambda idp, _: setattr(idp, "token", "scim_unknown"),
    "another connection's token": lambda idp, other: setattr(idp, "token", other.token),
    "an expired token": lambda idp, _: idp.tokens.update(expires_at=timezone.now() - timedelta(seconds=1)),
    "a revoked token": lambda idp, _: idp.tokens.update(revoked_at=timezone.now()),
    "a deleted connection": lambda idp, _: models.ScimConnectionRow.objects.update(status="deleted"),
}


@pytest.mark.parametrize("case", REJECTED)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/Users"), ("POST", "/Groups"), ("GET", "/Nothing"), ("TRACE", "/Users")]
)
def test_every_rejected_request_gets_the_same_response(
    idp: Idp, other_idp: Idp, case: str, method: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    REJECTED[case](idp, other_idp)

    response = idp.send(method, path, {"userName": "x", "displayName": "x"})

    assert error_of(response, 401) == "The bearer token is not valid for this base URL."
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert not models.ScimUserRow.objects.exists()
    assert "scim_client_rejected" in caplog.text
    assert not idp.token or idp.token not in caplog.text


def test_the_scheme_is_read_in_any_case_and_a_session_is_not_a_token(idp: Idp, admin_client: Client) -> None:
    url = f"{idp.base}/Users"

    assert Client().get(url, headers={"Authorization": f"bEARER  {idp.token}"}).status_code == 200
    assert Client().get(url, headers={"Authorization": f"Basic {idp.token}"}).status_code == 401
    assert admin_client.get(url).status_code == 401


@pytest.mark.parametrize("path", ["/Users", "/Users/", "/Groups/", "/Schemas/", "/ServiceProviderConfig/"])
def test_a_slash_at_the_end_is_tolerated(idp: Idp, path: str) -> None:
    assert idp.get(path).status_code == 200


@pytest.mark.parametrize("path", ["", "/", "/users", "/Users/Users/x", "/v2/Users", "/Nothing", "/Users/a/b"])
def test_an_unknown_endpoint_is_a_scim_error(idp: Idp, path: str) -> None:
    assert "There is no endpoint" in error_of(idp.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/Users", "GET, HEAD, POST"),
        ("POST", "/Users/x", "DELETE, GET, HEAD, PATCH, PUT"),
        ("POST", "/Schemas", "GET, HEAD"),
    ],
)
def test_a_method_that_is_not_offered_names_those_that_are(idp: Idp, method: str, path: str, allowed: str) -> None:
    response = idp.send(method, path, {})

    error_of(response, 405)
    assert response["Allow"] == allowed


@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "application/scim+json;charset=UTF-8", ""]
)
def test_each_media_type_of_json_is_accepted(idp: Idp, content_type: str) -> None:
    assert idp.send("POST", "/Users", {"userName": "ada"}, content_type=content_type).status_code == 201


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_other_media_types_are_rejected(idp: Idp, content_type: str) -> None:
    error_of(idp.send("POST", "/Users", {"userName": "ada"}, content_type=content_type), 415)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"userName": NaN}',
        b'{"userName": 1e999}',
        b'{"userName": "a", "USERNAME": "b"}',
        b'{"userName": "a\\u0000b"}',
        b'{"userName": "\\ud800"}',
        b'{"name": {"familyName": "\\u0000"}, "userName": "a"}',
        b'{"a\\u0000": 1, "userName": "a"}',
        b"[" * 100_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
    ],
    ids=range(14),
)
def test_a_body_that_cannot_be_stored_is_rejected(idp: Idp, body: bytes) -> None:
    error_of(idp.send("POST", "/Users", body), 400, "invalidSyntax")
    assert not models.ScimUserRow.objects.exists()


def test_a_byte_order_mark_is_ignored(idp: Idp) -> None:
    assert idp.send("POST", "/Users", b'\xef\xbb\xbf{"userName": "ada"}').json()["userName"] == "ada"


def test_a_body_that_is_too_large_is_rejected(idp: Idp, settings: Settings) -> None:
    settings.SCIM_MAX_BODY_BYTES = 1000

    assert "1000 bytes" in error_of(idp.send("POST", "/Users", {"userName": "x" * 1001}), 413)


def test_an_internal_error_is_a_scim_error_without_details(idp: Idp) -> None:
    with patch("portal.embedded.scim.protocol.users.find_unique", side_effect=RuntimeError("secret detail")):
        response = idp.get("/Users")

    assert "secret" not in error_of(response, 500)
    assert response["X-Request-ID"]


def test_a_lost_database_asks_to_try_again(idp: Idp) -> None:
    with patch("portal.embedded.scim.protocol.users.find_unique", side_effect=OperationalError("gone")):
        response = idp.get("/Users")

    error_of(response, 503)
    assert response["Retry-After"]


@pytest.mark.parametrize("where", ["protocol.users.find_unique", "log.entries.record_token_use"])
def test_the_log_of_an_outage_names_its_cause_and_no_values(
    idp: Idp, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    error = OperationalError("could not write ada@acme.example")
    error.__cause__ = errors.DiskFull("could not write ada@acme.example")

    with patch(f"portal.embedded.scim.{where}", side_effect=error):
        idp.get("/Users")

    assert "disk full" in caplog.text
    assert "53100" in caplog.text
    assert "ada@acme.example" not in caplog.text


def test_maintenance_asks_to_try_again(idp: Idp, settings: Settings) -> None:
    settings.MAINTENANCE = True

    response = idp.get("/Users")

    error_of(response, 503)
    assert response["Retry-After"] == "120"


def test_another_connections_resources_do_not_exist(idp: Idp, other_idp: Idp) -> None:
    user, group = other_idp.create_user("gil"), other_idp.create_group("Everyone")

    for path in (f"/Users/{user}", f"/Groups/{group}"):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            body = {
                "userName": "x",
                "displayName": "x",
                "Operations": [{"op": "add", "path": "displayName", "value": "x"}],
            }
            error_of(idp.send(method, path, body), 404)
    assert idp.get("/Users", filter='userName eq "gil"').json()["totalResults"] == 0
    assert idp.get("/Users", filter=f'id eq "{user}"').json()["totalResults"] == 0
    assert other_idp.get(f"/Users/{user}").status_code == 200
    mine = idp.create_group("Mine")
    rejected = idp.patch(f"/Groups/{mine}", {"op": "add", "path": "members", "value": [{"value": user}]})
    assert user in error_of(rejected, 400, "invalidValue")


@pytest.fixture
def unguarded_endpoint() -> Any:
    from portal import urls  # noqa: PLC0415 -- changed for this test alone

    def view(request: Any) -> HttpResponse:
        raise AssertionError("must never run")

    urls.urlpatterns.insert(0, route("v1/b2b/scim/open", view, name="open", allow=Audience.SCIM_CLIENT))
    clear_url_caches()
    yield
    urls.urlpatterns.pop(0)
    clear_url_caches()


@pytest.mark.usefixtures("unguarded_endpoint")
def test_an_endpoint_without_authentication_is_reported_and_rejects_requests(visitor: Client) -> None:
    assert "portal.E002" in [message.id for message in run_checks()]
    assert visitor.get("/v1/b2b/scim/open").status_code == 500


def test_plain_http_is_rejected_where_the_portal_is_served_over_https(idp: Idp, settings: Settings) -> None:
    """A redirect would have the identity provider fail without a word on why, and would not take the token back."""
    settings.SECURE_SSL_REDIRECT = True

    detail = error_of(idp.send("POST", "/Users", {"userName": "ada"}), 403)

    assert "https" in detail
    assert not models.ScimUserRow.objects.exists()
    assert idp.entries[-1].refusal == "plain_http"
    assert idp.tokens.get().last_used_at is None
    secure = idp.client.get(f"{idp.base}/Users", headers={"Authorization": f"Bearer {idp.token}"}, secure=True)
    assert secure.status_code == 200
