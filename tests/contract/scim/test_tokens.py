"""What every directory promises of making and changing the SCIM connection, and of its tokens."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.directory import Directory, ScimGateway
from portal.directory.errors import Conflict, Invalid, NotFound, Refused, StepUpRequired, Unauthenticated
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


def calls(scim: ScimGateway, connection_id: str) -> list[Callable[[], object]]:
    """Return every call about a connection that there is, to be made."""
    return [
        lambda: scim.tokens.get(connection_id),
        lambda: scim.tokens.rotate_start(connection_id),
        lambda: scim.tokens.rotate_complete(connection_id, version=""),
        lambda: scim.tokens.rotate_cancel(connection_id, version=""),
        lambda: scim.connection.update(connection_id, display_name="x", identity_provider=OKTA, version=""),
    ]


@pytest.mark.parametrize("identity_provider", list(ScimIdentityProvider))
def test_a_connection_is_made_with_its_first_token(world: World, identity_provider: ScimIdentityProvider) -> None:
    scim = acting(world).scim

    made = scim.connection.create(display_name="  Our people ", identity_provider=identity_provider)

    assert connection(scim) == made.connection
    assert (made.connection.display_name, made.connection.identity_provider) == ("Our people", identity_provider)
    assert made.connection.status is ScimConnectionStatus.ACTIVE
    assert made.connection.base_url.endswith(f"/v1/b2b/scim/{made.connection.connection_id}")
    entered = "?aadOptscim062020" if identity_provider is ENTRA else ""
    assert made.connection.entered_url == made.connection.base_url + entered
    assert made.bearer_token[-4:] == made.connection.bearer_token_last_four
    assert len(made.bearer_token) > 40
    assert made.bearer_token not in repr(made)


def test_a_second_connection_is_refused_with_the_reason(world: World, connection_id: str) -> None:
    with pytest.raises(Conflict) as refused:
        acting(world).scim.connection.create(display_name="Another", identity_provider=OKTA)

    assert "already has an active SCIM connection" in refused.value.detail
    assert connection(acting(world).scim).connection_id == connection_id


def test_after_a_deleted_connection_a_new_one_is_made(world: World, connection_id: str) -> None:
    world.delete_connection(connection_id)

    made = acting(world).scim.connection.create(display_name="Another", identity_provider=OKTA)

    assert made.connection.connection_id != connection_id


@pytest.mark.parametrize("name", ["", "   "])
def test_a_connection_has_a_name(world: World, name: str) -> None:
    scim = acting(world).scim
    with pytest.raises(Invalid):
        scim.connection.create(display_name=name, identity_provider=OKTA)
    assert scim.connection.get() is None

    made = scim.connection.create(display_name="Okta", identity_provider=OKTA).connection
    with pytest.raises(Invalid):
        scim.connection.update(made.connection_id, display_name=name, identity_provider=OKTA, version=made.version)


def test_a_connection_is_renamed_and_given_to_another_identity_provider_in_place(world: World) -> None:
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


def test_of_two_who_change_it_the_second_is_told(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    seen = connection(scim).version
    scim.connection.update(connection_id, display_name="First", identity_provider=OKTA, version=seen)

    with pytest.raises(Conflict) as refused:
        scim.connection.update(connection_id, display_name="Second", identity_provider=OKTA, version=seen)

    assert refused.value.field == "version"
    assert connection(scim).display_name == "First"


def test_a_new_connection_has_one_token_that_nobody_has_used(world: World) -> None:
    scim = acting(world).scim
    made = scim.connection.create(display_name="Okta", identity_provider=OKTA)

    tokens = scim.tokens.get(made.connection.connection_id)

    assert tokens.following is None
    assert tokens.current.last_four == made.bearer_token[-4:]
    assert tokens.current.expires_at == made.connection.bearer_token_expires_at
    assert (tokens.current.created_at is not None) is tokens.reports_use
    assert tokens.current.last_use is None


def test_a_rotation_adds_a_token_and_completing_takes_the_old_one_away(world: World, connection_id: str) -> None:
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


def test_cancelling_takes_the_new_token_away_and_another_can_be_made(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    before = scim.tokens.get(connection_id)
    started = scim.tokens.rotate_start(connection_id)

    cancelled = scim.tokens.rotate_cancel(connection_id, version=scim.tokens.get(connection_id).version)

    assert cancelled.bearer_token_last_four == before.current.last_four
    assert scim.tokens.get(connection_id) == before
    assert scim.tokens.rotate_start(connection_id).bearer_token != started.bearer_token


def test_a_second_start_is_refused_and_changes_nothing(world: World, connection_id: str) -> None:
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


def test_only_the_rotation_that_was_seen_can_be_ended(world: World, connection_id: str) -> None:
    """Else the token of somebody else's rotation, which nobody has entered anywhere, would become the only one."""
    scim = acting(world).scim
    scim.tokens.rotate_start(connection_id)
    seen = scim.tokens.get(connection_id).version
    scim.tokens.rotate_cancel(connection_id, version=seen)
    scim.tokens.rotate_start(connection_id)
    tokens = scim.tokens.get(connection_id)

    for end in (scim.tokens.rotate_complete, scim.tokens.rotate_cancel):
        with pytest.raises(Conflict) as refused:
            end(connection_id, version=seen)
        assert refused.value.field == "version"
    assert scim.tokens.get(connection_id) == tokens


