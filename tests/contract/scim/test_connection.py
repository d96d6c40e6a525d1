"""What every directory promises of the SCIM connection."""

import pytest

from portal.directory.errors import Refused, Unauthenticated
from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from tests.contract.worlds import World, acting, opened


def test_an_organization_without_connection_has_none(world: World) -> None:
    world.add_connection("globex")

    assert acting(world).scim.connection.get() is None


def test_the_connection_tells_where_the_identity_provider_pushes_to(world: World) -> None:
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


def test_a_deleted_connection_is_none(world: World) -> None:
    world.delete_connection(world.add_connection("acme"))

    assert acting(world).scim.connection.get() is None


def test_a_member_without_the_right_is_refused_by_the_directory_itself(world: World) -> None:
    world.add_connection("acme")

    with pytest.raises(Refused):
        acting(world, "max@acme.example").scim.connection.get()


def test_a_right_in_one_organization_is_none_in_another(world: World) -> None:
    world.add_connection("globex")

    with pytest.raises(Refused):
        acting(world, "ada@acme.example", "globex").scim.connection.get()


def test_nobody_sees_the_connection_unless_signed_in(world: World) -> None:
    world.add_connection("acme")

    with pytest.raises(Unauthenticated):
        opened(world).scim.connection.get()
