"""The project's configuration: where links in emails may lead, and what SDKs in browsers may do."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from portal.directory.configuration import ProjectConfiguration, load_configuration, with_token
from portal.directory.errors import Invalid

APP = "https://app.example.com"


def load(tmp_path: Path, text: str, *urls: str) -> ProjectConfiguration:
    path = tmp_path / "project.toml"
    path.write_text(text)
    return load_configuration(path, urls)


def test_without_a_file_the_urls_are_of_every_type() -> None:
    configuration = load_configuration(None, [f"{APP}/authenticate", f"{APP}/other"])

    for name in ("login", "signup", "invite", "reset_password", "discovery"):
        assert configuration.redirect_urls.chosen(name, None) == f"{APP}/authenticate"
        assert configuration.redirect_urls.chosen(name, f"{APP}/other") == f"{APP}/other"


def test_the_file_comes_before_the_setting(tmp_path: Path) -> None:
    text = f"""
    name = "Acme"
    [redirect_urls]
    login = ["{APP}/login"]
    [sdk]
    methods = ["email_otp"]
    create_organizations = true
    pkce_required = ["email_magic_links"]
    [sessions]
    max_duration_minutes = 60
    """
    configuration = load(tmp_path, text, f"{APP}/authenticate")

    assert configuration.name == "Acme"
    assert configuration.redirect_urls.login == (f"{APP}/login",)
    assert configuration.redirect_urls.signup == (f"{APP}/authenticate",)
    assert (configuration.sdk.methods, configuration.sdk.pkce_required) == (("email_otp",), ("email_magic_links",))
    assert configuration.sessions.max_duration_minutes == 60


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("not toml", "project.toml"),
        ("[sdk]\nmethod = []", "`method` - at `$.sdk`"),
        ('[sdk]\nmethods = ["telepathy"]', "telepathy"),
        ("[sessions]\nmax_duration_minutes = 4", "max_duration_minutes"),
        ('[passwords]\nstrength = "long"', "long"),
        ("[passwords]\nluds_complexity = 5", "luds_complexity"),
        ("[passwords]\nluds_minimum_count = 7", "luds_minimum_count"),
        ('[passwords]\nbreach_url = "http://range.example/"', "passwords.breach_url"),
        ('[redirect_urls]\nlogin = ["/authenticate"]', "redirect_urls.login"),
        ('[redirect_urls]\nlogin = ["javascript:alert(1)"]', "redirect_urls.login"),
        ('[redirect_urls]\nlogin = ["http://app.example.com"]', "localhost"),
        ('[redirect_urls]\nlogin = ["https://*.example.com/"]', "no fragment, user name, password or *"),
        ('[redirect_urls]\nlogin = ["https://a@b.example/"]', "no fragment, user name, password or *"),
        ('[redirect_urls]\nlogin = ["https://a.example/?token=1"]', "token and stytch_token_type"),
        ('[redirect_urls]\nlogin = ["https://a.example/?next={}"]', "can't have a {}"),
        ('[redirect_urls]\nlogin = ["https://a.example:port/"]', "isn't a URL"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        load(tmp_path, text)


@pytest.mark.parametrize("url", ["http://localhost:3000/authenticate", "http://127.0.0.1/a", "myapp://signed-in"])
def test_localhost_and_apps_are_possible(url: str) -> None:
    assert load_configuration(None, [url]).redirect_urls.chosen("login", url) == url


@pytest.mark.parametrize(
    ("requested", "is_allowed"),
    [
        (f"{APP}/a?next=/home&theme=dark", True),
        (f"{APP}/a?next=&theme=dark", True),
        (f"{APP}/a?next=/home&theme=light", False),
        (f"{APP}/a?next=/home", False),
        (f"{APP}/a?next=/home&theme=dark&more=1", False),
        (f"{APP}/a?theme=dark&next=/home", False),
        (f"{APP}/b?next=/home&theme=dark", False),
        ("https://evil.example/a?next=/home&theme=dark", False),
        (f"{APP}/a?next=/home&theme=dark#x", False),
        (f"{APP}/a?next=\n&theme=dark", False),
    ],
)
def test_a_placeholder_takes_any_value_and_nothing_else(requested: str, is_allowed: bool) -> None:
    urls = load_configuration(None, [f"{APP}/a", f"{APP}/a?next={{}}&theme=dark"]).redirect_urls
    if is_allowed:
        assert urls.chosen("login", requested) == requested
    else:
        with pytest.raises(Invalid, match="configured redirect URLs"):
            urls.chosen("login", requested)


def test_the_token_is_added_to_the_query() -> None:
    assert with_token(f"{APP}/a?next=%2Fx%3Fy", "discovery", "t-o_k") == (
        f"{APP}/a?next=%2Fx%3Fy&stytch_token_type=discovery&token=t-o_k"
    )


@pytest.mark.parametrize(
    ("theme", "problem"),
    [
        (
            'color = "#ffd400"',
            r'theme.color is "#ffd400". White text on #ffd400 has a contrast of 1.4:1, but needs 4.5:1',
        ),
        ('color = "green"', "Use a color such as #3b52d4"),
        ('radius = "huge"', "Use none, small, medium, large"),
        ('font = "Comic Sans"', "Use inter, system, humanist, geometric, serif"),
        ('color_scheme = "sepia"', "Use auto, light, dark"),
        ('colour = "#0f6b47"', "unknown field `colour`"),
    ],
)
def test_a_theme_that_does_not_exist_or_cannot_be_read_stops_the_start(
    tmp_path: Path, theme: str, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        load(tmp_path, f"[theme]\n{theme}")


def test_a_theme_may_leave_parts_out(tmp_path: Path) -> None:
    theme = load(tmp_path, '[theme]\ncolor = "#0F6B47"').theme

    assert (theme.color, theme.radius) == ("#0f6b47", "")


def test_the_file_that_is_printed_has_every_setting_and_says_the_same(tmp_path: Path, settings: Settings) -> None:
    text = f"""
    name = "Acme “quoted” \\\\ é"
    [redirect_urls]
    login = ["{APP}/login", "{APP}/login?next={{}}"]
    discovery = ["{APP}/discover"]
    [sms]
    countries = ["DE", "US"]
    [[trusted_auth_tokens]]
    profile_id = "ours"
    issuer = "https://id.example.com"
    audience = "gatehouse"
    public_keys = ["-----BEGIN PUBLIC KEY-----\\nMFkw\\n-----END PUBLIC KEY-----"]
    attribute_mapping = {{ email = "email", token_id = "jti" }}
    """
    settings.PROJECT = load(tmp_path, text)
    call_command("projectfile", stdout=(printed := StringIO()))

    assert load(tmp_path, printed.getvalue()) == settings.PROJECT
    tables = {one for one in ProjectConfiguration.__struct_fields__ if one != "name"}
    assert {one.strip("[]") for one in printed.getvalue().splitlines() if one.startswith("[")} == tables


def test_a_file_is_checked_before_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    path.write_text('[sms]\ncountries = ["germany"]')
    with pytest.raises(CommandError, match=r"sms\.countries"):
        call_command("projectfile", "--check", str(path))

    path.write_text('[sms]\ncountries = ["DE"]')
    call_command("projectfile", "--check", str(path), stdout=(printed := StringIO()))
    assert "is correct" in printed.getvalue()
