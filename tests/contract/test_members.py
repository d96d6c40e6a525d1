"""The members of an organization, as its admins see them."""

from collections.abc import Callable, Iterator

import pytest

from portal.directory.directory import Directory
from portal.directory.errors import Forbidden, Invalid, InvalidCursor, NotFound, Unauthenticated
from portal.directory.members import MemberFilter, MemberState, MemberStatus, RoleSourceType
from tests.contract.worlds import ADMIN, EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened

UNKNOWN_ID = "member-live-00000000-0000-7000-8000-000000000000"


def pages(directory: Directory, wanted: MemberFilter, limit: int) -> Iterator[list[str]]:
    cursor: str | None = ""
    while cursor is not None:
        page = directory.members.page(wanted, cursor=cursor, limit=limit)
        yield [one.member.email_address for one in page.items]
        cursor = page.next_cursor


def found(directory: Directory, **wanted: object) -> list[str]:
    return sorted(one for page in pages(directory, MemberFilter(**wanted), 2) for one in page)  # type: ignore[arg-type]  # -- its fields


def test_only_a_permission_opens_them(world: World) -> None:
    member_id = world.add_member("acme", "eve@acme.example")
    for directory, error in (
        (acting(world, "max@acme.example"), Forbidden),
        (acting(world, "ada@acme.example", "globex"), Forbidden),
        (opened(world), Unauthenticated),
    ):
        members = directory.members
        methods: list[Callable[[], object]] = [members.page, lambda members=members: members.details(member_id)]  # type: ignore[misc]  # -- mypy can't infer the default
        for method in methods:
            with pytest.raises(error):
                method()


def test_pages_list_every_member_once(world: World) -> None:
    for number in range(5):
        world.add_member("acme", f"member{number}@acme.example")
    directory = acting(world)

    listed = list(pages(directory, MemberFilter(), 3))

    assert [len(page) for page in listed] == [3, 3, 1]
    assert sorted(one for page in listed for one in page) == [
        "ada@acme.example",
        "max@acme.example",
        *(f"member{number}@acme.example" for number in range(5)),
    ]


def test_members_are_found_by_email_address_state_and_role(world: World) -> None:
    former = world.add_member("acme", "former@acme.example", roles=[ADMIN])
    world.delete_member(former)
    world.add_member("acme", "eve.admin@acme.example", roles=[ADMIN])
    directory = acting(world)

    assert found(directory) == ["ada@acme.example", "eve.admin@acme.example", "max@acme.example"]
    assert found(directory, text="EVE.") == found(directory, text="eve.", role_id=ADMIN) == ["eve.admin@acme.example"]
    assert found(directory, role_id=ADMIN) == ["ada@acme.example", "eve.admin@acme.example"]
    assert found(directory, state=MemberState.DEACTIVATED) == ["former@acme.example"]
    assert found(directory, state=MemberState.ACTIVE) == found(directory)
    assert found(directory, state=MemberState.INVITED) == found(directory, text="nobody") == []
    assert found(directory, role_id="no_such_role") == []


@EMBEDDED_ONLY
def test_members_are_found_by_name(world: World) -> None:
    assert acting(world).members.has_details
    assert found(acting(world), text="zzz") == []


@STYTCH_ONLY
def test_stytch_knows_no_names_managers_and_sessions(world: World) -> None:
    members = acting(world).members
    member_id = world.add_member("acme", "eve@acme.example")

    details = members.details(member_id)

    assert not members.has_details
    assert (details.listed.manager, details.listed.last_active_at, details.sessions) == (None, None, None)


def test_a_cursor_is_valid_for_its_own_list_only(world: World) -> None:
    world.add_member("acme", "eve@acme.example")
    members = acting(world).members
    cursor = members.page(limit=1).next_cursor or ""

    with pytest.raises(InvalidCursor):
        members.page(MemberFilter(role_id=ADMIN), cursor=cursor)
    with pytest.raises(InvalidCursor):
        acting(world, "gil@globex.example", "globex").members.page(cursor=cursor)
    for limit in (0, 1001):
        with pytest.raises(Invalid):
            members.page(limit=limit)


def test_a_member_has_roles_with_their_sources(world: World) -> None:
    member_id = world.add_member("acme", "eve@acme.example", roles=[ADMIN])

    member = acting(world).members.details(member_id).listed.member

    assert (member.member_id, member.email_address, member.status) == (
        member_id,
        "eve@acme.example",
        MemberStatus.ACTIVE,
    )
    assert {role.role_id: [source.type for source in role.sources] for role in member.roles} == {
        "stytch_member": [RoleSourceType.DIRECT_ASSIGNMENT],
        ADMIN: [RoleSourceType.DIRECT_ASSIGNMENT],
    }


def test_a_deactivated_member_is_shown_without_roles(world: World) -> None:
    member_id = world.add_member("acme", "eve@acme.example", roles=[ADMIN])
    world.delete_member(member_id)

    member = acting(world).members.details(member_id).listed.member

    assert member.status is MemberStatus.DELETED


def test_a_member_of_another_organization_is_not_found(world: World) -> None:
    foreign = world.add_member("globex", "eve@globex.example")

    for member_id in (foreign, UNKNOWN_ID, ""):
        with pytest.raises(NotFound):
            acting(world).members.details(member_id)
