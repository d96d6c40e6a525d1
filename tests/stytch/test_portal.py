"""The portal with Stytch."""

import re

import pytest
from django.test import Client
from django.utils.html import escape
from pytest_django import Settings

from portal.directory.configuration import ProjectConfiguration, Theme
from portal.directory.policy import Role
from portal.web.availability import REASONS
from portal.web.session_cookie import cookie_name
from tests.fakes.stytch import DEMO_PASSWORD, FakeStytch

pytestmark = pytest.mark.usefixtures("db", "stytch", "slept")


def sign_in(client: Client, email_address: str = "ada@acme.example", *, slug: str = "acme") -> None:
    response = client.post(f"/o/{slug}/sign-in/", {"email_address": email_address, "password": DEMO_PASSWORD})
    assert (response.status_code, response["Location"]) == (303, f"/o/{slug}/")


def test_member_signs_in_and_out(visitor: Client, stytch: FakeStytch) -> None:
    assert "Acme" in visitor.get("/o/acme/sign-in/").content.decode()
    sign_in(visitor)
    home = visitor.get("/o/acme/").content.decode()
    assert "Acme" in home
    assert "Ada Admin" in home
    cookie = cookie_name("acme")
    token = visitor.cookies[cookie].value

    response = visitor.post("/o/acme/sign-out/")

    assert response.status_code == 303
    assert visitor.cookies[cookie].value == ""
    assert stytch.project.sessions == {}
    visitor.cookies[cookie] = token
    assert visitor.get("/o/acme/").status_code == 401


def test_wrong_password_is_shown_in_the_form(visitor: Client) -> None:
    response = visitor.post("/o/acme/sign-in/", {"email_address": "ada@acme.example", "password": "wrong"})

    assert response.status_code == 422
    assert "Incorrect email or password." in response.content.decode()


def test_groups_are_paged_to_the_end(visitor: Client, stytch: FakeStytch) -> None:
    sign_in(visitor)
    url: str | None = "/o/acme/scim/groups/?limit=25"
    pages = []
    while url:
        html = visitor.get(url).content.decode()
        pages.append(re.findall(r'<td class="lead">.*?<b[^>]*>([^<]*)</b>', html, re.DOTALL))
        found = re.search(r'href="([^"]*cursor=[^"]*)"', html)
        url = found.group(1).replace("&amp;", "&") if found else None

    assert [len(names) for names in pages] == [25, 25, 10]
    assert [name for names in pages for name in names] == [group.name for group in stytch.project.groups]


def test_unknown_values_are_not_shown(visitor: Client) -> None:
    sign_in(visitor)

    html = visitor.get("/o/acme/scim/groups/").content.decode()

    assert 'type="search"' not in html
    # Its groups do not open to their people; their roles are at Stytch, and can be seen to.
    assert not re.search(r'href="/o/acme/scim/groups/[^"?/]+/"', html)
    assert re.search(r'href="/o/acme/scim/groups/[^"?/]+/roles/"', html)


def test_group_page_says_why_it_is_not_available(visitor: Client) -> None:
    sign_in(visitor)

    assert REASONS["group members"] in visitor.get("/o/acme/scim/groups/any/").content.decode()


def test_the_appearance_is_the_projects(visitor: Client, settings: Settings) -> None:
    settings.PROJECT = ProjectConfiguration(theme=Theme(color="#800080"))
    sign_in(visitor)
    url = "/o/acme/settings/appearance/"

    assert url not in visitor.get("/o/acme/settings/").content.decode()
    html = visitor.get(url).content.decode()
    assert escape(REASONS["appearance"]) in html
    assert "/theme/800080-medium-inter.css" in html
    assert visitor.post(url, {"reset": "yes"}).status_code == 501


def test_there_is_no_embedding_page(visitor: Client, stytch: FakeStytch) -> None:
    sign_in(visitor)
    url = "/o/acme/settings/embedding/"
    assert url not in visitor.get("/o/acme/settings/").content.decode()
    # Stytch's policy has no such resource, unless the project adds it.
    assert visitor.get(url).status_code == 403


@pytest.mark.parametrize(
    "url", ["/o/acme/", "/o/acme/scim/", "/o/acme/scim/log/", "/o/acme/scim/log/any/", "/o/acme/scim/log/any/replay/"]
)
def test_pages_of_the_log_show_why_there_is_none(visitor: Client, url: str) -> None:
    sign_in(visitor)

    response = visitor.get(url)

    assert response.status_code == 200
    assert "Not available with this directory" in response.content.decode()
    assert "Identity providers send their requests to the directory itself" in response.content.decode()
    assert visitor.post("/o/acme/scim/log/export/", {"file_format": "csv"}).status_code == 501


def test_the_setup_page_shows_the_guide_and_why_there_is_no_live_check(visitor: Client, stytch: FakeStytch) -> None:
    sign_in(visitor)

    html = visitor.get("/o/acme/scim/set-up/").content.decode()

    assert "<h1>Set up Okta</h1>" in html
    assert f'/v1/b2b/scim/{stytch.project.connections[0].id}"' in html
    assert "Not available with this directory" in html
    assert "Identity providers send their requests to the directory itself" in html
    assert "data-poll" not in html


