"""Sessions in cookies that scripts can't read, with Stytch's SDK in Chromium."""

import msgspec
import pytest
from pytest_django import Settings

from portal.embedded import models
from tests.api.browser.conftest import ProductPage
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.node]


@pytest.fixture(autouse=True)
def http_only(product_page: ProductPage, settings: Settings) -> None:
    """Use cookies, with the product on the same site as the API: browsers send them nowhere else."""
    sdk = msgspec.structs.replace(settings.PROJECT.sdk, http_only_cookies=True)
    settings.PROJECT = msgspec.structs.replace(settings.PROJECT, sdk=sdk)
    product_page.product = product_page.product.replace("127.0.0.1", "localhost")
    settings.SDK_ALLOWED_ORIGINS = frozenset({product_page.product})


def sign_in(page: ProductPage) -> dict[str, object]:
    return page.call(
        "passwords.authenticate",
        {
            "organization_id": "acme",
            "email_address": "ada@acme.example",
            "password": PASSWORD,
            "session_duration_minutes": 60,
        },
    )


@pytest.mark.usefixtures("ada")
def test_scripts_never_see_the_session(product_page: ProductPage) -> None:
    product_page.open()

    answer = sign_in(product_page)

    assert (answer["session_token"], answer["session_jwt"]) == ("", "")
    assert "stytch_session" not in product_page.page.evaluate("document.cookie")
    stored = product_page.page.evaluate("JSON.stringify(localStorage)")
    held = {one["name"]: one for one in product_page.page.context.cookies()}
    assert held["stytch_session"]["value"] not in stored
    assert held["stytch_session"]["httpOnly"]
    assert held["stytch_session_jwt"]["httpOnly"]
    assert held["stytch_session"]["sameSite"] == "Lax"
    assert product_page.call("self.update", {"name": "Ada Lovelace"})["member"]["name"] == "Ada Lovelace"


@pytest.mark.usefixtures("ada")
def test_session_survives_a_reload_and_ends_with_sign_out(product_page: ProductPage) -> None:
    product_page.open()
    sign_in(product_page)
    product_page.open()

    again = product_page.call("session.authenticate", {"session_duration_minutes": 60})
    assert again["member"]["email_address"] == "ada@acme.example"
    product_page.call("session.revoke")

    assert product_page.page.context.cookies() == []
    assert models.MemberSessionRow.objects.filter(revoked_at=None).count() == 0


@pytest.mark.usefixtures("ada")
def test_cookie_of_an_ended_session_is_deleted(product_page: ProductPage) -> None:
    product_page.open()
    sign_in(product_page)
    models.MemberSessionRow.objects.all().delete()

    answer = product_page.call("session.authenticate", {})

    assert answer["error_type"] == "session_not_found"
    assert product_page.page.context.cookies() == []
