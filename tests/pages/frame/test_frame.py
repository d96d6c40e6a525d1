"""The frame around every page: navigation, person, messages, headers."""

import re
from datetime import timedelta

import pytest
from django.contrib.messages import SUCCESS
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone

from portal.embedded import models
from portal.web.messages import HostCookieStorage
from tests import factories


def html(client: Client, path: str) -> str:
    page: str = client.get(path).content.decode()
    return page


def area(page: str, label: str) -> str:
    """Return the link of an entry of the navigation."""
    links: list[str] = re.findall(r"<a class=\"area\".*?</a>", page, re.DOTALL)
    return next(link for link in links if f">{label}<" in link)


def test_the_navigation_marks_where_one_is(admin_client: Client) -> None:
    page = html(admin_client, "/o/acme/")

    assert 'aria-current="page"' in area(page, "Home")
    assert 'aria-current="page"' not in area(page, "SCIM")


def test_an_area_that_the_member_may_not_open_has_a_lock(admin_client: Client, member_client: Client) -> None:
    page = html(member_client, "/o/acme/")
    link = area(page, "SCIM")
    assert "(no access)" in link
    # The reason is shown on hover, and read out.
    reason = "Your roles don’t let you see the SCIM connection, its people and groups."
    assert f'title="{reason}"' in link
    described = re.search(r'aria-describedby="([^"]+)"', link)
    assert described
    assert f'<span id="{described.group(1)}" hidden>{reason}</span>' in page
    assert "(no access)" not in html(admin_client, "/o/acme/")


@pytest.mark.parametrize(
    "path", ["/o/acme/", "/o/acme/members/", "/o/acme/activity/", "/o/acme/account/", "/o/acme/members/none/"]
)
def test_every_page_counts_what_needs_attention(acme: models.OrganizationRow, admin_client: Client, path: str) -> None:
    connection = factories.scim_connection(acme)
    connection.waiting_conflicts, connection.hold_started_at = 3, timezone.now()
    connection.save()

    counted = " ".join(area(html(admin_client, path), "SCIM").split())

    assert '<span class="visually-hidden">needs attention: </span>4</span>' in counted


def test_what_needs_attention_is_not_counted_for_a_member_without_the_right(
    acme: models.OrganizationRow, member_client: Client
) -> None:
    connection = factories.scim_connection(acme)
    connection.waiting_conflicts = 3
    connection.save()

    assert "needs attention" not in area(html(member_client, "/o/acme/account/"), "SCIM")


def test_the_frame_names_organization_and_person(admin_client: Client) -> None:
    page = html(admin_client, "/o/acme/")

    assert re.search(r'<a class="switcher" href="/organizations/">.*?Acme', page, re.DOTALL)
    assert "Ada Admin" in page
    assert re.search(r'<a class="area person" href="/o/acme/account/">.*?Ada Admin', page, re.DOTALL)
    assert "<title>Home · Acme · Gatehouse</title>" in page


def test_the_person_signs_out_by_a_form(admin: models.MemberRow) -> None:
    client = factories.signed_in(admin)
    client.handler.enforce_csrf_checks = True
    form = re.search(
        r'<form method="post" action="(/o/acme/sign-out/)">.*?value="(\w+)"', html(client, "/o/acme/"), re.DOTALL
    )
    assert form

    response = client.post(form.group(1), {"csrfmiddlewaretoken": form.group(2)})

    assert response["Location"] == "/signed-out/"


def test_a_persons_name_is_text_and_nothing_else(acme: models.OrganizationRow) -> None:
    name = '<img src=x onerror="alert(1)">'

    page = html(factories.signed_in(factories.member(acme, "eve@acme.example", name=name)), "/o/acme/")

    assert name not in page
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;" in page


def test_who_is_not_signed_in_sees_no_navigation(acme: models.OrganizationRow, visitor: Client) -> None:
    page = html(visitor, "/o/acme/sign-in/")

    assert 'id="navigation"' not in page
    assert "<title>Sign in to Acme · Gatehouse</title>" in page


def test_a_message_is_shown_once_and_announced(admin_client: Client, rf: RequestFactory) -> None:
    storage, response = HostCookieStorage(rf.get("/")), HttpResponse()
    storage.add(SUCCESS, "Saved <b>you</b>")
    storage.update(response)
    admin_client.cookies.update(response.cookies)

    page = html(admin_client, "/o/acme/")

    region = page[page.index('id="toasts"') : page.index('id="page-error"')]
    assert 'aria-live="polite"' in region
    assert "toast-success" in region
    assert "Saved &lt;b&gt;you&lt;/b&gt;" in region
    assert "Saved" not in html(admin_client, "/o/acme/")


@pytest.mark.parametrize(
    ("path", "status"),
    [("/o/acme/", 200), ("/o/acme/scim/", 403), ("/o/acme/none/", 404), ("/sign-in/", 200), ("/signed-out/", 200)],
)
def test_every_page_has_the_headers_that_keep_it_safe(member_client: Client, path: str, status: int) -> None:
    response = member_client.get(path)
    policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))

    assert response.status_code == status
    assert "unsafe" not in response["Content-Security-Policy"]
    assert {
        name: policy[name] for name in ("default-src", "script-src", "style-src", "frame-ancestors", "base-uri")
    } == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert {"no-store", "private"} <= set(response["Cache-Control"].split(", "))
    assert {"HX-Request", "HX-Target"} <= set(response["Vary"].split(", "))
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]


def test_home_of_a_member_says_who_can_grant_the_right(member_client: Client) -> None:
    page = html(member_client, "/o/acme/")

    assert "<b>Admin</b>" in page


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (365, "Nothing needs your attention"),
        (29, "The SCIM token expires within 30 days"),
        (-1, "The SCIM token has expired"),
    ],
)
def test_home_warns_before_the_token_expires(
    acme: models.OrganizationRow, admin_client: Client, days: int, text: str
) -> None:
    connection = factories.scim_connection(acme)
    connection.tokens.update(expires_at=timezone.now() + timedelta(days=days))
    factories.scim_user(connection, "pia@acme.example")
    factories.scim_request(connection)

    assert text in html(admin_client, "/o/acme/")


def test_the_chooser_offers_what_is_open_in_this_browser(
    admin: models.MemberRow, other_admin: models.MemberRow
) -> None:
    client = factories.signed_in(admin)
    client.cookies.update(factories.signed_in(other_admin).cookies)

    page = html(client, "/organizations/")

    assert 'href="/o/acme/"' in page
    assert 'href="/o/globex/"' in page
