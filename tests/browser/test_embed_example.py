"""`manage.py demo --embed-example`: the whole way, from a product's page to the portal in its frame."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.browser.conftest import check_accessibility, overflow
from tests.servers import ROOT, free_port

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("embed-example")]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the example product of a running demo."""
    home = tmp_path_factory.mktemp("demo")
    port = free_port()
    command = [sys.executable, "manage.py", "demo", "--embed-example", "--people", "3", "--groups", "2"]
    environment = {"PATH": os.environ["PATH"], "GATEHOUSE_HOME": str(home)}
    with (home / "output").open("w+") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        address = f"http://127.0.0.1:{port + 1}"
        try:
            while f"The portal in a frame of an example product: {address}\n" not in said(home):
                assert process.poll() is None, said(home)
                time.sleep(0.1)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
    assert "Traceback" not in said(home)


def said(home: Path) -> str:
    return (home / "output").read_text()


def test_the_portal_is_in_the_page_of_the_product(page: Page, product: str) -> None:
    page.goto(product)
    frame = page.frame_locator("#portal iframe").first
    expect(frame.get_by_role("heading", name="SCIM")).to_be_visible()
    # In the product's colors.
    expect(frame.locator('link[href*="/theme/0f6b47-large-"]')).to_have_count(1)
    frame.get_by_role("link", name="Groups").first.click()
    page.wait_for_url("**path=scim%2Fgroups%2F")

    # A reload leads to the same place.
    page.reload()
    expect(page.locator(".log li", has_text='"path":"scim/groups/"').first).to_be_visible()
    page.get_by_role("button", name="Renew session").click()
    expect(page.locator(".log li", has_text="session-renewed").first).to_be_visible()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_its_areas_its_people_and_its_theme_can_be_chosen(page: Page, product: str, expected_errors: list[str]) -> None:
    expected_errors += ["403"]
    page.goto(product)
    frame = page.frame_locator("#portal iframe").first
    page.get_by_role("link", name="Members").click()
    expect(frame.get_by_role("heading", name="Members")).to_be_visible()
    page.get_by_label("Theme").select_option("Dark")
    expect(frame.locator("html")).to_have_attribute("data-theme", "dark")
    expect(frame.get_by_role("link", name="Invite", exact=True)).to_be_visible()

    page.get_by_label("Signed in as").select_option("Max, a member")
    expect(page.get_by_role("alert")).to_contain_text("You don’t have access")
    expect(frame.get_by_role("link", name="Invite", exact=True)).to_be_hidden()


def test_it_fits_a_phone_and_is_accessible(page: Page, product: str) -> None:
    page.set_viewport_size({"width": 320, "height": 700})
    page.goto(product)
    expect(page.locator(".log li code", has_text="ready")).to_be_visible()

    assert overflow(page) == 0
    check_accessibility(page)


def test_the_frame_fits_a_phone(page: Page, product: str) -> None:
    page.set_viewport_size({"width": 344, "height": 700})
    page.goto(f"{product}/?area=members")
    frame = page.frame_locator("#portal iframe").first
    expect(frame.get_by_role("heading", name="Members")).to_be_visible()

    assert frame.locator("html").evaluate("root => [innerWidth, root.scrollWidth]") == [320, 320]


def test_an_error_has_its_request_id(page: Page, product: str, expected_errors: list[str]) -> None:
    expected_errors += ["404"]
    page.goto(f"{product}/?area=members&path=members/nobody/")

    expect(page.locator(".log li", has_text='"requestId":"request-id-live-').first).to_be_visible()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
def test_no_other_page_gets_a_ticket(product: str, origin: str | None) -> None:
    asked = {"area": "scim", "theme": "auto", "member": "ada"}
    headers = {"Origin": origin} if origin else {}

    assert requests.post(f"{product}/portal-ticket", json=asked, headers=headers, timeout=10).status_code == 403


def test_a_request_for_something_else_is_rejected(product: str) -> None:
    asked: dict[str, object] = {"area": "scim", "theme": "auto", "member": "ada"}
    responses = [
        requests.post(f"{product}/portal-ticket", json=asked | change, headers={"Origin": product}, timeout=10)
        for change in ({"area": "billing"}, {"member": "gil"}, {"path": "scim/" * 1000}, {"theme": "purple"})
    ]

    # The last one is rejected by the portal.
    assert [response.status_code for response in responses] == [400, 400, 400, 502]
    assert "theme" in responses[-1].json()["error"]
