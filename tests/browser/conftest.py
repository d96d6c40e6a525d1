"""A served portal in front of each directory, and a browser that reports what goes wrong in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import BrowserContext, Page
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from portal import directories
from portal.embedded import models
from tests import factories
from tests.fakes.stytch import DEMO_PASSWORD, fake_stytch, fill_with_demo

NUMBER_OF_GROUPS = 130


@dataclass(frozen=True)
class Portal:
    """Acme with an admin (ada), who is in Globex too, and a member (max); Globex with an admin (gil)."""

    url: str
    directory: str
    revoke_sessions: Callable[[], object]

    def sign_in(self, page: Page, email_address: str = "ada@acme.example", organization: str = "acme") -> None:
        """Sign in to one organization, as a person does."""
        page.goto(f"{self.url}/o/{organization}/sign-in/")
        self.fill_in(page, email_address)
        page.wait_for_url(f"{self.url}/o/{organization}/")

    def fill_in(self, page: Page, email_address: str = "ada@acme.example") -> None:
        """Fill in the sign-in form that is shown, and send it."""
        page.get_by_label("Email address").fill(email_address)
        page.get_by_label("Password").fill(DEMO_PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    def open_groups(self, page: Page) -> None:
        """Sign in, open the SCIM page and press its button."""
        self.sign_in(page)
        page.get_by_role("navigation").get_by_role("link", name="SCIM").click()
        page.get_by_role("link", name="Get groups").click()
        page.get_by_role("link", name="Load more").wait_for()

    def open_group_list(self, page: Page) -> None:
        """Sign in and open the list of groups, with its filters."""
        self.sign_in(page)
        page.goto(f"{self.url}/o/acme/scim/groups/")


def fill_embedded() -> None:
    acme, globex = factories.organization("acme", name="Acme"), factories.organization("globex", name="Globex")
    admin = ["stytch_admin"]
    factories.member(acme, "ada@acme.example", name="Ada Admin", roles=admin, password=DEMO_PASSWORD)
    factories.member(acme, "max@acme.example", name="Max Member", password=DEMO_PASSWORD)
    factories.member(globex, "gil@globex.example", name="Gil Globex", roles=admin, password=DEMO_PASSWORD)
    factories.member(globex, "ada@acme.example", name="Ada Admin", password=DEMO_PASSWORD)
    connection = factories.scim_connection(acme)
    groups = factories.scim_groups(connection, (f"Team {n:03}" for n in range(NUMBER_OF_GROUPS)))
    users = [factories.scim_user(connection, f"person{n:02}@acme.example", active=n != 3) for n in range(60)]
    factories.put_in_group(groups[0], users)


@pytest.fixture
def embedded(transactional_db: None, live_server: LiveServer) -> Portal:
    fill_embedded()
    return Portal(
        live_server.url, "embedded", lambda: models.MemberSessionRow.objects.update(revoked_at=timezone.now())
    )


@pytest.fixture
def stytch(transactional_db: None, live_server: LiveServer, settings: Settings) -> Iterator[Portal]:
    with fake_stytch() as server:
        fill_with_demo(server, group_count=NUMBER_OF_GROUPS)
        for name, value in server.settings.items():
            setattr(settings, name, value)
        directories._provider.cache_clear()
        yield Portal(live_server.url, "stytch", server.project.sessions.clear)
        directories._provider.cache_clear()


@pytest.fixture(params=["embedded", "stytch"])
def portal(request: pytest.FixtureRequest, transactional_db: None) -> Portal:
    # transactional_db must be named here: what is only asked for by name below comes too late for it.
    served: Portal = request.getfixturevalue(request.param)
    return served


@pytest.fixture
def expected_errors() -> list[str]:
    """Add what a journey provokes: texts of which a reported error may have one."""
    return []


@pytest.fixture(autouse=True)
def _nothing_goes_wrong(context: BrowserContext, expected_errors: list[str]) -> Iterator[None]:
    """Fail where the browser reports an error: of a script, of the security policy, or of a file that is not there."""
    found: list[str] = []
    context.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: found.append(str(error.error)))
    context.set_default_timeout(15_000)
    yield
    assert [one for one in found if not any(text in one for text in expected_errors)] == []


def overflow(page: Page) -> int:
    """Return by how many pixels the page is wider than the window."""
    # A click waits for the next page to begin, not to be there.
    page.wait_for_load_state()
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def check_accessibility(page: Page) -> None:
    """Fail on any finding of axe, in light and in dark."""
    page.wait_for_load_state()
    for scheme in ("light", "dark"):
        # A colour on its way from light to dark is neither: without motion it is there at once.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found = Axe().run(page).response["violations"]
        assert [(scheme, one["id"], [node["target"] for node in one["nodes"]]) for one in found] == []
