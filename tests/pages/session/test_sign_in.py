"""Sign in to an organization by password."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import pytest
import time_machine
from django.contrib.auth import hashers
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from portal.embedded import models
from portal.embedded.tokens import token_hash
from portal.web.session_cookie import cookie_name
from tests import factories
from tests.conftest import PASSWORD

SIGN_IN = "/o/acme/sign-in/"
REFUSAL = "Incorrect email or password."


def sign_in(client: Client, email_address: str, password: str = PASSWORD, url: str = SIGN_IN, **more: str) -> Any:
    return client.post(url, {"email_address": email_address, "password": password, **more})


def test_right_password_opens_the_organization(admin: models.MemberRow, visitor: Client) -> None:
    response = sign_in(visitor, "ada@acme.example")

    assert (response.status_code, response["Location"]) == (303, "/o/acme/")
    assert "Acme" in visitor.get("/o/acme/").content.decode()


def test_sign_in_ignores_case_and_composition_of_the_address(acme: models.OrganizationRow, visitor: Client) -> None:
    factories.member(acme, "josé@acme.example", password=PASSWORD)

    # EmailField takes no accents in the local part; case is what people vary.
    factories.member(acme, "Ada@Acme.example", password=PASSWORD)

    assert sign_in(visitor, "aDA@aCME.example").status_code == 303


def test_sign_in_returns_to_the_page(admin: models.MemberRow, visitor: Client) -> None:
    asked = visitor.get("/o/acme/scim/?limit=25")
    assert asked.status_code == 302

    page = visitor.get(asked["Location"]).content.decode()
    assert 'value="/o/acme/scim/?limit=25"' in page
    response = sign_in(visitor, "ada@acme.example", next="/o/acme/scim/?limit=25")

    assert response["Location"] == "/o/acme/scim/?limit=25"


@pytest.mark.parametrize(
    "onward",
    [
        "https://evil.example/",
        "//evil.example/",
        "/o/globex/",
        "/o/acme/../globex/\\evil",
        "javascript:alert(1)",
        "/\\evil.example",
    ],
)
def test_sign_in_redirects_nowhere_else(admin: models.MemberRow, visitor: Client, onward: str) -> None:
    response = sign_in(visitor, "ada@acme.example", next=onward)

    assert not response["Location"].startswith(("http", "//", "/\\", "javascript"))
    assert response["Location"].startswith("/o/acme/")


@pytest.mark.parametrize(
    ("email_address", "password"),
    [
        ("ada@acme.example", "not the password"),
        ("nobody@acme.example", PASSWORD),
        ("gil@globex.example", PASSWORD),
        ("invited@acme.example", ""),
        ("left@acme.example", PASSWORD),
    ],
)
def test_failed_sign_ins_look_the_same(
    admin: models.MemberRow, other_admin: models.MemberRow, visitor: Client, email_address: str, password: str
) -> None:
    factories.member(admin.organization, "invited@acme.example")
    left = factories.member(admin.organization, "left@acme.example", password=PASSWORD)
    left.status = "deleted"
    left.save()

    response = sign_in(visitor, email_address, password or "anything at all")

    assert response.status_code == 422
    assert REFUSAL in response.content.decode()
    assert cookie_name("acme") not in response.cookies


@pytest.fixture
def hash_checks() -> Iterator[list[str]]:
    """The hashes that were computed, one entry each."""
    computed: list[str] = []
    real = hashers.MD5PasswordHasher.encode

    def counted(self: hashers.MD5PasswordHasher, password: str, salt: str) -> str:
        computed.append(salt)
        return real(self, password, salt)

    with patch.object(hashers.MD5PasswordHasher, "encode", counted):
        yield computed


@pytest.mark.parametrize(("url", "checks"), [(SIGN_IN, 1), ("/sign-in/", 5)])
@pytest.mark.parametrize("email_address", ["ada@acme.example", "nobody@acme.example", "invited@acme.example"])
def test_time_does_not_tell_who_exists(
    admin: models.MemberRow, visitor: Client, hash_checks: list[str], email_address: str, url: str, checks: int
) -> None:
    factories.member(admin.organization, "invited@acme.example")
    sign_in(visitor, "warm@acme.example", "up", url)  # the stand-in hash is computed once in a process
    hash_checks.clear()

    sign_in(visitor, email_address, "not the password", url)

    assert len(hash_checks) == checks


def test_signing_in_costs_one_hash_and_as_many_queries_in_a_large_organization(
    admin: models.MemberRow, hash_checks: list[str]
) -> None:
    def queries() -> int:
        hash_checks.clear()
        with CaptureQueriesContext(connection) as captured:
            assert sign_in(Client(), "ada@acme.example", PASSWORD).status_code == 303
        assert len(hash_checks) == 1
        return len(captured)

    queries()  # the device is new, and an email says so
    few = queries()
    for n in range(30):
        factories.session_token(factories.member(admin.organization, f"person{n}@acme.example", roles=["stytch_admin"]))

    assert queries() <= few


def test_token_is_only_in_the_cookie(admin: models.MemberRow, visitor: Client) -> None:
    response = sign_in(visitor, "ada@acme.example")

    cookie = response.cookies[cookie_name("acme")]
    session = models.MemberSessionRow.objects.get()
    assert bytes(session.token_hash) == token_hash(cookie.value)
    assert cookie.value not in str(list(models.ActivityEntryRow.objects.values()))
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"


def test_https_cookie_is_bound_to_the_host(admin: models.MemberRow, settings: Settings) -> None:
    settings.IS_HTTPS = True
    settings.COOKIE_PREFIX = "__Host-"

    response = sign_in(Client(), "ada@acme.example")

    cookie = response.cookies["__Host-session-acme"]
    assert cookie["secure"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]


def test_idle_session_ends(admin: models.MemberRow, settings: Settings) -> None:
    settings.SESSION_IDLE_MINUTES = 60
    client = factories.signed_in(admin)

    with time_machine.travel(timezone.now() + timedelta(minutes=59), tick=False):
        assert client.get("/o/acme/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=118), tick=False):
        assert client.get("/o/acme/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=179), tick=False):
        assert client.get("/o/acme/").status_code == 401


def test_session_ends_despite_use(admin: models.MemberRow, settings: Settings) -> None:
    settings.SESSION_DURATION_MINUTES = 60
    client = factories.signed_in(admin)

    for minutes, status in ((30, 200), (59, 200), (61, 401)):
        with time_machine.travel(timezone.now() + timedelta(minutes=minutes), tick=False):
            assert client.get("/o/acme/").status_code == status


UNSAFE = ["%0d%0aSet-Cookie:x=y", "%00", "%e2%80%a8", "%ff", "a b", "%7f", "%c2%85", "%f0%9f%98%80"]


@pytest.mark.parametrize("unsafe", UNSAFE)
def test_sign_in_redirects_home_if_the_page_has_no_url(admin: models.MemberRow, visitor: Client, unsafe: str) -> None:
    form = f"email_address=ada%40acme.example&password={quote(PASSWORD)}&next=%2Fo%2Facme%2Fscim%2F{unsafe}"

    page = visitor.get(f"{SIGN_IN}?next=%2Fo%2Facme%2Fscim%2F{unsafe}")
    response = visitor.post(SIGN_IN, form, content_type="application/x-www-form-urlencoded")

    assert (page.status_code, 'name="next"' in page.content.decode()) == (200, False)
    assert (response.status_code, response["Location"]) == (303, "/o/acme/")


@pytest.mark.parametrize("name", ["a/b", "", "../x", "a%2Fb", "ä", "a b"])
def test_cookie_with_a_strange_name_is_ignored(db: None, name: str) -> None:
    cookie = f"{cookie_name(name)}=x"

    for page in ("/", "/organizations/"):
        assert Client().get(page, headers={"Cookie": cookie})["Location"] == "/sign-in/"
    assert Client().get("/o/acme/", headers={"Cookie": cookie}).status_code in {302, 401, 404}


def test_revoked_session_ends_at_the_next_request(admin_client: Client) -> None:
    assert admin_client.get("/o/acme/").status_code == 200

    models.MemberSessionRow.objects.update(revoked_at=timezone.now())

    assert admin_client.get("/o/acme/").status_code == 401


def test_deleted_member_is_signed_out_at_the_next_request(admin: models.MemberRow, admin_client: Client) -> None:
    models.MemberRow.objects.filter(pk=admin.pk).update(status="deleted")

    assert admin_client.get("/o/acme/").status_code == 401


def test_removed_role_takes_effect_at_the_next_request(admin: models.MemberRow, admin_client: Client) -> None:
    models.MemberRow.objects.filter(pk=admin.pk).update(direct_roles=[])

    assert admin_client.get("/o/acme/scim/").status_code == 403


def test_signing_out_revokes_the_session(admin: models.MemberRow, visitor: Client) -> None:
    sign_in(visitor, "ada@acme.example")
    token = visitor.cookies[cookie_name("acme")].value

    response = visitor.post("/o/acme/sign-out/")

    assert (response.status_code, response["Location"]) == (303, "/signed-out/")
    assert response.cookies[cookie_name("acme")].value == ""
    thief = Client()
    thief.cookies[cookie_name("acme")] = token
    assert thief.get("/o/acme/").status_code == 401


def test_late_form_redirects_to_sign_in_and_not_to_itself(acme: models.OrganizationRow, visitor: Client) -> None:
    assert visitor.post("/o/acme/sign-out/")["Location"] == "/o/acme/sign-in/"


def test_htmx_request_without_session_redirects_to_sign_in_and_back(
    acme: models.OrganizationRow, visitor: Client
) -> None:
    response = visitor.get(
        "/o/acme/scim/",
        headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/o/acme/scim/?limit=25"},
    )

    assert response.status_code == 401
    assert response["HX-Redirect"] == "/o/acme/sign-in/?next=%2Fo%2Facme%2Fscim%2F%3Flimit%3D25"


def test_sign_in_and_sign_out_are_in_the_activity_log(admin: models.MemberRow, visitor: Client) -> None:
    sign_in(visitor, "ada@acme.example")
    visitor.post("/o/acme/sign-out/")

    entries = models.ActivityEntryRow.objects.order_by("id").values_list("action", "actor_id", "target_name")
    assert [entry[0] for entry in entries] == ["member_session.create", "member_session.revoke"]
    assert {entry[1] for entry in entries} == {f"member-live-{admin.pk}"}


def test_forms_need_the_csrf_token(admin: models.MemberRow) -> None:
    client = Client(enforce_csrf_checks=True)

    response = sign_in(client, "ada@acme.example")

    assert response.status_code == 403
    assert "no longer valid" in response.content.decode()
    assert models.MemberSessionRow.objects.count() == 0


def test_attempts_for_one_member_from_one_ip_address_are_limited(admin: models.MemberRow, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_MEMBER = "3 per hour"
    for _ in range(3):
        wrong = {"email_address": "ada@acme.example", "password": "wrong"}
        assert Client(REMOTE_ADDR="192.0.2.9").post(SIGN_IN, wrong).status_code == 422

    rejected = sign_in(Client(REMOTE_ADDR="192.0.2.9"), "ADA@acme.example")

    assert rejected.status_code == 429
    assert "Too many attempts" in rejected.content.decode()
    assert "sign-in link" not in rejected.content.decode()
    assert sign_in(Client(REMOTE_ADDR="192.0.2.9"), "max@acme.example").status_code == 422
    assert sign_in(Client(REMOTE_ADDR="192.0.2.8"), "ada@acme.example").status_code == 303


def test_attempts_from_one_ip_address_are_limited(admin: models.MemberRow, settings: Settings) -> None:
    settings.SIGN_IN_RATE_PER_ADDRESS = "3 per hour"
    for n in range(3):
        assert sign_in(Client(), f"person{n}@acme.example").status_code == 422

    assert sign_in(Client(), "ada@acme.example").status_code == 429
    assert sign_in(Client(), "ada@acme.example", url="/sign-in/").status_code == 429
    assert sign_in(Client(REMOTE_ADDR="192.0.2.9"), "ada@acme.example").status_code == 303


def test_unknown_organization_is_not_found(acme: models.OrganizationRow, visitor: Client) -> None:
    assert visitor.get("/o/nowhere/sign-in/").status_code == 404


@pytest.mark.parametrize(
    "bad", [{"email_address": "ada"}, {"password": ""}, {"email_address": "a\0@b.example"}, {"password": "x" * 5000}]
)
def test_invalid_input_is_shown_at_its_field(
    acme: models.OrganizationRow, visitor: Client, bad: dict[str, str]
) -> None:
    response = visitor.post(SIGN_IN, {"email_address": "ada@acme.example", "password": PASSWORD} | bad)

    assert response.status_code == 422
    assert f'aria-describedby="id_{next(iter(bad))}_error"' in response.content.decode()
