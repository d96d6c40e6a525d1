"""Rules of every method: credentials, error responses, and cross-origin requests."""

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from django.test import Client

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.project_secrets import NewProjectSecret, create_project_secret
from tests import factories
from tests.api.conftest import PAGE, Caller

PageOf = Callable[[models.MemberRow | None], Caller]
GET = "scim/acme/connection"


# --- Who calls --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "password", "error_type"),
    [
        ("", "", "unauthorized_credentials"),
        ("project-live-none", "secret-live-none", "unauthorized_credentials"),
        ("project-test-none", "secret-test-none", "wrong_stack_live"),
        ("public-token-live-none", "public-token-live-none", "secret_required"),
    ],
)
def test_wrong_credentials_are_named(acme: models.OrganizationRow, user: str, password: str, error_type: str) -> None:
    answer = Caller(user, password, "/v1/b2b/", {}).get(GET)

    assert (answer.status, answer.error_type) == (401, error_type)


def test_a_secret_of_another_project_is_rejected(backend: Caller, acme: models.OrganizationRow) -> None:
    other = models.ProjectRow.objects.create(public_token="public-token-live-other")

    answer = Caller(public_id("project", other.pk), backend.password, "/v1/b2b/", {}).get(GET)

    assert (answer.status, answer.error_type) == (401, "unauthorized_credentials")


def test_several_secrets_are_good_at_once_and_each_knows_its_last_use(
    backend: Caller, acme: models.OrganizationRow
) -> None:
    second = create_project_secret(origin=Origin())

    assert backend.get(GET).status == 200
    assert Caller(second.project_id, second.secret, "/v1/b2b/", {}).get(GET).status == 200
    assert models.ProjectSecretRow.objects.filter(last_used_at=None).count() == 0


@pytest.mark.parametrize("header", ["", "Bearer abc", "Basic ===", "Basic bm9jb2xvbg=="])
def test_what_is_not_http_basic_is_rejected(acme: models.OrganizationRow, header: str) -> None:
    response = Client().get(f"/v1/b2b/{GET}", headers={"Authorization": header})

    assert (response.status_code, response.json()["error_type"]) == (401, "invalid_authorization_header")


def test_a_secret_in_a_browser_is_rejected(backend: Caller, acme: models.OrganizationRow) -> None:
    answer = backend.get(GET, Origin=PAGE)

    assert (answer.status, answer.error_type) == (403, "secret_used_in_browser")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("public_token", ["public-token-live-none", "public-token-live-\0"])
def test_a_public_token_that_there_is_not_is_rejected(page_of: PageOf, public_token: str) -> None:
    answer = Caller(public_token, public_token, "/sdk/v1/", page_of(None).headers).get("b2b/scim")

    assert (answer.status, answer.error_type) == (401, "unauthorized_credentials")


def test_a_secret_at_the_browsers_address_is_rejected(project: NewProjectSecret, page_of: PageOf) -> None:
    answer = Caller(project.project_id, project.secret, "/sdk/v1/", {"Origin": PAGE}).get("b2b/scim")

    assert (answer.status, answer.error_type) == (401, "public_token_required")


def test_a_page_where_no_one_is_signed_in_is_rejected(page_of: PageOf) -> None:
    answer = page_of(None).get("b2b/scim")

    assert (answer.status, answer.error_type) == (401, "user_unauthenticated")


def test_a_session_that_was_revoked_is_rejected_at_once(page_of: PageOf, admin: models.MemberRow) -> None:
    page = page_of(admin)
    assert page.get("b2b/scim").status == 200

    models.MemberSessionRow.objects.update(revoked_at="2026-01-01T00:00:00Z")

    answer = page.get("b2b/scim")
    assert (answer.status, answer.error_type) == (404, "session_not_found")


# --- On behalf of a member ---------------------------------------------------------------------------------------------


def test_a_backend_needs_no_members_right(backend: Caller, acme: models.OrganizationRow) -> None:
    assert backend.post(GET, {}).status == 200


def test_with_a_members_session_the_members_roles_decide(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow
) -> None:
    assert backend.get(GET, **{"X-Stytch-Member-Session": factories.product_session_token(admin)}).status == 200

    answer = backend.get(GET, **{"X-Stytch-Member-Session": factories.product_session_token(member)})
    assert (answer.status, answer.error_type) == (403, "session_authorization_error")


def test_a_session_of_another_organization_is_rejected(
    backend: Caller, admin: models.MemberRow, other_admin: models.MemberRow
) -> None:
    answer = backend.get(GET, **{"X-Stytch-Member-Session": factories.product_session_token(other_admin)})

    assert (answer.status, answer.error_type) == (403, "session_authorization_tenancy_error")


def test_a_session_that_is_none_is_rejected(backend: Caller, acme: models.OrganizationRow) -> None:
    answer = backend.get(GET, **{"X-Stytch-Member-Session": "none"})

    assert (answer.status, answer.error_type) == (404, "session_not_found")


