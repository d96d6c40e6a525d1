"""Themes: their style sheets, which pages link them, and that every color that is accepted can be read."""

import re
from io import BytesIO
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.brands import COLOR, brand_of, contrast, readable, takes_white_text
from portal.directory.configuration import ProjectConfiguration, load_configuration
from portal.directory.configuration import Theme as ProjectTheme
from portal.directory.preferences import Theme as Preferred
from portal.directory.themes import BUILT_IN, FONTS, INHERITED, RADII, Theme, problems, theme_of
from portal.embedded import models
from portal.folders import RESOURCES
from portal.web.themes import look_of, whole_theme
from tests import factories

SHEET = "/theme/0f6b47-large-humanist.css"
INTER = "inter-5.3.0-latin.woff2"
# From all over the cube of colors, in no order that has to do with it.
COLORS = [f"#{number * 7_368_787 % (1 << 24):06x}" for number in range(2000)]
LIGHT = ("#ffffff", "#fbfbfc", "#f4f5f7", "#f0f1f4")
DARK = ("#16191f", "#0f1115", "#0b0d10", "#20242c")


def page(client: Client, url: str) -> str:
    return " ".join(client.get(url).content.decode().split())


def themed(organization: models.OrganizationRow, **theme: str) -> None:
    models.OrganizationRow.objects.filter(pk=organization.pk).update(settings={"theme": theme})


# --- The style sheet --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_style_sheet_of_a_theme_is_kept_and_takes_no_query(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        response = client.get(SHEET)

    assert (response.status_code, response["Content-Type"]) == (200, "text/css; charset=utf-8")
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert not response.cookies
    css = response.content.decode()
    assert css.startswith(":root {\n  --brand: #0f6b47;\n")
    assert "  --radius: 0.75rem;\n" in css
    assert f"  --font: {FONTS['humanist']};\n" in css


@pytest.mark.django_db
def test_a_preview_changes_no_more_than_its_own_part_of_the_page(client: Client) -> None:
    css = client.get("/theme/preview/0f6b47-large-humanist.css").content.decode()

    assert re.findall(r"^\S.*\{$", css, re.MULTILINE) == [".theme-preview {"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "tokens",
    [
        "0f6b47;}body{display:none",
        "0f6b47-large-humanist;}",
        "0f6b47-large-url(x)",
        "0F6B47-large-humanist",
        "0f6b47-huge-humanist",
        "0f6b47-large-wingdings",
        "0f6b47-large",
        "0f6b4-large-humanist",
        "0f6b47-large-humanist\n",
        "ffd400-large-humanist",
        "<script>",
        "",
    ],
)
def test_what_is_not_a_theme_that_can_be_read_is_not_found(client: Client, tokens: str) -> None:
    for name in ("themes:theme", "themes:preview"):
        response = client.get(reverse(name, args=["TOKENS"]).replace("TOKENS", tokens.replace("\n", "%0A")))

        assert response.status_code == 404
        assert response["Content-Type"].startswith("text/html")
        assert "immutable" not in response["Cache-Control"]


def test_a_theme_sets_everything_that_the_style_sheet_derives_from_it() -> None:
    """Otherwise a preview, and a page on an old browser, would mix two themes."""
    styles = (RESOURCES / "static/css/gatehouse.css").read_text()
    tokens = styles[styles.index("/* ---- Tokens") : styles.index("/* ---- Base")]
    derived = {"--brand", "--brand-text", "--radius", "--font"}
    for name, value in re.findall(r"(--[\w-]+): (.+?);", tokens):
        if any(f"var({one})" in value for one in derived):
            derived.add(name)

    css = Client().get(SHEET).content.decode()

    assert set(re.findall(r"(--[\w-]+): ", css)) == derived


def test_the_built_in_theme_is_that_of_the_style_sheet() -> None:
    styles = (RESOURCES / "static/css/gatehouse.css").read_text()

    assert f"--brand: {BUILT_IN.color};" in styles
    assert f"--radius: {RADII[BUILT_IN.radius]};" in styles
    assert f"--font: {FONTS[BUILT_IN.font]};" in styles


# --- Which pages link it ----------------------------------------------------------------------------------------------


def test_pages_look_as_their_organization_does_also_before_sign_in(
    acme: models.OrganizationRow, globex: models.OrganizationRow, admin: models.MemberRow
) -> None:
    themed(acme, color="#0f6b47", radius="large", font="humanist", color_scheme="dark")
    client, visitor = factories.signed_in(admin), Client()

    for html in (page(client, "/o/acme/"), page(client, "/o/acme/members/none/"), page(visitor, "/o/acme/sign-in/")):
        assert f'<link rel="stylesheet" href="{SHEET}">' in html
        assert '<html lang="en" data-theme="dark">' in html
        assert INTER not in html
    for html in (page(visitor, "/o/globex/sign-in/"), page(visitor, "/sign-in/")):
        assert "/theme/" not in html
        assert '<html lang="en">' in html
        assert INTER in html


