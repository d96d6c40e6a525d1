"""Creating and changing the SCIM connection, and its tokens."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.directory import Directory, ScimGateway
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, StepUpRequired, Unauthenticated
from portal.directory.scim.connection import ScimConnection, ScimConnectionStatus, ScimIdentityProvider
from tests.contract.worlds import PASSWORD, World, acting, opened

OKTA, ENTRA = ScimIdentityProvider.OKTA, ScimIdentityProvider.MICROSOFT_ENTRA


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def connection(scim: ScimGateway) -> ScimConnection:
    found = scim.connection.get()
    assert found
    return found


def methods(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    """Return every method that needs an existing connection."""
    return [
        lambda: scim.tokens.get(connection_id),
        lambda: scim.tokens.rotate_start(connection_id),
        lambda: scim.tokens.rotate_complete(connection_id, version=""),
        lambda: scim.tokens.rotate_cancel(connection_id, version=""),
        lambda: scim.connection.update(connection_id, display_name="x", identity_provider=OKTA, version=""),
    ]


@pytest.mark.parametrize("identity_provider", list(ScimIdentityProvider))
def test_a_connection_is_created_with_its_first_token(world: World, identity_provider: ScimIdentityProvider) -> None:
    scim = acting(world).scim

    created = scim.connection.create(display_name="  Our people ", identity_provider=identity_provider)

    assert connection(scim) == created.connection
    assert (created.connection.display_name, created.connection.identity_provider) == ("Our people", identity_provider)
    assert created.connection.status is ScimConnectionStatus.ACTIVE
    assert created.connection.base_url.endswith(f"/v1/b2b/scim/{created.connection.connection_id}")
    entered = "?aadOptscim062020" if identity_provider is ENTRA else ""
    assert created.connection.entered_url == created.connection.base_url + entered
    assert created.bearer_token[-4:] == created.connection.bearer_token_last_four
    assert len(created.bearer_token) > 40
    assert created.bearer_token not in repr(created)


def test_a_second_connection_is_rejected_with_the_reason(world: World, connection_id: str) -> None:
    with pytest.raises(Conflict) as conflict:
        acting(world).scim.connection.create(display_name="Another", identity_provider=OKTA)

    assert "already has an active SCIM connection" in conflict.value.detail
    assert connection(acting(world).scim).connection_id == connection_id


def test_a_new_connection_is_created_after_a_deleted_one(world: World, connection_id: str) -> None:
    world.delete_connection(connection_id)

    created = acting(world).scim.connection.create(display_name="Another", identity_provider=OKTA)

    assert created.connection.connection_id != connection_id


@pytest.mark.parametrize("name", ["", "   "])
def test_a_connection_has_a_name(world: World, name: str) -> None:
    scim = acting(world).scim
    with pytest.raises(Invalid):
        scim.connection.create(display_name=name, identity_provider=OKTA)
    assert scim.connection.get() is None

    created = scim.connection.create(display_name="Okta", identity_provider=OKTA).connection
    with pytest.raises(Invalid):
        scim.connection.update(
            created.connection_id, display_name=name, identity_provider=OKTA, version=created.version
        )


def test_name_and_identity_provider_of_a_connection_are_changed(world: World) -> None:
    scim = acting(world).scim
    before = scim.connection.create(display_name="Okta", identity_provider=OKTA).connection
    tokens = scim.tokens.get(before.connection_id)

    after = scim.connection.update(
        before.connection_id, display_name=" Entra ID ", identity_provider=ENTRA, version=before.version
    )

    assert after == connection(scim)
    assert (after.connection_id, after.display_name, after.identity_provider) == (
        before.connection_id,
        "Entra ID",
        ENTRA,
    )
    assert scim.tokens.get(before.connection_id) == tokens


def test_the_second_of_two_changes_is_a_conflict(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    seen = connection(scim).version
    scim.connection.update(connection_id, display_name="First", identity_provider=OKTA, version=seen)

    with pytest.raises(Conflict) as conflict:
        scim.connection.update(connection_id, display_name="Second", identity_provider=OKTA, version=seen)

    assert conflict.value.field == "version"
    assert connection(scim).display_name == "First"


def test_a_new_connection_has_one_unused_token(world: World) -> None:
    scim = acting(world).scim
    created = scim.connection.create(display_name="Okta", identity_provider=OKTA)

    tokens = scim.tokens.get(created.connection.connection_id)

    assert tokens.following is None
    assert tokens.current.last_four == created.bearer_token[-4:]
    assert tokens.current.expires_at == created.connection.bearer_token_expires_at
    assert (tokens.current.created_at is not None) is tokens.reports_use
    assert tokens.current.last_use is None


def test_a_rotation_adds_a_token_and_completing_revokes_the_old_one(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    old = scim.tokens.get(connection_id).current

    started = scim.tokens.rotate_start(connection_id)

    rotating = scim.tokens.get(connection_id)
    assert started.connection.connection_id == connection_id
    assert started.connection.bearer_token_last_four == old.last_four == rotating.current.last_four
    assert rotating.following
    assert rotating.following.last_four == started.bearer_token[-4:]
    assert rotating.following.expires_at is not None
    assert started.bearer_token not in repr((started, rotating))

    completed = scim.tokens.rotate_complete(connection_id, version=rotating.version)

    assert completed.bearer_token_last_four == started.bearer_token[-4:]
    assert scim.tokens.get(connection_id).current == rotating.following
    assert scim.tokens.get(connection_id).following is None


def test_canceling_revokes_the_new_token_and_another_can_be_created(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    before = scim.tokens.get(connection_id)
    started = scim.tokens.rotate_start(connection_id)

    cancelled = scim.tokens.rotate_cancel(connection_id, version=scim.tokens.get(connection_id).version)

    assert cancelled.bearer_token_last_four == before.current.last_four
    assert scim.tokens.get(connection_id) == before
    assert scim.tokens.rotate_start(connection_id).bearer_token != started.bearer_token


def test_a_second_start_is_rejected_and_changes_nothing(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    scim.tokens.rotate_start(connection_id)
    tokens = scim.tokens.get(connection_id)

    with pytest.raises(Conflict):
        scim.tokens.rotate_start(connection_id)

    assert scim.tokens.get(connection_id) == tokens


def test_a_rotation_that_was_not_started_cannot_end(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    version = scim.tokens.get(connection_id).version

    for end in (scim.tokens.rotate_complete, scim.tokens.rotate_cancel):
        with pytest.raises(Conflict):
            end(connection_id, version=version)


def test_only_the_rotation_that_was_shown_can_be_ended(world: World, connection_id: str) -> None:
    """Otherwise the token of another rotation, which isn't entered at the IdP yet, would become the only one."""
    scim = acting(world).scim
    scim.tokens.rotate_start(connection_id)
    seen = scim.tokens.get(connection_id).version
    scim.tokens.rotate_cancel(connection_id, version=seen)
    scim.tokens.rotate_start(connection_id)
    tokens = scim.tokens.get(connection_id)

    for end in (scim.tokens.rotate_complete, scim.tokens.rotate_cancel):
        with pytest.raises(Conflict) as conflict:
            end(connection_id, version=seen)
        assert conflict.value.field == "version"
    assert scim.tokens.get(connection_id) == tokens


