"""Error pages: what happened, what to do, who can help, and the request ID."""

import re
from collections.abc import Callable
from unittest.mock import patch

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils.html import escape
from pytest_django import Settings

from portal.directory.errors import Unavailable
from portal.embedded import models
from portal.web import errors
from portal.web.availability import REASONS, NotAvailable, available
from tests import factories

HTMX = {"HX-Request": "true", "HX-Target": "groups"}


def is_page(text: str) -> bool:
    return text.lstrip().startswith("<!doctype html>")


def test_a_missing_right_says_which_and_who_has_it(member_client: Client) -> None:
    response = member_client.get("/o/acme/scim/")
    page = response.content.decode()

    assert response.status_code == 403
    assert "You don’t have access to SCIM" in page
    assert "don’t let you see the SCIM connection" in page
    assert 'id="navigation"' in page


def test_a_missing_right_names_a_few_members_who_have_it(
    acme: models.OrganizationRow, admin: models.MemberRow, member_client: Client
) -> None:
    for name in ("bea", "cem", "dan"):
        factories.member(acme, f"{name}@acme.example", name=name.title(), roles=["stytch_admin"])
    factories.member(factories.organization("initech"), "aaa@initech.example", roles=["stytch_admin"])
    models.MemberRow.objects.filter(name="Bea").update(status="deleted")

    page = member_client.get("/o/acme/scim/").content.decode()
    assert 'href="mailto:ada@acme.example"' in page
    assert [name in page for name in ("Bea", "Cem", "Dan", "initech")] == [False, True, True, False]

    notice = member_client.get("/o/acme/scim/groups/", headers=HTMX).content.decode()
    assert "Ask Ada Admin, Cem, Dan." in notice


def test_without_names_the_roles_that_can_help_are_named(member_client: Client) -> None:
    with patch("portal.embedded.members.listing.helpers", side_effect=Unavailable("No answer.")):
        page = member_client.get("/o/acme/scim/").content.decode()

    assert "<b>Admin</b>" in page


def test_several_roles_that_can_help_are_all_named(rf: RequestFactory) -> None:
    problem = errors.Problem(403, "No", "You may not.", who_can_help=("stytch_admin", "it_admin"))

    page = errors.error_page(rf.get("/"), problem).content.decode()

    assert "Ask someone with one of the roles <b>Admin</b>, <b>It admin</b>." in " ".join(page.split())


def test_every_error_page_names_its_request(visitor: Client) -> None:
    response = visitor.get("/nowhere/")

    assert response.status_code == 404
    assert f'<code id="request-id">{response["X-Request-ID"]}</code>' in response.content.decode()
    assert 'href="/"' in response.content.decode()