def test_the_members_own_color_scheme_comes_first(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    themed(acme, color_scheme="dark")
    models.MemberRow.objects.filter(pk=admin.pk).update(theme=Preferred.LIGHT)

    assert 'data-theme="light"' in page(factories.signed_in(admin), "/o/acme/")


def test_what_an_organization_leaves_out_is_the_projects(acme: models.OrganizationRow, settings: Settings) -> None:
    settings.PROJECT = ProjectConfiguration(theme=ProjectTheme(color="#800080", radius="none", color_scheme="light"))
    themed(acme, radius="large")

    assert "/theme/800080-large-inter.css" in page(Client(), "/o/acme/sign-in/")
    assert "/theme/800080-none-inter.css" in page(Client(), "/sign-in/")
    assert 'data-theme="light"' in page(Client(), "/sign-in/")


@pytest.mark.parametrize(("chosen", "font"), [("", "system"), ("inter", "inter"), ("serif", "serif")])
def test_a_frame_loads_inter_only_if_the_theme_asks_for_it(settings: Settings, chosen: str, font: str) -> None:
    settings.PROJECT = ProjectConfiguration(theme=ProjectTheme(font=chosen))

    assert whole_theme(INHERITED, is_framed=True).font == font
    look = look_of(None, is_framed=True)
    assert look.loads_inter == (font == "inter")
    assert look.style_sheet_url == ("" if font == "inter" else f"/theme/3b52d4-medium-{font}.css")


@pytest.mark.django_db
def test_pages_of_no_organization_have_the_projects_logo(settings: Settings, tmp_path: Path) -> None:
    image = BytesIO()
    Image.new("RGB", (300, 90), "teal").save(image, "WEBP")
    (tmp_path / "logo.webp").write_bytes(image.getvalue())
    (tmp_path / "project.toml").write_text('[theme]\nlogo = "logo.webp"\n[mail]\nportal_name = "Northwind ID"')
    assert "product-logo" not in page(Client(), "/sign-in/")
    settings.PROJECT = load_configuration(tmp_path / "project.toml")
    factories.organization("acme", name="Acme")

    for url in ("/sign-in/", "/nothing/"):
        html = page(Client(), url)
        assert '<img class="product-logo" src="/theme/logo/' in html
        assert 'alt="Northwind ID">' in html
    assert "product-logo" not in page(Client(), "/o/acme/sign-in/")
    url = html.split('class="product-logo" src="')[1].split('"')[0]
    response = Client().get(url)
    assert (response["Content-Type"], response.content) == ("image/webp", image.getvalue())
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert Client().get(f"{url}0").status_code == 404
    settings.PROJECT = ProjectConfiguration()
    assert Client().get(url).status_code == 404


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "which can't be read: No such file or directory"),
        (b"<svg><script>alert(1)</script></svg>", "must be a PNG or WebP image of up to 200 KB"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 204_800, "must be a PNG or WebP image of up to 200 KB"),
    ],
    ids=["missing", "svg", "large"],
)
def test_a_logo_that_is_none_stops_the_start(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "logo.png").write_bytes(content)
    (tmp_path / "project.toml").write_text('[theme]\nlogo = "logo.png"')

    with pytest.raises(ValueError, match=problem):
        load_configuration(tmp_path / "project.toml")


# --- Which themes there are -------------------------------------------------------------------------------------------


def test_every_color_that_is_accepted_can_be_read() -> None:
    accepted = [one for one in [*COLORS, "#000000", "#767676", "#3b52d4"] if not problems(Theme(color=one))]

    assert len(accepted) > 500
    for color in accepted:
        brand = brand_of(color)
        assert contrast(color, "#ffffff") >= 4.5
        assert contrast(brand.hover, "#ffffff") >= 4.5
        assert all(contrast(brand.link, ground) >= 4.5 for ground in (*LIGHT, brand.soft)), color
        assert all(contrast(brand.link_dark, ground) >= 4.5 for ground in (*DARK, brand.soft_dark)), color
        assert all(contrast(text, brand.soft) >= 4.5 for text in ("#272b33", "#5a6170")), color
        assert all(contrast(text, brand.soft_dark) >= 4.5 for text in ("#d9dde4", "#9ba3b2")), color
        assert contrast(brand.chart, "#ffffff") >= 3
        assert contrast(brand.chart_dark, "#16191f") >= 3


def test_for_every_other_color_the_nearest_one_is_named() -> None:
    for color in (one for one in COLORS if not takes_white_text(one)):
        nearest = readable(color)
        assert nearest in problems(Theme(color=color))["color"]
        assert COLOR.fullmatch(nearest)
        assert 4.5 <= contrast(nearest, "#ffffff") < 5


def test_the_reason_has_both_numbers() -> None:
    assert problems(Theme(color="#ffd400"))["color"] == (
        "White text on #ffd400 has a contrast of 1.4:1, but needs 4.5:1. The nearest color that can be read is #8c7500."
    )
    # What is nearly enough doesn't read as enough.
    assert "a contrast of 4.4:1" in problems(Theme(color="#777777"))["color"]


def test_the_tokens_of_a_theme_name_it() -> None:
    for radius in RADII:
        for font in FONTS:
            theme = Theme("#0f6b47", radius, font, "auto")
            assert theme_of(theme.tokens) == theme
