"""The deactivation safeguard of a connection."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, StepUpRequired
from portal.directory.scim.safeguard import ScimSafeguardDecision, ScimSafeguardGateway
from portal.embedded import models
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


def safeguard_of(world: World, email_address: str = "ada@acme.example", slug: str = "acme") -> ScimSafeguardGateway:
    safeguard = acting(world, email_address, slug).scim.safeguard
    assert safeguard
    return safeguard


def methods(safeguard: ScimSafeguardGateway, connection_id: str) -> list[Callable[[], object]]:
    return [
        lambda: safeguard.get(connection_id),
        lambda: safeguard.held_users(connection_id),
        lambda: safeguard.held_groups(connection_id),
        lambda: safeguard.held_count(connection_id),
        lambda: safeguard.decide(connection_id, ScimSafeguardDecision.RELEASE, version=""),
        lambda: safeguard.change_limits(connection_id, share=30, minimum=20, version="0,0"),
    ]


@STYTCH_ONLY
def test_stytch_has_no_safeguard(world: World, connection_id: str) -> None:
    scim = acting(world).scim
    connection = scim.connection.get()

    assert scim.safeguard is None
    assert connection
    assert connection.hold_started_at is None


@EMBEDDED_ONLY
def test_a_new_connection_has_no_hold(world: World, connection_id: str) -> None:
    connection = acting(world).scim.connection.get()
    assert connection
    assert connection.hold_started_at is None

    gateway = safeguard_of(world)
    safeguard = gateway.get(connection_id)
    assert (safeguard.hold_started_at, safeguard.approved_until, safeguard.held_user_count) == (None, None, 0)
    assert (safeguard.share, safeguard.minimum) == (20, 10)
    assert gateway.held_users(connection_id).items == ()
    assert gateway.held_groups(connection_id).items == ()
    assert gateway.held_count(connection_id) == 0


@EMBEDDED_ONLY
def test_a_decision_without_a_hold_is_a_conflict(world: World, connection_id: str) -> None:
    gateway = safeguard_of(world)

    for decision in ScimSafeguardDecision:
        with pytest.raises(Conflict):
            gateway.decide(connection_id, decision, version=gateway.get(connection_id).version)


@EMBEDDED_ONLY
def test_another_organizations_safeguard_is_not_found(world: World, connection_id: str) -> None:
    world.add_connection("globex")

    for method in methods(safeguard_of(world, "gil@globex.example", "globex"), connection_id):
        with pytest.raises(NotFound):
            method()


@EMBEDDED_ONLY
def test_a_member_without_the_permission_is_rejected(world: World, connection_id: str) -> None:
    for method in methods(safeguard_of(world, "max@acme.example"), connection_id):
        with pytest.raises(Forbidden):
            method()


@EMBEDDED_ONLY
def test_an_organization_chooses_limits_within_the_bounds(world: World, connection_id: str) -> None:
    gateway = safeguard_of(world)
    seen = gateway.get(connection_id).limits
    assert (seen.share.lowest, seen.share.highest, seen.minimum.lowest, seen.minimum.highest) == (5, 50, 5, 100)

    changed = gateway.change_limits(connection_id, share=30, minimum=10, version=seen.version)

    assert (changed.share.value, changed.share.chosen) == (30, 30)
    # It still follows the default.
    assert (changed.minimum.value, changed.minimum.chosen) == (10, None)
    assert gateway.get(connection_id).limits == changed
    entry = models.ActivityEntryRow.objects.get(action="scim_connection.update_safeguard")
    assert (entry.before, entry.after) == ({"safeguard_share": 20}, {"safeguard_share": 30})
    # A save without a change does nothing.
    assert gateway.change_limits(connection_id, share=30, minimum=10, version=changed.version) == changed
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.update_safeguard").count() == 1


@EMBEDDED_ONLY
@pytest.mark.parametrize(
    ("share", "minimum", "field"), [(4, 10, "share"), (51, 10, "share"), (20, 4, "minimum"), (30, 101, "minimum")]
)
def test_limits_out_of_bounds_are_rejected(
    world: World, connection_id: str, share: int, minimum: int, field: str
) -> None:
    gateway = safeguard_of(world)
    seen = gateway.get(connection_id).limits

    with pytest.raises(Invalid) as error:
        gateway.change_limits(connection_id, share=share, minimum=minimum, version=seen.version)

    assert error.value.field == field
    assert gateway.get(connection_id).limits == seen


@EMBEDDED_ONLY
def test_narrower_bounds_apply_at_once_and_are_shown(world: World, connection_id: str, settings: Settings) -> None:
    gateway = safeguard_of(world)
    gateway.change_limits(connection_id, share=50, minimum=100, version=gateway.get(connection_id).limits.version)
    settings.SCIM_SAFEGUARD_SHARE_BOUNDS, settings.SCIM_SAFEGUARD_MINIMUM_BOUNDS = (20, 30), (10, 10)

    safeguard = gateway.get(connection_id)

    share, minimum = safeguard.limits.share, safeguard.limits.minimum
    assert (share.value, share.chosen, share.is_clamped, share.is_fixed) == (30, 50, True, False)
    assert (minimum.value, minimum.chosen, minimum.is_clamped, minimum.is_fixed) == (10, 100, True, True)
    assert safeguard.share == 30


@EMBEDDED_ONLY
def test_the_second_of_two_admins_gets_a_conflict(world: World, connection_id: str) -> None:
    gateway = safeguard_of(world)
    seen = gateway.get(connection_id).limits.version
    gateway.change_limits(connection_id, share=30, minimum=10, version=seen)

    with pytest.raises(Conflict) as error:
        gateway.change_limits(connection_id, share=40, minimum=10, version=seen)

    assert error.value.field == "version"
    assert gateway.get(connection_id).limits.share.value == 30


@EMBEDDED_ONLY
def test_limits_need_a_recently_entered_password(world: World, connection_id: str) -> None:
    gateway = safeguard_of(world)
    seen = gateway.get(connection_id).limits

    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=True), pytest.raises(StepUpRequired):
        gateway.change_limits(connection_id, share=30, minimum=10, version=seen.version)

    assert gateway.get(connection_id).limits == seen
