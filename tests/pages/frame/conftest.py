"""Chromium of this machine, and a way to look at a page in it without a server."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext

from portal.folders import RESOURCES

ORIGIN = "http://127.0.0.1:9"
STATIC = RESOURCES / "static"


@pytest.fixture
def origin(context: BrowserContext) -> Iterator[str]:
    """Return an origin that serves the static files and nothing else yet; what the policy or a script rejects fails."""
    rejected: list[str] = []
    context.route(
        f"{ORIGIN}/static/**", lambda route: route.fulfill(path=STATIC / route.request.url.partition("/static/")[2])
    )
    context.on(
        "console", lambda message: rejected.append(message.text) if "Content Security Policy" in message.text else None
    )
    context.on("weberror", lambda error: rejected.append(str(error.error)))
    yield ORIGIN
    assert rejected == []
