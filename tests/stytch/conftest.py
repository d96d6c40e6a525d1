"""A portal with a fake Stytch that has the demo's organizations."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from pytest_django import Settings

from portal import directories
from portal.directory.actor import Origin
from portal.directory.directory import Directory
from portal.stytch import http
from portal.stytch.directory import StytchDirectory, StytchProvider
from tests.fakes.stytch import DEMO_PASSWORD, FakeStytch, fake_stytch, fill_with_demo


def groups(directory: Directory, **options: Any) -> Any:
    connection = directory.scim.connection.get()
    assert connection
    return directory.scim.groups.page(connection.connection_id, **options)


def sign_in(provider: StytchProvider, password: str = DEMO_PASSWORD) -> Any:
    return provider.open("acme", Origin()).sessions.sign_in(email_address="ada@acme.example", password=password)


@pytest.fixture
def stytch(settings: Settings) -> Iterator[FakeStytch]:
    with fake_stytch() as server:
        fill_with_demo(server, group_count=60)
        for name, value in server.settings.items():
            setattr(settings, name, value)
        directories._provider.cache_clear()
        yield server
        directories._provider.cache_clear()


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the waits before each further attempt, none of which takes time."""
    waits: list[float] = []
    monkeypatch.setattr(http, "time", SimpleNamespace(sleep=waits.append))
    return waits


@pytest.fixture
def provider(stytch: FakeStytch, slept: list[float]) -> StytchProvider:
    return StytchProvider()


@pytest.fixture
def ada(provider: StytchProvider, stytch: FakeStytch) -> StytchDirectory:
    """Acme's directory as its admin sees it, before any further request."""
    acme = provider.open("acme", Origin())
    directory = acme.acting_as(acme.sessions.sign_in(email_address="ada@acme.example", password=DEMO_PASSWORD))
    stytch.requests.clear()
    return directory
