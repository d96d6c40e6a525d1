"""Take the pictures of the README and the docs from a running demo.

.venv/bin/python manage.py demo --embed-example   # in one window
.venv/bin/python docs/pictures/take.py            # in another
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import environ
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent


def sign_in(page: Page) -> None:
    """Sign in as the example's admin."""
    page.goto("/o/acme/sign-in/")
    page.get_by_label("Email address").fill("ada@acme.example")
    page.get_by_label("Password").fill(str(environ.Env().str("DEMO_PASSWORD")))
    page.get_by_role("button", name="Sign in").click()


def home(page: Page) -> None:
    """Open Home."""
    page.goto("/o/acme/")


def scim(page: Page) -> None:
    """Open SCIM and load the groups: the picture has them below the connection."""
    page.goto("/o/acme/scim/")
    page.get_by_role("link", name="Get groups").click()
    page.get_by_role("link", name="Load more").wait_for()
    page.locator("#groups").evaluate("groups => scrollBy(0, groups.getBoundingClientRect().top - innerHeight / 2)")


def log(page: Page) -> None:
    """Open the log of requests."""
    page.goto("/o/acme/scim/log/")


def embed(page: Page) -> None:
    """Open the example product, whose port is the one after the portal's, and the groups in its frame."""
    portal = urlsplit(page.url)
    page.goto(f"http://{portal.hostname}:{(portal.port or 80) + 1}/?area=scim&path=scim/groups/")
    page.locator(".log li code", has_text="height").first.wait_for()


PICTURES: dict[str, Callable[[Page], None]] = {"home": home, "scim": scim, "log": log, "embed": embed}


def main() -> None:
    """Take each picture in light and in dark."""
    environ.Env.read_env(HERE.parents[1] / ".env")
    portal = str(environ.Env().str("PUBLIC_URL"))
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for scheme in schemes:
            context = browser.new_context(
                base_url=portal, viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
            )
            page = context.new_page()
            sign_in(page)
            for name, open_page in PICTURES.items():
                open_page(page)
                page.mouse.move(0, 0)
                page.screenshot(path=HERE / f"{name}-{scheme}.png")
        browser.close()


if __name__ == "__main__":
    main()