@pytest.fixture
def later(world: World) -> Directory:
    """Ada, who entered her password more than five minutes ago."""
    start = timezone.now() - timedelta(minutes=6)
    with time_machine.travel(start, tick=False):
        who = opened(world).sessions.sign_in(email_address="ada@acme.example", password=PASSWORD)
    return opened(world).acting_as(opened(world).sessions.authenticate(who.session_token))


def test_no_token_is_made_unless_the_password_was_entered_a_short_while_ago(world: World, later: Directory) -> None:
    with pytest.raises(StepUpRequired):
        later.scim.connection.create(display_name="Okta", identity_provider=OKTA)
    assert later.scim.connection.get() is None
    connection_id = world.add_connection("acme")
    with pytest.raises(StepUpRequired):
        later.scim.tokens.rotate_start(connection_id)
    assert later.scim.tokens.get(connection_id).following is None

    confirmed = later.acting_as(later.sessions.confirm_password(PASSWORD))

    assert confirmed.scim.tokens.rotate_start(connection_id).bearer_token


def test_what_makes_no_token_asks_for_no_password(world: World, connection_id: str, later: Directory) -> None:
    acting(world).scim.tokens.rotate_start(connection_id)
    scim = later.scim
    version = connection(scim).version

    assert (
        scim.connection.update(connection_id, display_name="New", identity_provider=OKTA, version=version).display_name
        == "New"
    )
    assert scim.tokens.rotate_complete(connection_id, version=scim.tokens.get(connection_id).version)


def test_a_member_without_the_right_is_refused_by_the_directory_itself(world: World) -> None:
    with pytest.raises(Refused):
        acting(world, "max@acme.example").scim.connection.create(display_name="Okta", identity_provider=OKTA)
    connection_id = world.add_connection("acme")
    scim = acting(world, "max@acme.example").scim

    for call in calls(scim, connection_id):
        with pytest.raises(Refused):
            call()


def test_another_organizations_connection_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")
    scim = acting(world, "gil@globex.example", "globex").scim

    for call in calls(scim, connection_id):
        with pytest.raises(NotFound):
            call()


def test_a_deleted_connection_is_not_found(world: World, connection_id: str) -> None:
    world.delete_connection(connection_id)
    scim = acting(world).scim

    for call in calls(scim, connection_id):
        with pytest.raises(NotFound):
            call()


def test_nobody_changes_anything_unless_signed_in(world: World, connection_id: str) -> None:
    scim = opened(world).scim

    for call in calls(scim, connection_id):
        with pytest.raises(Unauthenticated):
            call()
    with pytest.raises(Unauthenticated):
        scim.connection.create(display_name="Okta", identity_provider=OKTA)
