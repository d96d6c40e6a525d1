"""The host of frames and requests that no frame of a registered page sends, or that come at a bad moment."""

import re
import time
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.configuration import Embed, ProjectConfiguration
from portal.directory.frames import EmbedArea
from portal.embedded import models
from tests.pages.embed.conftest import EMBED, PARENT, Frame, ticket

pytestmark = pytest.mark.django_db
Open = Callable[..., Frame]
WAITING = "/o/acme/embed/continue/?area=scim&next=/o/acme/scim/&back=/o/acme/scim/&since="


# --- Its name ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [f"{EMBED}.", f"{EMBED}:443", f"{EMBED}.:443", EMBED.upper()])
@pytest.mark.parametrize("path", ["/", "/o/acme/sign-in/", "/v1/b2b/organizations"])
def test_the_host_of_frames_however_it_is_written(acme: models.OrganizationRow, host: str, path: str) -> None:
    assert Client(headers={"host": host}).get(path, secure=True).status_code == 404


@pytest.mark.parametrize("host", ["[", "a]b", "[::1", "[x]", f"x@{EMBED}", f"{EMBED}:a"])
@pytest.mark.parametrize("path", ["/o/acme/sign-in/", "/v1/b2b/organizations"])
def test_an_invalid_host(acme: models.OrganizationRow, host: str, path: str) -> None:
    client = Client(headers={"host": host}, raise_request_exception=False)

    assert client.get(path, secure=True).status_code in {400, 401, 404, 405}


# --- Entry ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "destination"), [("https://evil.example", "iframe"), ("null", "iframe"), (PARENT, "document")]
)
def test_only_the_frame_of_a_registered_page_offers_a_tab(
    admin: models.MemberRow, origin: str, destination: str
) -> None:
    secret = ticket(admin)
    Frame().submit(secret)

    # Someone else's browser gets the used ticket, and would sign in as the admin with one click.
    headers = {"origin": origin, "sec-fetch-dest": destination}
    response = Frame().post("/o/acme/embed/opened/?area=scim", {"ticket": secret}, headers=headers)
    assert response.status_code == 401
    assert secret not in response.text


def test_a_frame_never_shows_the_areas_of_two_members(admin: models.MemberRow, member: models.MemberRow) -> None:
    frame = Frame()
    frame.enter(ticket(admin, EmbedArea.MEMBERS, EmbedArea.SCIM))
    frame.enter(ticket(member, EmbedArea.SCIM))

    assert frame.get("/o/acme/members/").status_code == 404


def test_a_browser_of_many_organizations_keeps_the_newest_sessions(admin: models.MemberRow) -> None:
    frame = Frame()
    for number in range(60):
        frame.cookies[f"__Host-embed-other{number:02}-scim"] = "token"
    response = frame.submit(ticket(admin))

    deleted = {name for name, one in response.cookies.items() if one["max-age"] == 0}
    assert deleted == {f"__Host-embed-other{number:02}-scim" for number in range(20)}


# --- The way to the portal itself ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("since", ["-1", "-62135596800", "nan", "-inf", "inf", "1e300", "x"])
def test_a_time_that_no_page_sent(opened: Open, since: str) -> None:
    assert opened().get(f"{WAITING}{since}").status_code == 200


def test_a_frame_does_not_wait_from_a_time_in_the_future(opened: Open) -> None:
    shown = opened().get(f"{WAITING}{time.time() + 1_000_000}").text
    found = re.search(r'hx-get="[^"]*since=([\d.]+)"', shown)

    assert found
    assert float(found[1]) <= time.time()


# --- Bad moments ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/o/acme/scim/", "/o/acme/nothing/here/"])
def test_nothing_is_read_during_maintenance(
    opened: Open, settings: Settings, django_assert_num_queries: DjangoAssertNumQueries, path: str
) -> None:
    frame = opened()
    settings.MAINTENANCE = True

    with django_assert_num_queries(0):
        frame.get(path)


def test_a_request_without_a_slot_takes_no_connection(
    opened: Open, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    frame = opened()
    for module in ("portal.middleware", "portal.frame_host"):
        monkeypatch.setattr(f"{module}.is_admitted", lambda _request: False)

    with django_assert_num_queries(0):
        assert frame.get("/o/acme/scim/").status_code == 503
        assert frame.get("/o/acme/nothing/here/").status_code == 404
        assert frame.put("/o/acme/scim/").status_code == 405


def test_maintenance_is_shown_in_the_pages_of_the_project(opened: Open, settings: Settings) -> None:
    frame = opened()
    settings.MAINTENANCE = True
    assert "frame-ancestors 'none'" in frame.get("/o/acme/scim/")["Content-Security-Policy"]

    settings.PROJECT = ProjectConfiguration(embed=Embed((PARENT,)))
    assert f"frame-ancestors {PARENT}" in frame.get("/o/acme/scim/")["Content-Security-Policy"]


@pytest.mark.parametrize("change", [{"slug": "renamed"}, {"deleted_at": timezone.now()}])
def test_the_page_around_it_hears_of_an_organization_that_moved(
    opened: Open, acme: models.OrganizationRow, change: dict[str, object]
) -> None:
    frame = opened()
    models.OrganizationRow.objects.filter(pk=acme.pk).update(**change)
    response = frame.get("/o/acme/scim/")

    assert response.status_code == 401
    assert f'data-parent-origin="{PARENT}" data-embed-ended' in response.text
    assert f"frame-ancestors {PARENT}" in response["Content-Security-Policy"]


def test_a_session_of_another_organization_tells_nothing(opened: Open, globex: models.OrganizationRow) -> None:
    frame = opened()
    frame.cookies["__Host-embed-globex-scim"] = frame.cookies["__Host-embed-acme-scim"].value
    response = frame.get("/o/globex/scim/")

    assert response.status_code == 401
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