def test_members_are_listed_and_shown_without_what_stytch_does_not_know(visitor: Client, stytch: FakeStytch) -> None:
    sign_in(visitor)
    stytch.project.add_member(
        stytch.project.organization("acme"), "amy@acme.example", password=DEMO_PASSWORD, roles=["stytch_admin"]
    )

    html = visitor.get("/o/acme/members/", {"q": "amy@", "role": "stytch_admin"}).content.decode()
    found = re.findall(r'<a href="(/o/acme/members/member-[^"]+)"', html)

    assert len(found) == 1
    assert "Search by email" in html
    assert "Managed by" not in html
    member = visitor.get(found[0]).content.decode()
    assert "Assigned manually" in member
    assert "Sessions" not in member
    assert "/o/acme/activity/" not in member
    # Stytch tells the sessions of the member who asks, without devices.
    own = re.findall(
        r'<a href="(/o/acme/members/member-[^"]+)"', visitor.get("/o/acme/members/?q=ada@").content.decode()
    )
    assert "Unknown browser" in visitor.get(own[0]).content.decode()


def test_the_activity_log_is_left_out(visitor: Client) -> None:
    sign_in(visitor)

    assert "/o/acme/activity/" not in visitor.get("/o/acme/").content.decode()
    assert visitor.get("/o/acme/activity/").status_code == 403


def test_an_auditor_learns_why_there_is_no_activity_log(visitor: Client, stytch: FakeStytch) -> None:
    auditor = Role("auditor", {"gatehouse.activity": frozenset({"get"})})
    stytch.project.policy = stytch.project.policy.with_roles([auditor])
    stytch.project.add_member(
        stytch.project.organization("acme"), "audit@acme.example", password=DEMO_PASSWORD, roles=["auditor"]
    )
    sign_in(visitor, "audit@acme.example")

    html = visitor.get("/o/acme/activity/").content.decode()

    assert "Not available with this directory" in html
    assert escape(REASONS["activity"]) in html


def test_missing_permission_page_says_who_can_help(visitor: Client) -> None:
    sign_in(visitor, "max@acme.example")

    response = visitor.get("/o/acme/scim/")

    assert response.status_code == 403
    assert "mailto:ada@acme.example" in response.content.decode()


def test_another_organization_is_not_found(visitor: Client) -> None:
    sign_in(visitor, "gil@globex.example", slug="globex")

    assert visitor.get("/o/acme/scim/").status_code == 404


def test_person_in_two_organizations_chooses_one(visitor: Client) -> None:
    response = visitor.post("/sign-in/", {"email_address": "ada@acme.example", "password": DEMO_PASSWORD})
    choice = visitor.get(response["Location"]).content.decode()
    names = dict(re.findall(r'value="(organization-test-[^"]*)".*?<b>([^<]*)</b>', choice, re.DOTALL))
    assert sorted(names.values()) == ["Acme", "Globex"]
    globex = next(organization_id for organization_id, name in names.items() if name == "Globex")

    response = visitor.post(response["Location"], {"organization_id": globex})

    assert response["Location"] == "/o/globex/"
    assert "Ada Admin" in visitor.get("/o/globex/").content.decode()


def test_products_session_opens_the_portal(visitor: Client, stytch: FakeStytch, settings: Settings) -> None:
    ada = stytch.project.members[0]
    visitor.cookies[settings.STYTCH_SESSION_COOKIE] = stytch.project.start_session(ada).token

    assert "Ada Admin" in visitor.get("/o/acme/").content.decode()
    assert visitor.get("/o/globex/").status_code == 302


def test_session_revoked_in_the_product_ends_here(visitor: Client, stytch: FakeStytch) -> None:
    sign_in(visitor)
    stytch.project.sessions.clear()

    assert visitor.get("/o/acme/scim/").status_code == 401


def test_stytch_outage_is_shown_and_keeps_the_session(visitor: Client, stytch: FakeStytch) -> None:
    sign_in(visitor)
    stytch.fail(times=99, status=503)

    response = visitor.get("/o/acme/scim/")

    assert response.status_code == 503
    assert visitor.cookies[cookie_name("acme")].value
    stytch.recover()
    assert visitor.get("/o/acme/scim/").status_code == 200


def test_page_takes_few_requests(visitor: Client, stytch: FakeStytch) -> None:
    sign_in(visitor)
    visitor.get("/o/acme/scim/groups/")
    stytch.requests.clear()

    visitor.get("/o/acme/scim/groups/")

    # Who is it, the connection, its groups; the policy is known.
    assert len(stytch.requests) == 3


def test_page_of_a_sign_in_link_says_that_the_product_sends_them(visitor: Client) -> None:
    response = visitor.get("/o/acme/sign-in/link/?token=made-up")

    assert response.status_code == 200
    assert "Not available with this directory" in response.content.decode()
    assert "The product sends its own invitations" in response.content.decode()


def test_organizations_of_made_up_cookies_take_no_request(visitor: Client, stytch: FakeStytch) -> None:
    for number in range(25):
        visitor.cookies[cookie_name(f"organization{number}")] = "made up"
    page = visitor.get("/organizations/")

    assert stytch.requests == []
    assert re.findall(
        r'class="choice" href="(/o/organization0/)".*?<b>([^<]+)</b>', page.content.decode(), re.DOTALL
    ) == [("/o/organization0/", "organization0")]
