"""Each way in that isn't a password alone, with the keyboard on a phone: with scripts and without, and without a finding of axe."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pyotp
import pytest
from django.core import mail
from playwright.sync_api import Browser, Page, expect
from pytest_django import Settings

from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.browser.test_keyboard import press, tab_to
from tests.fakes.stytch import DEMO_PASSWORD
from tests.pages.session.test_mfa import require
from tests.tasks import run_tasks

pytestmark = pytest.mark.browser
ADA, MAX = "ada@acme.example", "max@acme.example"
NEW_PASSWORD = "twelve pelicans over Utrecht"


@dataclass(frozen=True)
class Phone:
    """A browser on a phone, whose owner uses its keyboard."""

    page: Page
    url: str
    has_scripts: bool

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")

    def open_link(self) -> None:
        """Open the link of the email."""
        parts = urlsplit(emailed(r"^(https?://\S+token=\S+)$"))
        self.open(f"{parts.path}?{parts.query}")

    def press(self, name: str) -> None:
        """Look at the page, and press a button."""
        assert overflow(self.page) <= 0
        # Axe is a script itself.
        if self.has_scripts:
            check_accessibility(self.page)
        press(self.page, self.page.get_by_role("button", name=name))

    def enter(self, label: str, text: str, button: str) -> None:
        """Fill in a field, and press a button."""
        field = self.page.get_by_label(label)
        field.wait_for()
        if not field.evaluate("target => target === document.activeElement"):
            tab_to(self.page, field)
        self.page.keyboard.type(text)
        self.press(button)

    def enter_password(self) -> None:
        """Enter the address and the password."""
        self.open("/o/acme/sign-in/")
        self.page.get_by_label("Email address").fill(MAX)
        self.enter("Password", DEMO_PASSWORD, "Sign in")

    def expect_heading(self, name: str) -> None:
        expect(self.page.get_by_role("heading", name=name)).to_be_visible()

    def expect_home(self, slug: str = "acme") -> None:
        self.page.wait_for_url(f"{self.url}/o/{slug}/")


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def phone(request: pytest.FixtureRequest, browser: Browser, embedded: Portal, settings: Settings) -> Iterator[Phone]:
    """Return a phone in front of a portal that sends email."""
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    context = browser.new_context(java_script_enabled=request.param, viewport={"width": 390, "height": 844})
    context.set_default_timeout(15_000)
    yield Phone(context.new_page(), embedded.url, request.param)
    context.close()


def emailed(pattern: str) -> str:
    """Have the email sent, and return what it has."""
    run_tasks()
    return str(re.findall(pattern, str(mail.outbox[-1].body), re.MULTILINE)[0])


def test_a_code_by_email(phone: Phone) -> None:
    phone.open("/o/acme/sign-in/")
    phone.enter("Email address", MAX, "Email me a code")
    phone.expect_heading("Enter your code")
    phone.enter("Code", emailed(r"^    (\d{6})$"), "Continue")
    phone.expect_home()


def test_a_link_by_email_and_a_choice(phone: Phone) -> None:
    phone.open("/sign-in/")
    phone.enter("Email address", ADA, "Email me a link")
    phone.expect_heading("Check your email")
    phone.open_link()
    phone.press("Continue")
    phone.expect_heading("Choose an organization")
    phone.press("Globex")
    phone.expect_home("globex")


def test_a_forgotten_password(phone: Phone) -> None:
    phone.open("/o/acme/sign-in/email/")
    phone.enter("Email address", MAX, "Send link")
    phone.expect_heading("Check your email")
    phone.open_link()
    phone.enter("New password", NEW_PASSWORD, "Set password and sign in")
    phone.expect_home()


def test_an_app_that_is_set_up_on_the_way_in_and_a_recovery_code(phone: Phone) -> None:
    require()
    phone.enter_password()
    key = "".join(phone.page.get_by_label("Or enter this setup key").input_value().split())
    phone.enter("Code that the app shows", pyotp.TOTP(key).now(), "Add authenticator app")
    phone.expect_heading("Save your recovery codes")
    recovery_code = phone.page.locator("#codes li").first.inner_text()
    press(phone.page, phone.page.get_by_label("I saved these codes"), "Space")
    phone.press("Continue")
    phone.expect_home()

    phone.page.context.clear_cookies()
    phone.enter_password()
    phone.expect_heading("Confirm that it’s you")
    phone.press("Use a recovery code")
    phone.enter("Recovery code", recovery_code, "Continue")
    phone.expect_home()
