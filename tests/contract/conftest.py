"""Contract tests run on both kinds of directory."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.contract.worlds import ADMIN, EmbeddedWorld, StytchWorld, World
from tests.fakes.stytch import FakeStytch, fake_stytch, fill_with_demo
from tests.text_messages import TextMessages


@pytest.fixture
def stytch_server() -> Iterator[FakeStytch]:
    """A running fake Stytch with the demo's organizations, people and groups."""
    with fake_stytch() as server:
        fill_with_demo(server)
        yield server


@pytest.fixture(params=["embedded", "stytch"])
def world(request: pytest.FixtureRequest, settings: Settings, texts: TextMessages, db: None) -> Iterator[World]:
    """Acme with Ada, its admin, and Max, a member; Globex with Gil, its admin, and Ada, a member."""
    if request.param == "embedded":
        yield add_members(EmbeddedWorld(texts))
        return
    with fake_stytch() as fake:
        for name, value in fake.settings.items():
            setattr(settings, name, value)
        yield add_members(StytchWorld(fake))


def add_members(world: World) -> World:
    world.add_organization("acme", "Acme")
    world.add_organization("globex", "Globex")
    world.add_member("acme", "ada@acme.example", roles=[ADMIN])
    world.add_member("acme", "max@acme.example")
    world.add_member("globex", "gil@globex.example", roles=[ADMIN])
    world.add_member("globex", "ada@acme.example")
    return world