@pytest.mark.parametrize(
    ("path", "link"),
    [
        ("scim/groups/made-up/", ("/o/acme/scim/groups/", "View groups")),
        ("scim/people/made-up/", ("/o/acme/scim/people/", "View people")),
        ("scim/log/made-up/replay/", ("/o/acme/scim/log/", "View log")),
        ("members/made-up/", ("/o/acme/members/", "View members")),
        ("activity/made-up/", ("/o/acme/activity/", "View activity")),
        ("scim/restore/made-up/", ("/o/acme/scim/", "Go to SCIM")),
    ],
)
def test_a_missing_item_leads_to_its_list_and_a_missing_page_to_its_area(
    acme: models.OrganizationRow, admin_client: Client, path: str, link: tuple[str, str]
) -> None:
    factories.scim_connection(acme)

    response = admin_client.get(f"/o/acme/{path}")

    assert response.status_code == 404
    assert re.findall(r'<a class="btn btn-primary" href="([^"]+)">([^<]+)</a>', response.content.decode()) == [link]


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (lambda request: errors.bad_request(request, ValueError()), 400, "Invalid request"),
        (lambda request: errors.forbidden(request, ValueError()), 403, "You don’t have access"),
        (errors.not_found, 404, "Page not found"),
        (lambda request: errors.method_not_allowed(request, frozenset({"POST"})), 405, "accept GET requests"),
        (errors.csrf_failure, 403, "Go back, reload the page, and send the form again"),
        (errors.server_error, 500, "the error was recorded"),
        (errors.maintenance, 503, "Back in a moment"),
        (
            lambda request: errors.directory_error_page(request, Unavailable("Stytch does not answer.")),
            503,
            "Stytch does not",
        ),
    ],
)
@pytest.mark.parametrize("as_fragment", [False, True])
def test_each_error_reads_well_as_a_page_and_as_a_notice(
    rf: RequestFactory,
    answer: Callable[[HttpRequest], HttpResponse],
    status: int,
    says: str,
    as_fragment: bool,
) -> None:
    request = rf.get("/o/acme/scim/?cursor=x")
    request.request_id = "request-id-live-1"  # type: ignore[attr-defined]  # -- as RequestLog does
    request.htmx = as_fragment and type("Htmx", (), {"boosted": False})()  # type: ignore[attr-defined]  # -- as its middleware does

    response = answer(request)
    text = response.content.decode()

    assert response.status_code == status
    assert says in text
    assert "request-id-live-1" in text
    assert is_page(text) is not as_fragment
    assert ("notice-danger" in text.partition("<template")[0]) is as_fragment
    assert ("Try again" in text.partition("<template")[0]) is (status in {500, 503})


def test_an_error_answers_no_cache(visitor: Client) -> None:
    assert "no-store" in visitor.get("/nowhere/")["Cache-Control"]


def test_maintenance_needs_no_database_and_shows_no_frame(visitor: Client, settings: Settings) -> None:
    """No `db` fixture: a query would fail this test."""
    settings.MAINTENANCE = True

    response = visitor.get("/o/acme/scim/")
    page = response.content.decode()

    assert response.status_code == 503
    assert response["Retry-After"]
    assert 'id="navigation"' not in page
    assert re.search(r'<a class="btn btn-primary" href="/o/acme/scim/">.*?Try again', page, re.DOTALL)


def test_an_unexpected_error_is_a_page_without_frame(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    client = factories.signed_in(admin)
    client.raise_request_exception = False

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portal.pages.home.views.right_to", lambda *_: 1 / 0)
        factories.scim_connection(acme)
        response = client.get("/o/acme/")

    page = response.content.decode()
    assert response.status_code == 500
    assert "Something went wrong" in page
    assert "ZeroDivisionError" not in page
    assert 'id="navigation"' not in page


def test_a_fragment_without_session_says_so_and_leads_to_sign_in(acme: models.OrganizationRow, visitor: Client) -> None:
    response = visitor.get("/o/acme/scim/", headers=HTMX)

    assert response.status_code == 401
    assert response["HX-Redirect"].startswith("/o/acme/sign-in/")
    assert not is_page(response.content.decode())


def test_what_a_visitor_wrote_into_the_address_is_text(visitor: Client) -> None:
    page = visitor.get("/<script>alert(1)</script>/").content.decode()

    assert "<script>alert" not in page


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("POST", 501)])
@pytest.mark.parametrize("as_fragment", [False, True])
def test_a_capability_that_the_directory_lacks_is_explained(
    rf: RequestFactory, method: str, status: int, as_fragment: bool
) -> None:
    request = rf.generic(method, "/o/acme/scim/pause/")
    request.htmx = as_fragment and type("Htmx", (), {"boosted": False})()  # type: ignore[attr-defined]  # -- as its middleware does

    with pytest.raises(NotAvailable) as error:
        available(None, "pause")
    response = errors.directory_error_page(request, error.value)
    text = response.content.decode()

    assert response.status_code == status
    assert "Not available with this directory" in text
    assert escape(REASONS["pause"]) in text
    assert is_page(text) is not as_fragment


def test_a_capability_that_the_directory_has_is_returned() -> None:
    assert available("gateway", "pause") == "gateway"