@pytest.fixture
def later(world: World) -> Directory:
    """Return the directory for Ada, who entered her password more than five minutes ago."""
    start = timezone.now() - timedelta(minutes=6)
    with time_machine.travel(start, tick=False):
        who = opened(world).sessions.sign_in(email_address="ada@acme.example", password=PASSWORD)
    return opened(world).acting_as(opened(world).sessions.authenticate(who.session_token))


def test_creating_a_token_needs_a_recent_password(world: World, later: Directory) -> None:
    with pytest.raises(StepUpRequired):
        later.scim.connection.create(display_name="Okta", identity_provider=OKTA)
    assert later.scim.connection.get() is None
    connection_id = world.add_connection("acme")
    with pytest.raises(StepUpRequired):
        later.scim.tokens.rotate_start(connection_id)
    assert later.scim.tokens.get(connection_id).following is None

    confirmed = later.acting_as(later.sessions.confirm_password(PASSWORD))

    assert confirmed.scim.tokens.rotate_start(connection_id).bearer_token


def test_other_changes_need_no_recent_password(world: World, connection_id: str, later: Directory) -> None:
    acting(world).scim.tokens.rotate_start(connection_id)
    scim = later.scim
    version = connection(scim).version

    assert (
        scim.connection.update(connection_id, display_name="New", identity_provider=OKTA, version=version).display_name
        == "New"
    )
    assert scim.tokens.rotate_complete(connection_id, version=scim.tokens.get(connection_id).version)


def test_a_member_without_permission_is_rejected(world: World) -> None:
    with pytest.raises(Forbidden):
        acting(world, "max@acme.example").scim.connection.create(display_name="Okta", identity_provider=OKTA)
    connection_id = world.add_connection("acme")
    scim = acting(world, "max@acme.example").scim

    for method in methods(scim, connection_id):
        with pytest.raises(Forbidden):
            method()


def test_another_organizations_connection_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")
    scim = acting(world, "gil@globex.example", "globex").scim

    for method in methods(scim, connection_id):
        with pytest.raises(NotFound):
            method()


def test_a_deleted_connection_is_not_found(world: World, connection_id: str) -> None:
    world.delete_connection(connection_id)
    scim = acting(world).scim

    for method in methods(scim, connection_id):
        with pytest.raises(NotFound):
            method()


def test_changes_need_a_signed_in_member(world: World, connection_id: str) -> None:
    scim = opened(world).scim

    for method in methods(scim, connection_id):
        with pytest.raises(Unauthenticated):
            method()
    with pytest.raises(Unauthenticated):
        scim.connection.create(display_name="Okta", identity_provider=OKTA)
