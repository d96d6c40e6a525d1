"""Conflicts: existing members that the identity provider also sends."""

from collections.abc import Callable
from functools import partial

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, Forbidden, Invalid, InvalidCursor, NotFound
from portal.directory.scim.conflicts import ScimConflict, ScimConflictGateway, ScimConflictState
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting

WAITING, APPROVED, DISMISSED = ScimConflictState.WAITING, ScimConflictState.APPROVED, ScimConflictState.DISMISSED
CHANGES = (
    partial(ScimConflictGateway.decide, chosen={"one": "version"}, approve=True),
    partial(ScimConflictGateway.always_link, domain="acme.example"),
    partial(ScimConflictGateway.stop_linking, domain="acme.example"),
)
METHODS = (*CHANGES, partial(ScimConflictGateway.page, state=WAITING), ScimConflictGateway.linking_rule)


def call(scim: ScimGateway, method: Callable[..., object], connection_id: str) -> object:
    """Call a method of the Protocol on the implementation."""
    part = method if isinstance(method, partial) else partial(method)
    return getattr(scim.conflicts, part.func.__name__)(connection_id, **part.keywords)


def conflicts_of(scim: ScimGateway) -> ScimConflictGateway:
    assert scim.conflicts
    return scim.conflicts


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


@pytest.fixture
def scim(world: World, connection_id: str) -> ScimGateway:
    """Return Ada's SCIM, with a conflict about Max and three newer ones."""
    world.add_conflict(connection_id, "max@acme.example", user_name="max")
    for number in range(3):
        world.add_member("acme", f"person{number}@other.example", roles=["it"])
        world.add_conflict(connection_id, f"person{number}@other.example")
    return acting(world).scim


def listed(scim: ScimGateway, connection_id: str, state: ScimConflictState = WAITING) -> tuple[ScimConflict, ...]:
    return conflicts_of(scim).page(connection_id, state=state).items


def waiting(scim: ScimGateway) -> int:
    connection = scim.connection.get()
    assert connection
    return connection.waiting_conflicts


@STYTCH_ONLY
def test_stytch_has_no_conflicts(scim: ScimGateway) -> None:
    assert scim.conflicts is None
    assert waiting(scim) == 0


@EMBEDDED_ONLY
def test_conflicts_are_listed_page_by_page_oldest_first(scim: ScimGateway, connection_id: str) -> None:
    found: list[ScimConflict] = []
    cursor = ""
    while True:
        page = conflicts_of(scim).page(connection_id, state=WAITING, limit=3, cursor=cursor)
        found += page.items
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert [one.email_address for one in found] == [
        "max@acme.example",
        *(f"person{number}@other.example" for number in (0, 1, 2)),
    ]
    assert (found[-1].roles, found[0].user_name) == (("stytch_member", "it"), "max")
    assert waiting(scim) == 4
    with pytest.raises(InvalidCursor):
        conflicts_of(scim).page(connection_id, state=APPROVED, cursor=cursor)


@EMBEDDED_ONLY
@pytest.mark.parametrize(("approve", "state"), [(True, APPROVED), (False, DISMISSED)])
def test_several_conflicts_are_decided_at_once(
    scim: ScimGateway, connection_id: str, approve: bool, state: ScimConflictState
) -> None:
    chosen = {one.conflict_id: one.version for one in listed(scim, connection_id)[:2]}

    assert conflicts_of(scim).decide(connection_id, chosen, approve=approve) == 2

    decided = listed(scim, connection_id, state)
    assert {one.conflict_id for one in decided} == set(chosen)
    assert all(one.decided_at for one in decided)
    assert len(listed(scim, connection_id)) == waiting(scim) == 2


@EMBEDDED_ONLY
def test_a_decision_can_be_changed(scim: ScimGateway, connection_id: str) -> None:
    one = listed(scim, connection_id)[0]
    conflicts_of(scim).decide(connection_id, {one.conflict_id: one.version}, approve=False)
    [one] = listed(scim, connection_id, DISMISSED)

    conflicts_of(scim).decide(connection_id, {one.conflict_id: one.version}, approve=True)

    assert [found.conflict_id for found in listed(scim, connection_id, APPROVED)] == [one.conflict_id]
    assert listed(scim, connection_id, DISMISSED) == ()


@EMBEDDED_ONLY
def test_deciding_a_decided_conflict_changes_nothing(scim: ScimGateway, connection_id: str) -> None:
    first, second, *_ = listed(scim, connection_id)
    conflicts_of(scim).decide(connection_id, {first.conflict_id: first.version}, approve=False)

    with pytest.raises(Conflict):
        conflicts_of(scim).decide(
            connection_id, {one.conflict_id: one.version for one in (first, second)}, approve=True
        )

    assert listed(scim, connection_id, APPROVED) == ()
    assert second in listed(scim, connection_id)


