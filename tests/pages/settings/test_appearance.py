"""Settings › Appearance: the organization's theme, with a preview before anything changes."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.configuration import ProjectConfiguration
from portal.directory.configuration import Theme as ProjectTheme
from portal.directory.permissions import Permission
from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.directory.themes import INHERITED, Theme
from portal.embedded import models
from portal.embedded.scope import settings_value
from tests import factories

PAGE = "/o/acme/settings/appearance/"
GREEN = {
    "color": "#0f6b47",
    "picker": "#3b52d4",
    "shown": "#3b52d4",
    "radius": "large",
    "font": "humanist",
    "color_scheme": "dark",
}
HTMX = {"HX-Request": "true", "HX-Target": "appearance-fields"}


def page(client: Client) -> str:
    return " ".join(client.get(PAGE).content.decode().split())


def version(client: Client) -> str:
    return page(client).split('name="version" value="')[1].split('"')[0]


def send(client: Client, *, is_htmx: bool = False, **sent: str) -> tuple[int, str]:
    response = client.post(PAGE, {"version": version(client), **GREEN, **sent}, headers=HTMX if is_htmx else {})
    return response.status_code, " ".join(response.content.decode().split())


def now(acme: models.OrganizationRow) -> Theme:
    acme.refresh_from_db()
    return settings_value(acme).theme


def value_of(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    return found.group(1) if found else ""


def test_a_theme_is_saved_shown_and_recorded(
    acme: models.OrganizationRow, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    html = page(admin_client)
    assert f'<a href="{PAGE}" aria-current="page"> Appearance </a>' in html
    assert "Default: Medium" in html
    assert "Default: Same as the system" in html
    assert 'href="/theme/preview/3b52d4-medium-inter.css"' in html
    assert "Reset to default" not in html
    seen = version(admin_client)

    with django_assert_max_num_queries(12):
        response = admin_client.post(PAGE, {"version": seen, **GREEN})

    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert now(acme) == Theme("#0f6b47", "large", "humanist", "dark")
    html = page(admin_client)
    assert "Appearance saved." in html
    assert '<link rel="stylesheet" href="/theme/0f6b47-large-humanist.css">' in html
    assert 'data-theme="dark"' in html
    assert (value_of(html, "color"), value_of(html, "picker")) == ("#0f6b47", "#0f6b47")
    assert "Last changed by Ada Admin" in html
    history = " ".join(admin_client.get("/o/acme/activity/", {"what": "organization"}).content.decode().split())
    for part in ("Color: #0f6b47", "Radius: large", "Font: humanist", "Color scheme: dark"):
        assert part in history


def test_another_change_of_the_organization_is_not_one_of_its_theme(
    acme: models.OrganizationRow, admin_client: Client
) -> None:
    factories.activity_entry(acme, after={"organization_name": "Acme"})

    assert "Last changed" not in page(admin_client)


def test_a_theme_is_previewed_before_it_is_saved(acme: models.OrganizationRow, admin_client: Client) -> None:
    for is_htmx in (True, False):
        status, html = send(admin_client, is_htmx=is_htmx, preview="yes", color_scheme="default")

        assert status == 200
        assert ("<html" in html) != is_htmx
        assert '<link rel="stylesheet" href="/theme/preview/0f6b47-large-humanist.css">' in html
        assert '<div class="theme-preview" data-theme="light">' in html
        assert '<div class="theme-preview" data-theme="dark">' in html
        assert "Contrast of white text on the color: 6.5:1." in html
        assert value_of(html, "color") == value_of(html, "picker") == value_of(html, "shown") == "#0f6b47"
        assert now(acme) == INHERITED


def test_a_preview_of_one_color_scheme_shows_only_that(admin_client: Client) -> None:
    _, html = send(admin_client, is_htmx=True, preview="yes")

    assert re.findall(r'class="theme-preview" data-theme="(\w+)"', html) == ["dark"]


@pytest.mark.parametrize(
    ("typed", "picked", "chosen"),
    [
        ("#0f6b47", "#3b52d4", "#0f6b47"),
        (" #0F6B47 ", "#3b52d4", "#0f6b47"),
        ("#3b52d4", "#800080", "#800080"),
        ("", "#800080", "#800080"),
        ("", "#3b52d4", ""),
        ("#0f6b47", "#800080", "#0f6b47"),
    ],
    ids=["typed", "typed roughly", "picked", "picked first", "neither", "both"],
)
def test_a_color_is_typed_or_picked(
    acme: models.OrganizationRow, admin_client: Client, typed: str, picked: str, chosen: str
) -> None:
    assert send(admin_client, color=typed, picker=picked)[0] == 303

    assert now(acme).color == chosen


def test_a_color_that_cannot_be_read_is_rejected_with_the_nearest_one(
    acme: models.OrganizationRow, admin_client: Client
) -> None:
    for is_htmx in (True, False):
        status, html = send(admin_client, is_htmx=is_htmx, color="#ffd400")

        assert status == 422
        assert "White text on #ffd400 has a contrast of 1.4:1, but needs 4.5:1." in html
        assert 'name="use" value="#8c7500" formnovalidate>Use #8c7500</button>' in html
        assert "/theme/preview/" not in html
        assert now(acme) == INHERITED

    status, html = send(admin_client, color="#ffd400", use="#8c7500")
    assert status == 200
    assert value_of(html, "color") == "#8c7500"
    assert "/theme/preview/8c7500-large-humanist.css" in html
    assert now(acme) == INHERITED


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("color", "red"),
        ("color", "#0f6b47;}body{"),
        ("color", "x" * 30),
        ("use", "</style><script>"),
        ("picker", "x" * 30),
        ("radius", "huge"),
        ("radius", ""),
        ("font", "wingdings"),
        ("color_scheme", "sepia"),
        ("color_scheme", "\0"),
    ],
)
def test_mistakes_change_nothing(acme: models.OrganizationRow, admin_client: Client, name: str, value: str) -> None:
    response = admin_client.post(PAGE, {"version": version(admin_client), **GREEN, name: value})
    status, html = response.status_code, response.content.decode()

    assert status == 422
    assert "_error" in html
    assert "<script>" not in html
    assert now(acme) == INHERITED


def test_of_two_admins_the_second_is_asked(acme: models.OrganizationRow, admin_client: Client) -> None:
    seen = version(admin_client)
    other = factories.signed_in(factories.member(acme, "bob@acme.example", roles=["stytch_admin"]))
    assert send(other)[0] == 303

    response = admin_client.post(PAGE, {**GREEN, "version": seen, "color": "#800080"})

    assert response.status_code == 409
    html = response.content.decode()
    assert "Someone else changed these settings in the meantime." in html
    assert value_of(html, "color") == "#800080"
    renewed = value_of(html, "version")
    assert admin_client.post(PAGE, {**GREEN, "version": renewed, "color": "#800080"}).status_code == 303
    assert now(acme).color == "#800080"
    assert admin_client.post(PAGE, {**GREEN, "version": ""}).status_code == 409


def test_the_default_comes_back(acme: models.OrganizationRow, admin_client: Client, settings: Settings) -> None:
    settings.PROJECT = ProjectConfiguration(theme=ProjectTheme(color="#800080", font="serif"))
    assert send(admin_client)[0] == 303
    html = page(admin_client)
    assert "Reset to default" in html
    assert "the portal’s default: #800080." in html
    assert "Default: Serif" in html

    assert admin_client.post(PAGE, {"reset": "yes"}).status_code == 303

    assert now(acme) == INHERITED
    acme.refresh_from_db()
    assert acme.settings is None
    assert "/theme/800080-medium-serif.css" in page(admin_client)


def test_the_permission_is_that_of_the_logo(acme: models.OrganizationRow, settings: Settings) -> None:
    resource, _, action = Permission.ORGANIZATION_LOGO.partition(":")
    role = Role("some", {resource: frozenset([action])})
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy(roles={"some": role}, resources={}))
    client = factories.signed_in(factories.member(acme, "some@acme.example", roles=["some"]))

    assert "Last changed" not in page(client)
    assert send(client)[0] == 303
    assert now(acme).color == "#0f6b47"


def test_members_without_the_permission_see_why_and_change_nothing(
    acme: models.OrganizationRow, member_client: Client
) -> None:
    models.OrganizationRow.objects.filter(pk=acme.pk).update(settings={"theme": {"color": "#0f6b47"}})
    html = page(member_client)

    assert "Your roles don’t let you change the organization’s logo and colors." in html
    assert '<fieldset class="stack" disabled aria-describedby="appearance-reason">' in html
    assert 'value="#0f6b47"' in html
    assert "Reset to default" not in html
    assert send(member_client, color="#800080")[0] == 403
    assert member_client.post(PAGE, {"reset": "yes"}).status_code == 403
    assert now(acme).color == "#0f6b47"


def test_a_visitor_is_asked_to_sign_in(acme: models.OrganizationRow) -> None:
    assert Client().get(PAGE).status_code == 302
