"""The SCIM connection."""

import pytest

from portal.directory.errors import Forbidden, Unauthenticated
from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from tests.contract.worlds import World, acting, opened


def test_an_organization_without_a_connection_has_none(world: World) -> None:
    world.add_connection("globex")

    assert acting(world).scim.connection.get() is None


def test_the_connection_has_the_base_url(world: World) -> None:
    connection_id = world.add_connection("acme")

    connection = acting(world).scim.connection.get()

    assert connection is not None
    assert (connection.connection_id, connection.display_name) == (connection_id, "Okta production")
    assert connection.organization_id == opened(world).organization.get().organization_id
    assert connection.identity_provider is ScimIdentityProvider.OKTA
    assert connection.status is ScimConnectionStatus.ACTIVE
    assert connection.base_url.endswith(f"/v1/b2b/scim/{connection_id}")
    assert len(connection.bearer_token_last_four) == 4
    assert connection.bearer_token_expires_at is not None


def test_a_deleted_connection_is_not_returned(world: World) -> None:
    world.delete_connection(world.add_connection("acme"))

    assert acting(world).scim.connection.get() is None


def test_a_member_without_permission_is_rejected(world: World) -> None:
    world.add_connection("acme")

    with pytest.raises(Forbidden):
        acting(world, "max@acme.example").scim.connection.get()


def test_a_permission_applies_to_one_organization(world: World) -> None:
    world.add_connection("globex")

    with pytest.raises(Forbidden):
        acting(world, "ada@acme.example", "globex").scim.connection.get()


def test_reading_needs_a_signed_in_member(world: World) -> None:
    world.add_connection("acme")

    with pytest.raises(Unauthenticated):
        opened(world).scim.connection.get()
