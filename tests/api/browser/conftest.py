"""A product's pages, served from another origin than the API, in Chromium."""

import threading
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from portal.directory.actor import Origin
from portal.directory.sessions import AuthenticationFactor
from portal.embedded import models
from portal.embedded.project_secrets import create_project_secret
from tests import factories
from tests.conftest import JAVASCRIPT, PASSWORD


class _Files(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".mjs": "text/javascript"}

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def product() -> Iterator[str]:
    """Serve the product's page, and return its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=str(JAVASCRIPT)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


class ProductPage:
    """The product's page in a browser."""

    def __init__(self, page: Page, product: str, api: str) -> None:
        self.page, self.product, self.api = page, product, api
        self.public_token = create_project_secret(origin=Origin()).public_token

    def open(self, member: models.MemberRow | None = None) -> None:
        """Open it, signed in as a member or as nobody."""
        self.sign_in(member)
        self.page.goto(f"{self.product}/page.html?api={self.api}&token={self.public_token}")
        self.page.wait_for_selector("html[data-ready]")

    def open_screen(self, screen: str, member: models.MemberRow, factors: Sequence[AuthenticationFactor] = ()) -> None:
        """Open one of Stytch's own screens for admins: scim, members or organization."""
        self.sign_in(member, factors)
        self.page.goto(f"{self.product}/screen.html?screen={screen}&api={self.api}&token={self.public_token}")

    @property
    def sign_in_url(self) -> str:
        """The page of Stytch's sign-in component."""
        return f"{self.product}/sign-in.html"

    def open_sign_in(self, organization: str = "", url: str = "", **choices: str) -> None:
        """Open Stytch's sign-in component, for an organization by its slug. `url` is a link from an email to it."""
        query = {"organization": organization, "api": self.api, "project": self.public_token, **choices}
        start = f"{url}&" if url else f"{self.sign_in_url}?"
        self.page.goto(start + urlencode(query))

    def sign_in(self, member: models.MemberRow | None, factors: Sequence[AuthenticationFactor] = ()) -> None:
        """Leave a member's session where the SDK keeps it."""
        if member:
            token = factories.product_session_token(member, factors=factors)
            self.page.context.add_cookies([{"name": "stytch_session", "value": token, "url": self.product}])

    def call(self, method: str, *parameters: Any) -> dict[str, Any]:
        """Call a method of the SDK."""
        answer: dict[str, Any] = self.page.evaluate("(call) => window.call(...call)", [method, *parameters])
        return answer


@pytest.fixture
def product_page(page: Page, product: str, live_server: LiveServer, settings: Settings) -> Iterator[ProductPage]:
    settings.SDK_ALLOWED_ORIGINS = frozenset({product})
    yield ProductPage(page, product, live_server.url)
    # The SDK sends requests on its own, but not while the tables are emptied.
    page.close()


@pytest.fixture
def ada(transactional_db: None) -> models.MemberRow:
    acme = factories.organization("acme", name="Acme")
    return factories.member(acme, "ada@acme.example", name="Ada Admin", roles=["stytch_admin"], password=PASSWORD)
