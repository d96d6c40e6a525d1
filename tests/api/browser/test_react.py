"""Stytch's React package on our API: its sign-in component, its hooks, and its cache."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from portal.embedded import models
from tests.api.browser.conftest import ProductPage
from tests.conftest import JAVASCRIPT, PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.node]


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the script of the product's page, bundled as products do."""
    built = tmp_path_factory.mktemp("react") / "react.js"
    subprocess.run(
        [
            "node_modules/.bin/esbuild",
            "react.tsx",
            "--bundle",
            "--format=esm",
            "--jsx=automatic",
            "--conditions=production",
            '--define:process.env.NODE_ENV="production"',
            "--log-level=warning",
            f"--outfile={built}",
        ],
        cwd=JAVASCRIPT,
        check=True,
        timeout=60,
    )
    return built


@pytest.fixture
def product(product_page: ProductPage, bundle: Path) -> Iterator[Page]:
    page = product_page.page
    page.route("**/react.js", lambda route: route.fulfill(path=bundle))
    query = {"organization": "acme", "api": product_page.api, "project": product_page.public_token}
    page.goto(f"{product_page.product}/react.html?{urlencode(query)}")
    yield page
    page.unroute_all()


def test_a_member_signs_in_is_cached_and_renewed_renamed_and_signed_out(ada: models.MemberRow, product: Page) -> None:
    product.get_by_role("textbox", name="Email").fill("ada@acme.example")
    product.get_by_role("button", name="Continue", exact=True).click()
    product.locator("input[type=password]").fill(PASSWORD)
    product.get_by_role("button", name="Continue", exact=True).click()
    expect(product.get_by_role("heading", name="Ada Admin")).to_be_visible()
    expect(product.get_by_text("stytch_admin")).to_be_visible()

    models.MemberRow.objects.filter(pk=ada.pk).update(name="Ada Byron")
    product.reload()
    expect(product.get_by_role("heading", name="Ada Byron")).to_be_visible()
    shown = product.evaluate("window.shown")
    assert shown[0] == {"name": "Ada Admin", "fromCache": True}
    product.wait_for_function("!window.shown.at(-1).fromCache")

    product.get_by_role("button", name="Rename").click()
    expect(product.get_by_role("heading", name="Ada Lovelace")).to_be_visible()
    ada.refresh_from_db()
    assert ada.name == "Ada Lovelace"

    product.get_by_role("button", name="Sign out").click()
    expect(product.get_by_role("textbox", name="Email")).to_be_visible()
    assert models.MemberSessionRow.objects.get().revoked_at is not None
