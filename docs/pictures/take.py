"""Take the README's pictures from a running demo.

.venv/bin/python manage.py demo          # in one window
.venv/bin/python docs/pictures/take.py   # in another
"""

import shutil
from pathlib import Path
from typing import Literal

import environ
from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
PORTAL = "http://127.0.0.1:8000"


def sign_in(page: Page) -> None:
    """Sign in as the example's admin."""
    environ.Env.read_env(HERE.parents[1] / ".env")
    page.goto(f"{PORTAL}/o/acme/sign-in/")
    page.get_by_label("Email address").fill("ada@acme.example")
    page.get_by_label("Password").fill(str(environ.Env().str("DEMO_PASSWORD")))
    page.get_by_role("button", name="Sign in").click()


def take(page: Page, name: str) -> None:
    """Load the groups and photograph the page."""
    sign_in(page)
    page.goto(f"{PORTAL}/o/acme/scim/")
    page.get_by_role("link", name="Get groups").click()
    page.get_by_role("link", name="Load more").wait_for()
    page.mouse.move(0, 0)
    page.screenshot(path=HERE / f"{name}.png")


def main() -> None:
    """Take one picture in light and one in dark."""
    schemes: dict[str, Literal["light", "dark"]] = {"scim-light": "light", "scim-dark": "dark"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, scheme in schemes.items():
            context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
            take(context.new_page(), name)
        browser.close()


if __name__ == "__main__":
    main()
