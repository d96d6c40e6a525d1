"""What people read about the API, where nobody is signed in."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import check_accessibility, overflow

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_methods_and_the_errors_can_be_read(page: Page, live_server: LiveServer, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})

    page.goto(f"{live_server.url}/docs/api/errors/no_active_scim_connection/")
    expect(page.get_by_role("heading", name="What to do")).to_be_visible()
    assert overflow(page) <= 0
    check_accessibility(page)
    page.get_by_role("link", name="All API methods").click()
    expect(page.get_by_role("heading", name="scim.connection.get_groups")).to_be_visible()
    assert overflow(page) <= 0
    check_accessibility(page)