def test_changes_by_a_backend_are_in_the_activity_log(backend: Caller, acme: models.OrganizationRow) -> None:
    backend.post(GET, {"display_name": "Okta"})

    entry = models.ActivityEntryRow.objects.get(action="scim_connection.create")
    assert (entry.actor_type, entry.actor_name) == ("project", f"secret …{backend.password[-4:]}")


# --- Which organization ------------------------------------------------------------------------------------------------


def test_an_organization_is_named_by_id_or_slug(backend: Caller, acme: models.OrganizationRow) -> None:
    created = backend.post(GET, {})

    for name in ("acme", public_id("organization", acme.pk)):
        assert (
            backend.get(f"scim/{name}/connection")["connection"]["connection_id"]
            == created["connection"]["connection_id"]
        )


@pytest.mark.parametrize("name", ["nobody", "organization-live-0192f0c1-0000-7000-8000-000000000000", "%00", "a" * 500])
def test_an_unknown_organization_is_not_found(backend: Caller, name: str) -> None:
    answer = backend.get(f"scim/{name}/connection")

    assert answer.error_type in {"organization_not_found", "invalid_argument"}


# --- What is sent ------------------------------------------------------------------------------------------------------


def test_what_is_not_known_is_ignored(backend: Caller, acme: models.OrganizationRow) -> None:
    answer = backend.post(GET, {"display_name": "Okta", "organization_id": "globex", "telemetry_id": None, "new": {}})

    assert answer.status == 200
    assert answer["connection"]["display_name"] == "Okta"


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ({"display_name": 7}, "invalid_argument", "display_name: expected str, got int."),
        ({"identity_provider": "octa"}, "invalid_scim_idp", "identity_provider: invalid enum value 'octa'."),
        ({"display_name": "a" * 500}, "invalid_argument", ""),
        ({"display_name": "a\0b"}, "invalid_argument", "Text must not contain the NUL character."),
        ([], "bad_request", "The body must be a JSON object."),
        (b"{", "bad_request", "The body is not JSON in UTF-8."),
        (b'{"display_name": "\xff"}', "bad_request", "The body is not JSON in UTF-8."),
        (b'{"display_name": "\\ud800"}', "bad_request", "The body is not JSON in UTF-8."),
    ],
)
def test_what_is_wrong_is_named(
    backend: Caller, acme: models.OrganizationRow, body: object, error_type: str, message: str
) -> None:
    answer = backend.post(GET, body)

    assert (answer.status, answer.error_type) == (400, error_type)
    assert message in answer["error_message"]


@pytest.mark.parametrize(("depth", "error_type"), [(97, ""), (98, "bad_request"), (960, "bad_request")])
def test_what_is_nested_deeply_is_rejected_before_it_is_stored(
    backend: Caller, admin: models.MemberRow, depth: int, error_type: str
) -> None:
    body = b'{"untrusted_metadata": {"a": [%s]}}' % (b"[" * depth + b"]" * depth)

    answer = backend.put(f"organizations/acme/members/{public_id('member', admin.pk)}", body)

    assert answer.error_type == error_type


def test_a_error_by_the_directory_names_the_field_too(backend: Caller, connection: models.ScimConnectionRow) -> None:
    path = f"{GET}/{public_id('scim-connection', connection.pk)}"

    assert "cursor" in backend.get(f"{path}?cursor=forged")["error_message"]
    assert "limit" in backend.get(f"{path}?limit=1001")["error_message"]
    assert "display_name" in backend.put(path, {"display_name": "a" * 500})["error_message"]


def test_an_empty_body_is_an_empty_object(backend: Caller, acme: models.OrganizationRow) -> None:
    assert backend.post(GET).status == 200


