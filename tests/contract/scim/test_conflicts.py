"""What a directory promises of members whom provisioning would take over."""

from collections.abc import Callable
from functools import partial

import pytest

from portal.directory.directory import ScimGateway
from portal.directory.errors import Conflict, Invalid, InvalidCursor, NotFound, NotOffered, Refused
from portal.directory.scim.conflicts import ScimConflict, ScimConflictGateway, ScimConflictState
from portal.directory.scim.features import ScimFeature
from tests.contract.worlds import World, acting

WAITING, APPROVED, DISMISSED = ScimConflictState.WAITING, ScimConflictState.APPROVED, ScimConflictState.DISMISSED
CHANGES = (
    partial(ScimConflictGateway.decide, chosen={"one": "version"}, approve=True),
    partial(ScimConflictGateway.always_link, domain="acme.example"),
    partial(ScimConflictGateway.stop_linking, domain="acme.example"),
)
OFFERED = pytest.mark.parametrize("world", ["embedded"], indirect=True)
CALLS = (*CHANGES, partial(ScimConflictGateway.page, state=WAITING), ScimConflictGateway.linking_rule)


def named(scim: ScimGateway, call: Callable[..., object], connection_id: str) -> object:
    """Make the same call of whichever implementation it is."""
    part = call if isinstance(call, partial) else partial(call)
    return getattr(scim.conflicts, part.func.__name__)(connection_id, **part.keywords)


@pytest.fixture
def connection_id(world: World) -> str:
    return world.add_connection("acme")


@pytest.fixture
def scim(world: World, connection_id: str) -> ScimGateway:
    """Ada's view of a connection that wanted Max, and of three who came after him."""
    world.add_conflict(connection_id, "max@acme.example", user_name="max")
    for number in range(3):
        world.add_member("acme", f"person{number}@other.example", roles=["it"])
        world.add_conflict(connection_id, f"person{number}@other.example")
    return acting(world).scim


def listed(scim: ScimGateway, connection_id: str, state: ScimConflictState = WAITING) -> tuple[ScimConflict, ...]:
    return scim.conflicts.page(connection_id, state=state).items


def waiting(scim: ScimGateway) -> int:
    connection = scim.connection.get()
    assert connection
    return connection.waiting_conflicts


def test_where_it_is_not_offered_every_call_says_so(scim: ScimGateway, connection_id: str) -> None:
    if ScimFeature.CONFLICTS in scim.offers:
        assert waiting(scim) == 4
        return
    for call in CALLS:
        with pytest.raises(NotOffered) as refused:
            named(scim, call, connection_id)
        assert refused.value.detail.endswith(".")
    assert waiting(scim) == 0


@OFFERED
def test_who_waits_is_listed_page_by_page_the_newest_first(scim: ScimGateway, connection_id: str) -> None:
    found: list[ScimConflict] = []
    cursor = ""
    while True:
        page = scim.conflicts.page(connection_id, state=WAITING, limit=3, cursor=cursor)
        found += page.items
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert [one.email_address for one in found] == [
        *(f"person{number}@other.example" for number in (2, 1, 0)),
        "max@acme.example",
    ]
    assert (found[0].roles, found[-1].user_name) == (("stytch_member", "it"), "max")
    assert waiting(scim) == 4
    with pytest.raises(InvalidCursor):
        scim.conflicts.page(connection_id, state=APPROVED, cursor=cursor)


@OFFERED
@pytest.mark.parametrize(("approve", "state"), [(True, APPROVED), (False, DISMISSED)])
def test_several_are_decided_at_once(
    scim: ScimGateway, connection_id: str, approve: bool, state: ScimConflictState
) -> None:
    chosen = {one.conflict_id: one.version for one in listed(scim, connection_id)[:2]}

    assert scim.conflicts.decide(connection_id, chosen, approve=approve) == 2

    decided = listed(scim, connection_id, state)
    assert {one.conflict_id for one in decided} == set(chosen)
    assert all(one.decided_at for one in decided)
    assert len(listed(scim, connection_id)) == waiting(scim) == 2


@OFFERED
def test_a_decision_can_be_changed(scim: ScimGateway, connection_id: str) -> None:
    one = listed(scim, connection_id)[0]
    scim.conflicts.decide(connection_id, {one.conflict_id: one.version}, approve=False)
    [one] = listed(scim, connection_id, DISMISSED)

    scim.conflicts.decide(connection_id, {one.conflict_id: one.version}, approve=True)

    assert [found.conflict_id for found in listed(scim, connection_id, APPROVED)] == [one.conflict_id]
    assert listed(scim, connection_id, DISMISSED) == ()