@EMBEDDED_ONLY
def test_a_decision_applies_only_to_the_user_that_was_shown(
    world: World, scim: ScimGateway, connection_id: str
) -> None:
    one = next(found for found in listed(scim, connection_id) if found.user_name == "max")
    world.add_conflict(connection_id, "max@acme.example", user_name="mallory")

    with pytest.raises(Conflict):
        conflicts_of(scim).decide(connection_id, {one.conflict_id: one.version}, approve=True)


@EMBEDDED_ONLY
def test_an_approval_ends_when_another_user_would_be_linked(
    world: World, scim: ScimGateway, connection_id: str
) -> None:
    one = next(found for found in listed(scim, connection_id) if found.user_name == "max")
    conflicts_of(scim).decide(connection_id, {one.conflict_id: one.version}, approve=True)

    world.add_conflict(connection_id, "max@acme.example", user_name="mallory")

    assert listed(scim, connection_id, APPROVED) == ()
    assert "mallory" in {found.user_name for found in listed(scim, connection_id)}
    assert waiting(scim) == 4


@EMBEDDED_ONLY
def test_always_linking_a_domain_approves_waiting_but_not_dismissed_conflicts(
    scim: ScimGateway, connection_id: str
) -> None:
    dismissed = listed(scim, connection_id)[-1]
    conflicts_of(scim).decide(connection_id, {dismissed.conflict_id: dismissed.version}, approve=False)
    rule = conflicts_of(scim).linking_rule(connection_id, domain="@Other.example")
    assert (rule.allowed_domains, rule.domain, rule.waiting) == ((), "other.example", 2)

    assert conflicts_of(scim).always_link(connection_id, domain="Other.Example") == "other.example"
    conflicts_of(scim).always_link(connection_id, domain="other.example")

    assert conflicts_of(scim).linking_rule(connection_id).allowed_domains == ("other.example",)
    assert [one.user_name for one in listed(scim, connection_id)] == ["max"]
    assert len(listed(scim, connection_id, APPROVED)) == 2
    assert [one.conflict_id for one in listed(scim, connection_id, DISMISSED)] == [dismissed.conflict_id]
    assert waiting(scim) == 1


@EMBEDDED_ONLY
def test_decisions_stay_when_a_domain_is_no_longer_linked(scim: ScimGateway, connection_id: str) -> None:
    for domain in ("other.example", "acme.example"):
        conflicts_of(scim).always_link(connection_id, domain=domain)

    assert conflicts_of(scim).stop_linking(connection_id, domain=" Other.Example") == "other.example"
    conflicts_of(scim).stop_linking(connection_id, domain="other.example")

    assert conflicts_of(scim).linking_rule(connection_id).allowed_domains == ("acme.example",)
    assert len(listed(scim, connection_id, APPROVED)) == 4
    assert waiting(scim) == 0


@EMBEDDED_ONLY
@pytest.mark.parametrize(
    "domain", ["", "no domain", "localhost", "a@b.example", "gmail.com", "x" * 300, "a\x00.example"]
)
def test_an_invalid_or_public_domain_is_rejected(scim: ScimGateway, connection_id: str, domain: str) -> None:
    with pytest.raises(Invalid) as invalid:
        conflicts_of(scim).always_link(connection_id, domain=domain)

    assert invalid.value.field == "domain"


@EMBEDDED_ONLY
@pytest.mark.parametrize("number", [0, 1001])
def test_a_decision_needs_1_to_1000_conflicts(scim: ScimGateway, connection_id: str, number: int) -> None:
    with pytest.raises(Invalid) as invalid:
        conflicts_of(scim).decide(connection_id, {str(n): "" for n in range(number)}, approve=True)

    assert invalid.value.field == "chosen"


@EMBEDDED_ONLY
def test_another_organizations_conflicts_are_not_found(world: World, scim: ScimGateway, connection_id: str) -> None:
    chosen = {one.conflict_id: one.version for one in listed(scim, connection_id)}
    theirs = world.add_connection("globex")
    gil = acting(world, "gil@globex.example", "globex").scim

    for method in METHODS:
        with pytest.raises(NotFound):
            call(gil, method, connection_id)
    with pytest.raises(Conflict):
        conflicts_of(gil).decide(theirs, chosen, approve=True)
    assert conflicts_of(gil).page(theirs, state=WAITING).items == ()
    assert waiting(scim) == 4


@EMBEDDED_ONLY
def test_a_member_without_permission_can_neither_see_nor_decide(
    world: World, scim: ScimGateway, connection_id: str
) -> None:
    as_max = acting(world, "max@acme.example").scim

    for method in METHODS:
        with pytest.raises(Forbidden):
            call(as_max, method, connection_id)
