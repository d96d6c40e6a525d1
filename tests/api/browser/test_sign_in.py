"""Stytch's own sign-in component, from its published bundle, on our API."""

import re

import pytest
from playwright.sync_api import expect

from portal.embedded import models
from tests.api.browser.conftest import ProductPage
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser, pytest.mark.node]


def enter_email(product_page: ProductPage, email_address: str) -> None:
    product_page.open_sign_in("acme")
    product_page.page.get_by_role("textbox", name="Email").fill(email_address)
    product_page.page.get_by_role("button", name="Continue", exact=True).click()


def test_a_member_signs_in_with_a_password(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page
    enter_email(product_page, "ada@acme.example")

    page.locator("input[type=password]").fill("wrong")
    page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_text("Unauthorized credentials.")).to_be_visible()
    page.locator("input[type=password]").fill(PASSWORD)
    page.get_by_role("button", name="Continue", exact=True).click()

    page.wait_for_function("window.client.session.getSync()")
    assert models.MemberSessionRow.objects.get().member == ada


def test_someone_who_is_not_a_member_learns_it_before_the_password(
    product_page: ProductPage, ada: models.MemberRow
) -> None:
    enter_email(product_page, "eve@acme.example")

    expect(product_page.page.get_by_text("does not have access to Acme")).to_be_visible()


def test_a_way_to_sign_in_that_is_not_here_names_no_method(product_page: ProductPage, ada: models.MemberRow) -> None:
    page = product_page.page
    enter_email(product_page, "ada@acme.example")
    page.get_by_role("button", name=re.compile("reset password")).click()
    page.get_by_role("button", name="Continue", exact=True).click()

    expect(page.get_by_text("This is not available here yet.")).to_be_visible()

    product_page.open_sign_in("acme")
    page.get_by_role("button", name=re.compile("Google")).click()
    expect(page.get_by_role("heading", name="This isn't available here yet")).to_be_visible()