@OFFERED
def test_what_somebody_else_decided_meanwhile_is_a_conflict_and_changes_nothing(
    scim: ScimGateway, connection_id: str
) -> None:
    first, second, *_ = listed(scim, connection_id)
    scim.conflicts.decide(connection_id, {first.conflict_id: first.version}, approve=False)

    with pytest.raises(Conflict):
        scim.conflicts.decide(connection_id, {one.conflict_id: one.version for one in (first, second)}, approve=True)

    assert listed(scim, connection_id, APPROVED) == ()
    assert second in listed(scim, connection_id)


@OFFERED
def test_a_decision_is_about_the_person_who_was_shown(world: World, scim: ScimGateway, connection_id: str) -> None:
    one = next(found for found in listed(scim, connection_id) if found.user_name == "max")
    world.add_conflict(connection_id, "max@acme.example", user_name="mallory")

    with pytest.raises(Conflict):
        scim.conflicts.decide(connection_id, {one.conflict_id: one.version}, approve=True)


@OFFERED
def test_an_approval_ends_when_another_person_wants_the_member(
    world: World, scim: ScimGateway, connection_id: str
) -> None:
    one = next(found for found in listed(scim, connection_id) if found.user_name == "max")
    scim.conflicts.decide(connection_id, {one.conflict_id: one.version}, approve=True)

    world.add_conflict(connection_id, "max@acme.example", user_name="mallory")

    assert listed(scim, connection_id, APPROVED) == ()
    assert "mallory" in {found.user_name for found in listed(scim, connection_id)}
    assert waiting(scim) == 4


@OFFERED
def test_a_domain_is_linked_always_and_approves_who_waits_but_not_who_was_dismissed(
    scim: ScimGateway, connection_id: str
) -> None:
    dismissed = listed(scim, connection_id)[0]
    scim.conflicts.decide(connection_id, {dismissed.conflict_id: dismissed.version}, approve=False)
    rule = scim.conflicts.linking_rule(connection_id, domain="@Other.example")
    assert (rule.allowed_domains, rule.domain, rule.waiting) == ((), "other.example", 2)

    assert scim.conflicts.always_link(connection_id, domain="Other.Example") == "other.example"
    scim.conflicts.always_link(connection_id, domain="other.example")

    assert scim.conflicts.linking_rule(connection_id).allowed_domains == ("other.example",)
    assert [one.user_name for one in listed(scim, connection_id)] == ["max"]
    assert len(listed(scim, connection_id, APPROVED)) == 2
    assert [one.conflict_id for one in listed(scim, connection_id, DISMISSED)] == [dismissed.conflict_id]
    assert waiting(scim) == 1


@OFFERED
def test_a_domain_is_taken_back_and_what_was_decided_stays(scim: ScimGateway, connection_id: str) -> None:
    for domain in ("other.example", "acme.example"):
        scim.conflicts.always_link(connection_id, domain=domain)

    assert scim.conflicts.stop_linking(connection_id, domain=" Other.Example") == "other.example"
    scim.conflicts.stop_linking(connection_id, domain="other.example")

    assert scim.conflicts.linking_rule(connection_id).allowed_domains == ("acme.example",)
    assert len(listed(scim, connection_id, APPROVED)) == 4
    assert waiting(scim) == 0


@OFFERED
@pytest.mark.parametrize(
    "domain", ["", "no domain", "localhost", "a@b.example", "gmail.com", "x" * 300, "a\x00.example"]
)
def test_what_is_no_domain_of_an_organization_is_invalid(scim: ScimGateway, connection_id: str, domain: str) -> None:
    with pytest.raises(Invalid) as invalid:
        scim.conflicts.always_link(connection_id, domain=domain)

    assert invalid.value.field == "domain"


@OFFERED
@pytest.mark.parametrize("number", [0, 1001])
def test_nobody_or_too_many_are_no_decision(scim: ScimGateway, connection_id: str, number: int) -> None:
    with pytest.raises(Invalid) as invalid:
        scim.conflicts.decide(connection_id, {str(n): "" for n in range(number)}, approve=True)

    assert invalid.value.field == "chosen"


@OFFERED
def test_another_organizations_conflicts_are_not_to_be_had(world: World, scim: ScimGateway, connection_id: str) -> None:
    chosen = {one.conflict_id: one.version for one in listed(scim, connection_id)}
    theirs = world.add_connection("globex")
    gil = acting(world, "gil@globex.example", "globex").scim

    for call in CALLS:
        with pytest.raises(NotFound):
            named(gil, call, connection_id)
    with pytest.raises(Conflict):
        gil.conflicts.decide(theirs, chosen, approve=True)
    assert gil.conflicts.page(theirs, state=WAITING).items == ()
    assert waiting(scim) == 4


@OFFERED
def test_a_member_without_the_right_decides_nothing_and_sees_nothing(
    world: World, scim: ScimGateway, connection_id: str
) -> None:
    as_max = acting(world, "max@acme.example").scim

    for call in CALLS:
        with pytest.raises(Refused):
            named(as_max, call, connection_id)
