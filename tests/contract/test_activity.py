"""The activity log of an organization."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from portal.directory.activity import ActivityFilter, ActivityGateway, ActivityKind
from portal.directory.actor import ActorType
from portal.directory.directory import Directory
from portal.directory.errors import Forbidden, Invalid, InvalidCursor, NotFound, Unauthenticated
from tests.contract.worlds import EMBEDDED_ONLY, STYTCH_ONLY, World, acting, opened

UNKNOWN_ID = "activity-live-00000000-0000-7000-8000-000000000000"
EVERYTHING = ActivityFilter()
GROUP = "scim-group-live-01900000-0000-7000-8000-000000000001"
NORA = "member-live-01900000-0000-7000-8000-000000000002"
REQUEST = "request-id-live-01900000-0000-7000-8000-000000000003"


def log_of(directory: Directory) -> ActivityGateway:
    assert directory.activity
    return directory.activity


def pages(log: ActivityGateway, wanted: ActivityFilter, limit: int) -> Iterator[list[str]]:
    cursor: str | None = ""
    while cursor is not None:
        page = log.page(wanted, cursor=cursor, limit=limit)
        yield [one.activity_id for one in page.items]
        cursor = page.next_cursor


@STYTCH_ONLY
def test_stytch_has_no_activity_log(world: World) -> None:
    assert acting(world).activity is None


@EMBEDDED_ONLY
def test_only_a_permission_opens_it(world: World) -> None:
    for directory, error in (
        (acting(world, "max@acme.example"), Forbidden),
        (acting(world, "ada@acme.example", "globex"), Forbidden),
        (opened(world), Unauthenticated),
    ):
        log = log_of(directory)
        methods: list[Callable[[], object]] = [log.page, lambda log=log: log.get(UNKNOWN_ID), log.export]  # type: ignore[misc]  # -- mypy can't infer the default
        for method in methods:
            with pytest.raises(error):
                method()


@EMBEDDED_ONLY
def test_pages_list_every_entry_once_newest_first(world: World) -> None:
    log = log_of(acting(world))
    ids = world.add_entries("acme", 7, actor_type="operator")
    wanted = ActivityFilter(actor_type=ActorType.OPERATOR)

    assert list(pages(log, wanted, 3)) == [ids[:3], ids[3:6], ids[6:]]


@EMBEDDED_ONLY
def test_an_entry_has_its_change_and_its_origin(world: World) -> None:
    log = log_of(acting(world))
    values = {"target_id": GROUP, "target_name": "Engineering", "before": {"roles": []}, "after": {"roles": ["editor"]}}
    (activity_id,) = world.add_entries(
        "acme",
        1,
        "scim_group.update_roles",
        **values,
        actor_id=NORA,
        on_behalf_of="case 7",
        ip_address="198.51.100.7",
        user_agent="Chrome",
        request_id=REQUEST,
    )

    entry = log.get(activity_id)

    assert {name: getattr(entry, name) for name in values} == values
    assert (entry.action, entry.actor.type, entry.actor.id) == ("scim_group.update_roles", ActorType.MEMBER, NORA)
    assert (entry.actor.name, entry.actor.on_behalf_of) == ("Nora North", "case 7")
    assert (entry.origin.ip_address, entry.origin.user_agent, entry.origin.request_id) == (
        "198.51.100.7",
        "Chrome",
        REQUEST,
    )
    assert timezone.now() - entry.at < timedelta(minutes=1)
    assert log.page().items[0] == entry


FILTERS = {
    "target": ActivityFilter(target_id=GROUP),
    "target in the text": ActivityFilter(text=f" {GROUP} "),
    "actor": ActivityFilter(actor_id=NORA),
    "kind": ActivityFilter(kind=ActivityKind.ROLES),
    "type of actor": ActivityFilter(actor_type=ActorType.PROJECT),
    "name of the target": ActivityFilter(text="gineer"),
    "words of both names": ActivityFilter(text="lee ENG"),
    "request": ActivityFilter(text=REQUEST),
    "all of them": ActivityFilter(
        text="lee", actor_type=ActorType.PROJECT, actor_id=NORA, target_id=GROUP, kind=ActivityKind.ROLES
    ),
}


@EMBEDDED_ONLY
@pytest.mark.parametrize("wanted", FILTERS.values(), ids=FILTERS)
def test_a_filter_finds_what_matches_and_nothing_else(world: World, wanted: ActivityFilter) -> None:
    log = log_of(acting(world))
    matching = {
        "actor_type": "project",
        "actor_id": NORA,
        "actor_name": "Lee Park",
        "target_id": GROUP,
        "target_name": "Engineering",
        "request_id": REQUEST,
    }
    world.add_entries("acme", 3)
    ids = world.add_entries("acme", 3, "scim_group.update_roles", **matching)
    world.add_entries("acme", 3, "scim_user.update", actor_type="scim", target_name="ben@acme.example")
    world.add_entries("globex", 2, "scim_group.update_roles", **matching)

    assert [one for page in pages(log, wanted, 2) for one in page] == ids


@EMBEDDED_ONLY
@pytest.mark.parametrize("kind", ActivityKind)
def test_every_kind_finds_its_actions(world: World, kind: ActivityKind) -> None:
    log = log_of(acting(world))
    actions = {
        ActivityKind.MEMBERS: "member.deactivate",
        ActivityKind.SIGN_IN: "member.set_password",
        ActivityKind.USERS: "scim_user.create",
        ActivityKind.GROUPS: "scim_group.update",
        ActivityKind.ROLES: "scim_group.update_roles",
        ActivityKind.SCIM: "scim_connection.pause",
        ActivityKind.ORGANIZATION: "organization.update",
    }
    ids = {one: world.add_entries("acme", 1, action)[0] for one, action in actions.items()}

    found = [one.activity_id for one in log.page(ActivityFilter(kind=kind)).items]

    assert ids[kind] in found
    assert all(
        one not in found
        for other, one in ids.items()
        if other is not kind and (other, kind) != (ActivityKind.SIGN_IN, ActivityKind.MEMBERS)
    )


@EMBEDDED_ONLY
def test_a_period_has_its_entries(world: World) -> None:
    log = log_of(acting(world))
    now = timezone.now()
    (entry,) = world.add_entries("acme", 1, actor_type="operator")

    def found(**period: object) -> list[str]:
        wanted = ActivityFilter(actor_type=ActorType.OPERATOR, **period)  # type: ignore[arg-type]  # -- timestamps
        return [one.activity_id for one in log.page(wanted).items]

    assert found(since=now - timedelta(hours=1), until=now + timedelta(hours=1)) == [entry]
    assert found(since=now + timedelta(hours=1)) == found(until=now - timedelta(hours=1)) == []


@EMBEDDED_ONLY
def test_a_cursor_is_valid_for_its_own_list_only(world: World) -> None:
    log = log_of(acting(world))
    world.add_entries("acme", 3)
    world.add_entries("globex", 3)
    cursor = log.page(limit=2).next_cursor or ""

    for other, wanted in (
        (log, ActivityFilter(text="Nora")),
        (log_of(acting(world, "gil@globex.example", "globex")), EVERYTHING),
    ):
        with pytest.raises(InvalidCursor):
            other.page(wanted, cursor=cursor)
    for limit in (0, 1001):
        with pytest.raises(Invalid):
            log.page(limit=limit)


@EMBEDDED_ONLY
def test_an_entry_of_another_organization_is_not_found(world: World) -> None:
    log = log_of(acting(world))
    (foreign,) = world.add_entries("globex", 1)

    for activity_id in (foreign, UNKNOWN_ID, "", "scim-request-live-01900000-0000-7000-8000-000000000001"):
        with pytest.raises(NotFound):
            log.get(activity_id)


@EMBEDDED_ONLY
def test_an_export_has_the_entries_and_is_recorded(world: World) -> None:
    log = log_of(acting(world))
    ids = world.add_entries("acme", 3, "scim_group.update_roles")
    world.add_entries("globex", 1, "scim_group.update_roles")

    exported = [one.activity_id for one in log.export(ActivityFilter(kind=ActivityKind.ROLES))]

    assert exported == ids
    recorded = log.page(ActivityFilter(kind=ActivityKind.ORGANIZATION)).items[0]
    assert (recorded.action, recorded.after) == ("activity_log.export", {"kind": "roles"})
