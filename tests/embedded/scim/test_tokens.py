"""Concurrent changes of tokens and connections."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict
from portal.directory.ids import public_id
from portal.directory.scim.connection import NewScimConnection, ScimConnection, ScimIdentityProvider
from portal.embedded import models
from tests import factories
from tests.contract.worlds import EmbeddedWorld, acting

pytestmark = pytest.mark.django_db(transaction=True)

Call = Callable[[], NewScimConnection | ScimConnection]


def at_once(*actions: Call) -> list[NewScimConnection | ScimConnection | Conflict]:
    def run(call: Call) -> NewScimConnection | ScimConnection | Conflict:
        try:
            return call()
        except Conflict as conflict:
            return conflict
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def admins(number: int = 4) -> list[ScimGateway]:
    world, acme = EmbeddedWorld(), models.OrganizationRow.objects.get()
    addresses = [f"admin{n}@acme.example" for n in range(number)]
    for address in addresses:
        world.add_member(acme.slug, address, roles=["stytch_admin"])
    return [acting(world, address).scim for address in addresses]


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def only_one(outcomes: list[NewScimConnection | ScimConnection | Conflict]) -> NewScimConnection | ScimConnection:
    done = [one for one in outcomes if not isinstance(one, Conflict)]
    assert len(done) == 1
    return done[0]


def test_one_of_several_concurrent_rotations_starts(connection: models.ScimConnectionRow) -> None:
    connection_id = public_id("scim-connection", connection.pk)
    scims = admins()

    started = only_one(at_once(*(lambda scim=scim: scim.tokens.rotate_start(connection_id) for scim in scims)))

    assert isinstance(started, NewScimConnection)
    assert connection.tokens.get(is_next=True).last_four == started.bearer_token[-4:]
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.rotate_start").count() == 1


def test_a_rotation_is_either_completed_or_canceled(connection: models.ScimConnectionRow) -> None:
    connection_id = public_id("scim-connection", connection.pk)
    scims = admins()
    scims[0].tokens.rotate_start(connection_id)
    version = scims[0].tokens.get(connection_id).version
    ends = [end for scim in scims for end in (scim.tokens.rotate_complete, scim.tokens.rotate_cancel)]

    only_one(at_once(*(lambda end=end: end(connection_id, version=version) for end in ends)))

    assert connection.tokens.filter(revoked_at=None).count() == 1


def test_one_of_several_concurrent_connections_is_created(acme: models.OrganizationRow) -> None:
    scims = admins()

    only_one(
        at_once(
            *(
                lambda scim=scim: scim.connection.create(
                    display_name="Okta", identity_provider=ScimIdentityProvider.OKTA
                )
                for scim in scims
            )
        )
    )

    assert models.ScimConnectionRow.objects.count() == models.ScimTokenRow.objects.count() == 1


def test_one_of_several_concurrent_updates_is_saved(connection: models.ScimConnectionRow) -> None:
    connection_id = public_id("scim-connection", connection.pk)
    scims = admins()
    found = scims[0].connection.get()
    assert found
    okta, version = ScimIdentityProvider.OKTA, found.version

    only_one(
        at_once(
            *(
                lambda scim=scim, name=f"Name {n}": scim.connection.update(
                    connection_id, display_name=name, identity_provider=okta, version=version
                )
                for n, scim in enumerate(scims)
            )
        )
    )

    entry = models.ActivityEntryRow.objects.get(action="scim_connection.update")
    assert (entry.before, list(entry.after)) == ({"display_name": "Okta production"}, ["display_name"])


def test_saving_the_same_values_changes_nothing(connection: models.ScimConnectionRow) -> None:
    (scim,) = admins(1)
    found = scim.connection.get()
    assert found

    scim.connection.update(
        found.connection_id,
        display_name=found.display_name,
        identity_provider=found.identity_provider,
        version=found.version,
    )

    assert not models.ActivityEntryRow.objects.filter(action="scim_connection.update").exists()
