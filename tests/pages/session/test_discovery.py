"""Sign in before an organization is chosen, and move between organizations."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.embedded import models
from portal.web.session_cookie import cookie_name
from tests import factories
from tests.conftest import PASSWORD


def discover(client: Client, email_address: str = "ada@acme.example", password: str = PASSWORD) -> Any:
    return client.post("/sign-in/", {"email_address": email_address, "password": password})


@pytest.fixture
def ada_in_globex(globex: models.OrganizationRow) -> models.MemberRow:
    return factories.member(globex, "ada@acme.example", name="Ada Admin", password=PASSWORD)


def test_person_in_one_organization_is_signed_in_to_it(admin: models.MemberRow, visitor: Client) -> None:
    response = discover(visitor)

    assert (response.status_code, response["Location"]) == (303, "/o/acme/")
    assert visitor.get("/o/acme/").status_code == 200


def test_person_in_several_organizations_chooses(
    admin: models.MemberRow, ada_in_globex: models.MemberRow, visitor: Client
) -> None:
    assert discover(visitor)["Location"] == "/organizations/"

    page = visitor.get("/organizations/").content.decode()
    assert "Acme" in page
    assert "Globex" in page

    chosen = visitor.post("/organizations/", {"organization_id": f"organization-live-{ada_in_globex.organization_id}"})
    assert chosen["Location"] == "/o/globex/"
    assert visitor.get("/o/globex/").status_code == 200
    assert visitor.get("/o/acme/").status_code == 404


def test_only_organizations_where_the_password_is_right_are_offered(
    admin: models.MemberRow, globex: models.OrganizationRow, visitor: Client
) -> None:
    factories.member(globex, "ada@acme.example", password="another password")

    assert discover(visitor)["Location"] == "/o/acme/"


def test_undiscovered_organization_cannot_be_chosen(
    admin: models.MemberRow, ada_in_globex: models.MemberRow, visitor: Client
) -> None:
    third = factories.organization("third")
    discover(visitor)

    for organization_id in (f"organization-live-{third.pk}", "organization-live-nonsense", "x" * 101, ""):
        response = visitor.post("/organizations/", {"organization_id": organization_id})
        assert response.status_code in {401, 422}
    assert not models.MemberSessionRow.objects.exists()


def test_choice_is_valid_for_ten_minutes(
    admin: models.MemberRow, ada_in_globex: models.MemberRow, visitor: Client
) -> None:
    discover(visitor)

    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        assert visitor.get("/organizations/")["Location"] == "/sign-in/"
        choice = {"organization_id": f"organization-live-{admin.organization_id}"}
        assert visitor.post("/organizations/", choice).status_code == 401


def test_choice_works_once(admin: models.MemberRow, ada_in_globex: models.MemberRow, visitor: Client) -> None:
    discover(visitor)
    cookie = visitor.cookies["choice"].value
    chosen = visitor.post("/organizations/", {"organization_id": f"organization-live-{admin.organization_id}"})

    assert chosen.cookies["choice"].value == ""
    visitor.cookies["choice"] = cookie
    second = visitor.post("/organizations/", {"organization_id": f"organization-live-{ada_in_globex.organization_id}"})
    assert second.status_code == 401


def test_signing_out_ends_an_open_choice(
    admin: models.MemberRow, ada_in_globex: models.MemberRow, visitor: Client
) -> None:
    visitor.cookies[cookie_name("acme")] = factories.session_token(admin)
    discover(visitor)
    cookie = visitor.cookies["choice"].value

    assert visitor.post("/o/acme/sign-out/").cookies["choice"].value == ""

    visitor.cookies["choice"] = cookie
    second = visitor.post("/organizations/", {"organization_id": f"organization-live-{ada_in_globex.organization_id}"})
    assert second.status_code == 401


def test_deleted_member_cannot_choose_the_organization(
    admin: models.MemberRow, ada_in_globex: models.MemberRow, visitor: Client
) -> None:
    discover(visitor)
    models.MemberRow.objects.filter(pk=admin.pk).update(status="deleted")

    choice = {"organization_id": f"organization-live-{admin.organization_id}"}
    assert visitor.post("/organizations/", choice).status_code == 401


def test_two_organizations_are_open_side_by_side(
    admin: models.MemberRow, ada_in_globex: models.MemberRow, visitor: Client
) -> None:
    for member in (admin, ada_in_globex):
        discover(visitor)
        visitor.post("/organizations/", {"organization_id": f"organization-live-{member.organization_id}"})

    assert visitor.get("/o/acme/").status_code == 200
    assert visitor.get("/o/globex/").status_code == 200
    assert visitor.get("/")["Location"] == "/organizations/"

    visitor.post("/o/acme/sign-out/")
    assert visitor.get("/o/globex/").status_code == 200
    assert visitor.get("/o/acme/").status_code == 404


@pytest.mark.parametrize(
    ("email_address", "password"), [("ada@acme.example", "wrong"), ("nobody@acme.example", PASSWORD)]
)
def test_failed_sign_ins_look_the_same(
    admin: models.MemberRow, visitor: Client, email_address: str, password: str
) -> None:
    response = discover(visitor, email_address, password)

    assert response.status_code == 422
    assert "Incorrect email or password." in response.content.decode()


def test_root_url_redirects(admin: models.MemberRow, visitor: Client) -> None:
    assert visitor.get("/")["Location"] == "/sign-in/"
    discover(visitor)
    assert visitor.get("/")["Location"] == "/o/acme/"


def test_page_for_a_member_of_another_organization_offers_sign_in(
    acme: models.OrganizationRow, other_admin_client: Client
) -> None:
    response = other_admin_client.get("/o/acme/scim/")

    assert response.status_code == 404
    assert "/o/acme/sign-in/?next=%2Fo%2Facme%2Fscim%2F" in response.content.decode()


def test_unknown_organization_looks_like_another_one(acme: models.OrganizationRow, other_admin_client: Client) -> None:
    with time_machine.travel(timezone.now(), tick=False):  # pages show the time, in seconds
        mine = other_admin_client.get("/o/acme/").content.decode().replace("acme", "nowhere")
        unknown = other_admin_client.get("/o/nowhere/").content.decode()

    def without_request_id(page: str) -> str:
        return "".join(line for line in page.splitlines() if "request-id" not in line)

    assert without_request_id(mine) == without_request_id(unknown)


def test_invalid_session_cookie_is_deleted(acme: models.OrganizationRow, visitor: Client) -> None:
    for value in ("nonsense", "\udc80", "x" * 5000):
        visitor.cookies[cookie_name("acme")] = value.encode("utf-8", "replace").decode()
        response = visitor.get("/o/acme/")
        assert response.status_code == 401
        assert response.cookies[cookie_name("acme")].value == ""


def test_organizations_that_are_open_in_this_browser_are_named(acme: models.OrganizationRow) -> None:
    models.OrganizationRow.objects.filter(pk=acme.pk).update(name="Acme <Inc>")
    other = factories.member(factories.organization("deleted"), "ada@acme.example")
    client = factories.signed_in(factories.member(acme, "ada@acme.example"))
    client.cookies.update(factories.signed_in(other).cookies)
    models.OrganizationRow.objects.filter(slug="deleted").update(deleted_at=timezone.now())

    html = client.get("/organizations/").content.decode()

    assert re.findall(r'<a class="choice" href="([^"]+)">\s*<span [^>]+>(.)</span>\s*<span><b>([^<]+)</b>', html) == [
        ("/o/acme/", "A", "Acme &lt;Inc&gt;")
    ]


def test_naming_organizations_takes_one_query(
    acme: models.OrganizationRow,
    globex: models.OrganizationRow,
    visitor: Client,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for slug in ("acme", "globex", "made-up"):
        visitor.cookies[cookie_name(slug)] = "made up"

    with django_assert_num_queries(1):
        html = visitor.get("/organizations/").content.decode()

    assert ("<b>Acme</b>" in html, "<b>Globex</b>" in html, "made-up" in html) == (True, True, False)