def test_a_body_that_is_too_large_is_rejected(backend: Caller, acme: models.OrganizationRow, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000

    answer = backend.post(GET, {"display_name": "a" * 2000})

    assert (answer.status, answer.error_type) == (400, "bad_request")


@pytest.mark.parametrize("method", ["PATCH", "TRACE"])
def test_an_undeclared_method_is_rejected(backend: Caller, method: str) -> None:
    answer = backend.call(method, "scim/acme/connection")

    assert (answer.status, answer.error_type) == (405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET, POST"


# --- What is answered --------------------------------------------------------------------------------------------------


def test_a_error_leads_to_the_page_that_explains_it(backend: Caller) -> None:
    answer = backend.get("scim/nobody/connection")

    assert answer["status_code"] == answer.status == 404
    assert answer["request_id"] == answer.headers["X-Request-ID"]
    page = Client().get(answer["error_url"].removeprefix("http://127.0.0.1:8000"))
    assert page.status_code == 200
    assert "organization_not_found" in page.content.decode()


def test_a_method_that_is_not_there_yet_says_so(backend: Caller, page_of: PageOf) -> None:
    answer = backend.post("impersonation/authenticate", {"impersonation_token": "x"})
    assert (answer.status, answer.error_type) == (501, "not_offered")
    assert "impersonation.authenticate" in answer["error_message"]

    answer = page_of(None).post("b2b/impersonation/authenticate", {"impersonation_token": "x"})
    assert (answer.status, answer.error_type) == (501, "not_offered")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE


def test_an_address_that_never_was_is_not_found(backend: Caller) -> None:
    answer = backend.get("scimm")

    assert (answer.status, answer.error_type) == (404, "route_not_found")


def test_an_internal_error_does_not_reveal_details(
    backend: Caller, acme: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.embedded.project.EmbeddedProject.open", lambda *_: 1 / 0)

    answer = backend.get(GET)

    assert (answer.status, answer.error_type) == (500, "internal_server_error")
    assert "division" not in json.dumps(dict(answer.fields))


def test_an_unavailable_database_is_distinguished_from_an_internal_error(
    backend: Caller, acme: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    unavailable = Mock(side_effect=OperationalError("server closed the connection"))
    monkeypatch.setattr("portal.embedded.project.EmbeddedProject.authenticate_secret", unavailable)

    answer = backend.get(GET)

    assert (answer.status, answer.error_type) == (503, "service_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert "closed" not in json.dumps(dict(answer.fields))


def test_nothing_is_kept_by_a_cache(backend: Caller, acme: models.OrganizationRow) -> None:
    assert backend.get(GET).headers["Cache-Control"] == "no-store"


# --- Browsers ----------------------------------------------------------------------------------------------------------


def test_a_page_of_a_registered_origin_may_read_responses_and_errors(page_of: PageOf, admin: models.MemberRow) -> None:
    for answer in (page_of(admin).get("b2b/scim"), page_of(None).get("b2b/scim")):
        assert answer.headers["Access-Control-Allow-Origin"] == PAGE
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com"]
)
def test_a_page_of_any_other_origin_may_not(page_of: PageOf, admin: models.MemberRow, origin: str) -> None:
    answer = page_of(admin).get("b2b/scim", Origin=origin)

    assert (answer.status, answer.error_type) == (403, "bad_domain_for_stytch_sdk")
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(("origin", "is_allowed"), [(PAGE, True), ("https://evil.example", False)])
def test_a_browser_may_ask_beforehand(page_of: PageOf, origin: str, is_allowed: bool) -> None:
    answer = page_of(None).call("OPTIONS", "b2b/scim", Origin=origin)

    assert answer.status == 204
    assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is is_allowed
    assert ("X-SDK-Client" in answer.headers.get("Access-Control-Allow-Headers", "")) is is_allowed


# --- How often ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("setting", ["API_RATE_PER_PROJECT", "API_RATE_PER_ORGANIZATION"])
def test_a_backend_that_calls_too_often_waits(
    backend: Caller, acme: models.OrganizationRow, settings: Any, setting: str
) -> None:
    setattr(settings, setting, "2 per minute")

    answers = [backend.get(GET) for _ in range(3)]

    assert [one.status for one in answers] == [200, 200, 429]
    assert answers[2].error_type == "too_many_requests"
    assert 0 < int(answers[2].headers["Retry-After"]) <= 60


def test_an_address_that_guesses_secrets_waits(project: NewProjectSecret, settings: Any) -> None:
    settings.API_FAILED_AUTHENTICATION_RATE = "2 per minute"

    answers = [Caller(project.project_id, f"secret-{n}", "/v1/b2b/", {}).get(GET) for n in range(3)]

    assert [one.status for one in answers] == [401, 401, 429]


def test_a_browser_that_calls_too_often_waits(page_of: PageOf, admin: models.MemberRow, settings: Any) -> None:
    settings.API_RATE_PER_ADDRESS = "1 per minute"
    page = page_of(admin)

    assert [page.get("b2b/scim").status for _ in range(2)] == [200, 429]


# --- What people read --------------------------------------------------------------------------------------------------


def test_the_list_of_methods_and_the_openapi_document_name_them_all(db: None) -> None:
    page = Client().get("/docs/api/").content.decode()
    document = Client().get("/docs/api/openapi.json").json()

    assert "scim.connection.get_groups" in page
    assert "impersonation.authenticate" in page
    operation = document["paths"]["/sdk/v1/b2b/scim/groups"]["post"]
    assert operation["operationId"] == "browser.scim.getConnectionGroups"
    assert set(operation["responses"]) >= {"200", "401", "403", "429", "500"}


def test_plain_http_is_rejected_where_the_portal_is_https(
    backend: Caller, acme: models.OrganizationRow, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    answer = backend.get(GET)

    assert (answer.status, answer.error_type) == (403, "use_https")
