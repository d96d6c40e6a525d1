"""The host of frames: who may enter, what a frame may do, and which headers and cookies it has."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from portal.access.routing import Route, iter_routes
from portal.directory.frames import EmbedArea
from portal.embedded import models
from portal.web.frames import cookie_name
from tests import factories
from tests.pages.embed.conftest import EMBED, PARENT, Frame, ticket

pytestmark = pytest.mark.django_db
ROUTES = list(iter_routes())
FORMS = [
    one
    for one in ROUTES
    if one.access and "POST" in one.access.methods and one.name.partition(":")[0] in set(EmbedArea)
    if not one.access.hands_out and one.name != "scim:stop-emails"  # for anyone, at the portal itself
]
EXPORTS = [one for one in ROUTES if one.access and one.access.hands_out]
Open = Callable[..., Frame]


def url_of(one: Route) -> str:
    names = re.findall(r"<\w+:(\w+)>", one.path)
    return reverse(one.name, kwargs={name: "acme" if name == "organization_slug" else "none" for name in names})


def csrf_token(html: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)
    assert found
    return found[1]


# --- Entry ---------------------------------------------------------------------------------------------------------------


def test_a_ticket_opens_its_first_area(admin: models.MemberRow) -> None:
    response = Frame().enter(ticket(admin, EmbedArea.MEMBERS, EmbedArea.SCIM))

    assert response.status_code == 200
    assert response.request["PATH_INFO"] == "/o/acme/members/"


def test_a_ticket_opens_its_path(admin: models.MemberRow) -> None:
    response = Frame().enter(ticket(admin, path="scim/groups/?q=Eng"))

    assert response.request["PATH_INFO"] == "/o/acme/scim/groups/"
    assert response.request["QUERY_STRING"] == "q=Eng"


@pytest.mark.parametrize(
    "origin", ["", "null", "https://evil.example", "https://app.example.com:8443", f"https://{EMBED}"]
)
def test_another_page_can_not_use_a_ticket(admin: models.MemberRow, origin: str) -> None:
    stolen, frame = ticket(admin), Frame()
    response = frame.submit(stolen, origin=origin)

    assert response.status_code == 401
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert not frame.cookies
    # It may have been stolen: it's revoked.
    assert frame.enter(stolen).status_code == 401


def test_only_a_frame_takes_a_ticket(admin: models.MemberRow) -> None:
    secret = ticket(admin)

    assert Frame().submit(secret, **{"sec-fetch-dest": "document"}).status_code == 401
    assert Frame().enter(secret).status_code == 200


def test_a_ticket_in_a_link_is_not_read(admin: models.MemberRow) -> None:
    secret = ticket(admin)

    assert Frame().get("/o/acme/embed/", {"ticket": secret}).status_code == 401
    assert Frame().enter(secret).status_code == 200


@pytest.mark.parametrize("wrong", ["", "nonsense", "x" * 5000, "\x00"])
def test_an_invalid_ticket(acme: models.OrganizationRow, wrong: str) -> None:
    assert Frame().submit(wrong).status_code == 401


def test_a_ticket_of_another_organization(admin: models.MemberRow) -> None:
    secret = ticket(admin)

    assert Frame().submit(secret, slug="globex").status_code == 401
    assert Frame().submit(secret, slug="unknown").status_code == 401
    assert Frame().enter(secret).status_code == 200


def test_a_ticket_works_once(admin: models.MemberRow) -> None:
    secret = ticket(admin)

    assert Frame().enter(secret).status_code == 200
    response = Frame().submit(secret)
    assert response.status_code == 401
    # The page around it is registered, so it sees why.
    assert f"frame-ancestors {PARENT}" in response["Content-Security-Policy"]


# --- Cookies -------------------------------------------------------------------------------------------------------------


def test_the_cookies_of_a_frame(admin: models.MemberRow) -> None:
    response = Frame().submit(ticket(admin, EmbedArea.SCIM, EmbedArea.MEMBERS))

    assert set(response.cookies) == {cookie_name("acme", EmbedArea.SCIM), cookie_name("acme", EmbedArea.MEMBERS)}
    for cookie in response.cookies.values():
        sent = cookie.OutputString()
        assert cookie.key.startswith("__Host-")
        assert {"Secure", "HttpOnly", "SameSite=None", "Path=/", "Partitioned"} <= set(sent.split("; "))
        assert "Domain" not in sent


def test_every_cookie_is_partitioned_also_to_delete_it(opened: Open) -> None:
    frame = opened(EmbedArea.SETTINGS)
    models.MemberSessionRow.objects.update(expires_at="2020-01-01T00:00Z")
    response = frame.get("/o/acme/settings/")

    assert response.status_code == 401
    sent = [cookie.OutputString() for cookie in response.cookies.values()]
    assert sent
    assert all(one.endswith("Partitioned") and "Secure" in one and "SameSite=None" in one for one in sent)


def test_a_browser_that_blocks_cookies_is_offered_a_tab(admin: models.MemberRow) -> None:
    secret, frame = ticket(admin), Frame()
    frame.submit(secret)
    frame.cookies.clear()
    shown = frame.post("/o/acme/embed/opened/?area=scim", {"ticket": secret}, headers={"origin": PARENT})
    assert "Open in a new tab" in shown.text
    assert f"frame-ancestors {PARENT}" in shown["Content-Security-Policy"]

    tab = Client(headers={"host": EMBED, "origin": f"https://{EMBED}", "sec-fetch-dest": "document"})
    assert tab.post("/o/acme/embed/tab/", {"ticket": secret}).status_code == 303
    assert tab.get("/o/acme/scim/").status_code == 200
    # Once.
    assert tab.post("/o/acme/embed/tab/", {"ticket": secret}).status_code == 401


def test_a_tab_opens_only_from_the_frame(admin: models.MemberRow) -> None:
    secret, frame = ticket(admin), Frame()
    frame.submit(secret)

    assert Frame().post("/o/acme/embed/tab/", {"ticket": secret}, headers={"origin": PARENT}).status_code == 401
    assert (
        Frame()
        .post("/o/acme/embed/tab/", {"ticket": ticket(admin)}, headers={"origin": f"https://{EMBED}"})
        .status_code
        == 401
    )


def test_a_session_that_is_used_opens_no_tab(admin: models.MemberRow) -> None:
    secret, frame = ticket(admin), Frame()
    frame.enter(secret)

    response = Frame().post("/o/acme/embed/tab/", {"ticket": secret}, headers={"origin": f"https://{EMBED}"})
    assert response.status_code == 401


# --- Headers -------------------------------------------------------------------------------------------------------------


def test_exactly_the_registered_origins_may_frame_a_page(opened: Open, acme: models.OrganizationRow) -> None:
    frame = opened()
    acme.embed_origins = [PARENT, "https://suite.example.com"]
    acme.save(update_fields=["embed_origins"])
    response = frame.get("/o/acme/scim/")

    policy = dict(one.strip().partition(" ")[::2] for one in response["Content-Security-Policy"].split(";"))
    assert policy["frame-ancestors"] == f"{PARENT} https://suite.example.com"
    assert "X-Frame-Options" not in response
    assert "no-store" in response["Cache-Control"]
    assert response["Referrer-Policy"] == "same-origin"


def test_an_origin_that_is_removed_ends_its_frames(opened: Open, acme: models.OrganizationRow) -> None:
    frame = opened()
    acme.embed_origins = ["https://suite.example.com"]
    acme.save(update_fields=["embed_origins"])

    assert frame.get("/o/acme/scim/").status_code == 401


def test_nobody_frames_the_portal_itself(admin_client: Client, opened: Open) -> None:
    response = admin_client.get("/o/acme/scim/")

    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"


# --- Two hosts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/sign-in/", "/o/acme/sign-in/", "/organizations/", "/v1/b2b/organizations/acme", "/docs/api/"]
)
def test_the_host_of_frames_serves_only_frames(acme: models.OrganizationRow, path: str) -> None:
    assert Frame().get(path).status_code == 404


def test_the_portal_itself_takes_no_ticket(admin: models.MemberRow) -> None:
    assert Client().post("/o/acme/embed/", {"ticket": ticket(admin)}, headers={"origin": PARENT}).status_code == 404


def test_neither_cookie_opens_the_other_host(opened: Open, admin: models.MemberRow, admin_client: Client) -> None:
    frame = opened()
    token = frame.cookies[cookie_name("acme", EmbedArea.SCIM)].value
    signed_in = Client()
    signed_in.cookies["session-acme"] = token
    assert signed_in.get("/o/acme/scim/").status_code == 401

    other = Frame()
    other.cookies[cookie_name("acme", EmbedArea.SCIM)] = factories.session_token(admin)
    assert other.get("/o/acme/scim/").status_code == 401


# --- What a frame may do -------------------------------------------------------------------------------------------------


def test_another_area_is_not_opened(opened: Open) -> None:
    response = opened().get("/o/acme/members/")

    assert response.status_code == 404
    assert 'href="http://127.0.0.1:8000/o/acme/members/" target="_blank" rel="noopener"' in response.text


def test_two_tickets_of_different_areas_in_one_browser(opened: Open, admin: models.MemberRow) -> None:
    frame = opened()
    frame.enter(ticket(admin, EmbedArea.MEMBERS))

    assert frame.get("/o/acme/scim/").status_code == 200
    assert frame.get("/o/acme/members/").status_code == 200


def test_a_page_that_does_not_exist_is_a_page_of_the_frame(opened: Open) -> None:
    response = opened().get("/o/acme/scim/nothing/here/")

    assert response.status_code == 404
    assert f'data-parent-origin="{PARENT}"' in response.text
    assert f"frame-ancestors {PARENT}" in response["Content-Security-Policy"]


def test_the_way_back_from_the_portal_does_not_lead_there_again(opened: Open, admin: models.MemberRow) -> None:
    factories.scim_connection(admin.organization)
    frame = opened()

    def way_back(**headers: str) -> str:
        shown = frame.get(frame.get("/o/acme/scim/token/rotate/", headers=headers)["Location"])
        found = re.search(r'<a class="btn" href="([^"]+)">Back', shown.text)
        assert found
        return found[1]

    assert way_back() == "/o/acme/scim/"
    assert way_back(referer=f"https://{EMBED}/o/acme/scim/settings/") == "/o/acme/scim/settings/"
    assert way_back(referer=f"https://{EMBED}/o/acme/scim/token/rotate/") == "/o/acme/scim/"
    assert way_back(referer="https://evil.example/o/acme/scim/settings/") == "/o/acme/scim/"


def test_another_organization_is_not_opened(opened: Open) -> None:
    assert opened().get("/o/globex/scim/").status_code == 401


@pytest.mark.parametrize("area", sorted({one.name.partition(":")[0] for one in FORMS}))
def test_a_read_only_ticket_changes_nothing(admin: models.MemberRow, area: str) -> None:
    frame = Frame()
    frame.enter(ticket(admin, EmbedArea(area), read_only=True))
    forms = [one for one in FORMS if one.name.startswith(f"{area}:")]

    answered = {one.name: frame.post(url_of(one)) for one in forms}
    assert {name: one.status_code for name, one in answered.items() if one.status_code != 403} == {}
    assert all("You can only read here" in one.text for one in answered.values())


@pytest.mark.parametrize("one", EXPORTS, ids=lambda one: one.name)
def test_a_read_only_frame_exports_what_it_shows(admin: models.MemberRow, one: Route) -> None:
    factories.scim_connection(admin.organization)
    frame = Frame()
    frame.enter(ticket(admin, EmbedArea(one.name.partition(":")[0]), read_only=True))

    assert frame.post(url_of(one), {"file_format": "csv"}).status_code == 200


def test_a_read_only_frame_does_not_blame_the_roles(admin: models.MemberRow) -> None:
    frame = Frame()
    frame.enter(ticket(admin, EmbedArea.SETTINGS, read_only=True))
    shown = frame.get("/o/acme/settings/").text

    assert "The page around this frame doesn’t let you rename the organization." in shown
    assert "Your roles" not in shown
    assert "Ask someone" not in shown


def test_the_way_back_has_the_name_of_where_it_leads(opened: Open) -> None:
    assert '<a class="btn" href="/o/acme/scim/">Back to SCIM</a>' in opened().get("/o/acme/account/").text


def test_a_form_needs_the_token_of_its_own_frame(opened: Open, admin: models.MemberRow) -> None:
    frame, other = (opened(EmbedArea.SETTINGS) for _ in range(2))
    own, others = (csrf_token(one.get("/o/acme/settings/").text) for one in (frame, other))
    fields = {"organization_name": "Renamed", "organization_slug": "acme", "save": "name"}

    def rename(token: str) -> Any:
        return frame.post(
            "/o/acme/settings/", {**fields, "csrfmiddlewaretoken": token}, headers={"origin": f"https://{EMBED}"}
        )

    assert rename(others).status_code == 403
    assert frame.post("/o/acme/settings/", fields).status_code == 403
    assert rename(own).status_code != 403


def test_a_ceiling_of_permissions(opened: Open) -> None:
    frame = opened(EmbedArea.SCIM, EmbedArea.MEMBERS, permissions=("stytch.scim:get",))

    rejected = frame.get("/o/acme/members/")
    assert rejected.status_code == 403
    assert "The page around this frame doesn’t let you see" in rejected.text


def test_a_ticket_gives_nothing_that_the_member_lacks(member: models.MemberRow) -> None:
    response = Frame().enter(ticket(member, permissions=("stytch.scim:get",)))

    assert response.status_code == 403


@pytest.mark.parametrize(
    "path", ["scim/token/rotate/", "scim/delete/", "settings/delete/", "settings/domains/add/", "members/invite/"]
)
def test_what_needs_a_proof_happens_at_the_portal(opened: Open, admin: models.MemberRow, path: str) -> None:
    factories.scim_connection(admin.organization)
    area = EmbedArea(path.partition("/")[0])
    frame = opened(area)
    response = frame.get(f"/o/acme/{path}")
    if path == "members/invite/":
        assert response.status_code == 200
        return
    assert response.status_code == 303
    shown = frame.get(response["Location"])
    assert f'href="http://127.0.0.1:8000/o/acme/{path}" target="_blank" rel="noopener"' in shown.text


def test_the_way_back_is_of_the_same_organization(opened: Open) -> None:
    query = {"area": "scim", "next": "https://evil.example/", "back": "//evil.example/"}
    shown = opened().get("/o/acme/embed/continue/", query)

    assert shown.status_code == 200
    assert 'href="http://127.0.0.1:8000/o/acme/scim/"' in shown.text
    assert not re.search(r'href="[^"/]*//evil', shown.text)


def test_two_tabs_of_a_page_share_a_session(opened: Open, admin: models.MemberRow) -> None:
    frame = opened(EmbedArea.SETTINGS)
    token = csrf_token(frame.get("/o/acme/settings/").text)
    frame.enter(ticket(admin, EmbedArea.SETTINGS))

    assert models.MemberSessionRow.objects.count() == 1
    fields = {"csrfmiddlewaretoken": token, "organization_name": "Renamed"}
    assert frame.post("/o/acme/settings/", fields, headers={"origin": f"https://{EMBED}"}).status_code != 403


@pytest.mark.parametrize("more", [{"read_only": True}, {"permissions": ("stytch.scim:get",)}])
def test_a_ticket_that_allows_less_starts_a_session_of_its_own(
    opened: Open, admin: models.MemberRow, more: Any
) -> None:
    frame = opened(EmbedArea.SETTINGS)
    frame.enter(ticket(admin, EmbedArea.SETTINGS, **more))

    assert models.MemberSessionRow.objects.count() == 2


# --- Sessions ------------------------------------------------------------------------------------------------------------


def test_a_frame_asks_for_its_session(opened: Open) -> None:
    frame = opened()
    answered = frame.get("/o/acme/embed/session/?area=scim").json()

    assert 3590 <= answered["ends_in"] <= 3600
    assert answered["idle_ends_in"] == 900


def test_another_ticket_renews_the_session(opened: Open, admin: models.MemberRow) -> None:
    frame = opened()
    models.MemberSessionRow.objects.update(expires_at="2100-01-01T00:00Z")
    fields = {"ticket": ticket(admin)}
    response = frame.post("/o/acme/embed/renew/", fields, headers={"origin": PARENT})

    assert response.status_code == 204
    assert frame.get("/o/acme/embed/session/?area=scim").json()["ends_in"] <= 3600


def test_the_ticket_of_another_member_renews_nothing(opened: Open, member: models.MemberRow) -> None:
    frame = opened()
    models.MemberSessionRow.objects.update(expires_at="2100-01-01T00:00Z")
    response = frame.post("/o/acme/embed/renew/", {"ticket": ticket(member)}, headers={"origin": PARENT})

    assert response.status_code == 401
    assert not response.cookies
    assert frame.get("/o/acme/embed/session/?area=scim").json()["ends_in"] > 3600


def test_an_ended_session_tells_the_page_around_it(opened: Open) -> None:
    frame = opened()
    models.MemberSessionRow.objects.update(expires_at="2020-01-01T00:00Z")
    response = frame.get("/o/acme/scim/")

    assert response.status_code == 401
    assert f'data-parent-origin="{PARENT}" data-embed-ended' in response.text
    assert f"frame-ancestors {PARENT}" in response["Content-Security-Policy"]


def test_without_a_host_of_frames_there_are_none(admin: models.MemberRow, settings: Settings) -> None:
    secret = ticket(admin)
    settings.EMBED_URL = ""

    assert Frame().submit(secret).status_code == 404
