"""Chromium with third-party cookies blocked, in front of a portal and a product."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from tests.embed.site import CHROMIUM, Site, serve_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve_site(tmp_path_factory.mktemp("embed")) as served:
        yield served


@pytest.fixture(scope="session")
def frame_browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM)
    yield browser
    browser.close()


@pytest.fixture
def tab(frame_browser: Browser) -> Iterator[Page]:
    """A tab of a new browser profile."""
    context: BrowserContext = frame_browser.new_context(ignore_https_errors=True)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()
