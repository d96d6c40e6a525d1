"""Group roles in the embedded directory: deleted groups, the effect of a change, and the last admin."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connection as database
from django.db import connections, transaction

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Conflict, DirectoryError, Invalid, NotFound
from portal.directory.ids import public_id, uuid7
from portal.directory.members import MemberStatus
from portal.directory.scim.group_roles import ScimGroupRolesChange, ScimRoleEffect, roles_version
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.scim.group_role_review import EmbeddedScimGroupRoleReview, Moves, role_effect
from portal.embedded.scim.group_roles import EmbeddedScimGroupRoles, change_group_roles
from portal.embedded.scope import Scope
from tests import factories

ADMIN = "stytch_admin"
CALLER = Caller(Actor(ActorType.OPERATOR), Origin())


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def group(connection: models.ScimConnectionRow) -> models.ScimGroupRow:
    return factories.scim_group(connection, "Support")


def change(group: models.ScimGroupRow, *, add: tuple[str, ...] = (), remove: tuple[str, ...] = ()) -> None:
    change_group_roles(group.organization_id, group.pk, add=add, remove=remove, caller=CALLER)


def effect(
    group: models.ScimGroupRow, *, is_gained: bool = True, caller: models.MemberRow | None = None
) -> ScimRoleEffect:
    asking = caller.pk if caller else uuid7()
    moves = Moves(added=[group.pk]) if is_gained else Moves(removed=[group.pk])
    return role_effect(group.organization_id, ADMIN, moves, is_gained=is_gained, caller=asking)


def test_a_change_writes_one_entry_with_the_roles_before_and_after(group: models.ScimGroupRow) -> None:
    change(group, add=(ADMIN,))

    entry = models.ActivityEntryRow.objects.get(action="scim_group.update_roles")
    assert (entry.target_name, entry.before, entry.after) == ("Support", {"roles": []}, {"roles": [ADMIN]})
    change(group, add=(ADMIN,))  # nothing changes, so nothing is written
    assert models.ActivityEntryRow.objects.filter(action="scim_group.update_roles").count() == 1


def test_a_failed_change_leaves_no_trace(group: models.ScimGroupRow) -> None:
    for role_id in ("no_such_role", "stytch_member"):
        with pytest.raises(Invalid) as error:
            change(group, add=(ADMIN, role_id))
        assert error.value.field == "roles"
    assert not models.ScimGroupRoleRow.objects.exists()
    assert not models.ActivityEntryRow.objects.filter(action="scim_group.update_roles").exists()


def test_users_who_gain_a_role_are_counted_once_and_without_those_who_already_have_it(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    """Direct and nested members count. Users with the role from elsewhere, deactivated users and those who can't sign in don't."""
    inner, other = factories.scim_groups(connection, ["Support, phones", "Admins"])
    factories.put_group_in(group, inner)
    factories.put_group_in(inner, group)  # a cycle
    names = ("both", "nested", "manual", "by-other", "out", "deleted")
    users = {name: factories.provisioned(connection, f"{name}@acme.example", active=name != "out") for name in names}
    users["no-address"] = factories.scim_user(connection, "no-address")
    factories.put_in_group(group, [one for name, one in users.items() if name != "nested"])
    factories.put_in_group(inner, [users["nested"], users["both"]])
    factories.put_in_group(other, [users["by-other"]])
    factories.group_role(other, ADMIN)
    models.MemberRow.objects.filter(email_address="manual@acme.example").update(direct_roles=["x", ADMIN])
    models.MemberRow.objects.filter(email_address="deleted@acme.example").update(status=MemberStatus.DELETED)

    found = effect(group)

    assert found.number == 2
    assert [one.name for one in found.first] == ["both@acme.example", "nested@acme.example"]


def test_a_user_with_the_role_by_email_domain_neither_gains_nor_loses_it(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    factories.put_in_group(
        group, [factories.provisioned(connection, one) for one in ("in@acme.example", "out@sub.acme.example")]
    )
    factories.role_by_domain(connection.organization, "acme.example", ADMIN)

    for is_gained in (True, False):
        assert [one.name for one in effect(group, is_gained=is_gained).first] == ["out@sub.acme.example"]


def test_users_lose_a_role_that_they_have_only_through_the_group(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    above = factories.scim_group(connection, "Everyone in support")
    factories.put_group_in(above, group)
    factories.put_in_group(group, [factories.provisioned(connection, "pia@acme.example")])
    factories.group_role(group, ADMIN)
    assert effect(group, is_gained=False).number == 1

    factories.group_role(above, ADMIN)
    assert effect(group, is_gained=False).number == 0
    models.ScimGroupRoleRow.objects.filter(group=above).update(group=None)  # its group is deleted, so it grants nothing
    assert effect(group, is_gained=False).number == 1


def test_who_is_in_several_groups_counts_once_and_keeps_a_role_that_one_of_them_still_grants(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    sales, kept = factories.scim_groups(connection, ["Sales", "Kept"])
    both, one, staying = (
        factories.provisioned(connection, f"{name}@acme.example") for name in ("both", "one", "staying")
    )
    factories.put_in_group(group, [both, staying])
    factories.put_in_group(sales, [both, one])
    factories.put_in_group(kept, [staying])
    for granting in (group, sales, kept):
        factories.group_role(granting, ADMIN)
    lost = Moves(removed=[group.pk, sales.pk])

    found = role_effect(connection.organization_id, ADMIN, lost, is_gained=False, caller=uuid7())

    assert [user.name for user in found.first] == ["both@acme.example", "one@acme.example"]
    moved = Moves(added=[kept.pk], removed=[group.pk, sales.pk])
    models.ScimGroupRoleRow.objects.filter(group=kept).delete()
    found = role_effect(connection.organization_id, ADMIN, moved, is_gained=False, caller=uuid7())
    assert found.number == 2


def test_several_groups_change_in_one_transaction_and_keep_the_last_admin(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    sales = factories.scim_group(connection, "Sales")
    factories.put_in_group(group, [factories.provisioned(connection, "root@acme.example")])
    for granting in (group, sales):
        factories.group_role(granting, ADMIN)
    roles = EmbeddedScimGroupRoles(Scope("acme", Origin(), project=CALLER.actor))
    changes = [
        ScimGroupRolesChange(public_id("scim-group", one.pk), remove=(ADMIN,), version=roles_version([ADMIN]))
        for one in (group, sales)
    ]

    with pytest.raises(Conflict) as error:
        roles.change_several(changes)
    assert error.value.field == "roles"
    assert models.ScimGroupRoleRow.objects.count() == 2
    assert not models.ActivityEntryRow.objects.filter(action="scim_group.update_roles").exists()

    factories.member(connection.organization, "other@acme.example", roles=[ADMIN])
    roles.change_several(changes)
    assert models.ActivityEntryRow.objects.filter(action="scim_group.update_roles").count() == 2


def test_the_first_users_are_named_and_the_caller_comes_first(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    users = [factories.provisioned(connection, f"person{n:02}@acme.example") for n in range(14)]
    factories.put_in_group(group, users)

    found = effect(group, caller=users[12].member)

    assert (found.number, len(found.first), found.more) == (14, 10, 4)
    assert found.includes_caller
    assert [one.name[:8] for one in found.first][:2] == ["person12", "person00"]
    assert not effect(group).includes_caller


def test_a_deleted_groups_roles_are_kept_and_no_one_has_them(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    change(group, add=(ADMIN,))
    group_key = group.pk
    group.delete()

    kept = models.ScimGroupRoleRow.objects.get()
    assert (kept.group, kept.group_key, kept.group_name) == (None, group_key, "Support")
    with pytest.raises(Invalid):
        change_group_roles(connection.organization_id, group_key, add=["stytch_admin2"], caller=CALLER)
    change_group_roles(connection.organization_id, group_key, remove=[ADMIN], caller=CALLER)
    assert not models.ScimGroupRoleRow.objects.exists()


def test_roles_cannot_move_to_a_group_of_another_organization(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow, globex: models.OrganizationRow
) -> None:
    foreign = factories.scim_group(factories.scim_connection(globex), "Support")
    change(group, add=(ADMIN,))
    group_id, foreign_id = public_id("scim-group", group.pk), public_id("scim-group", foreign.pk)
    review = EmbeddedScimGroupRoleReview(Scope("acme", Origin(), project=CALLER.actor))
    move = partial(review.move, group_id, to_group_id=foreign_id, version=roles_version([ADMIN]))
    with pytest.raises(Invalid):
        move()
    group.delete()

    with pytest.raises(NotFound):
        move()
    assert models.ScimGroupRoleRow.objects.get().group is None


@pytest.mark.django_db(transaction=True)
def test_the_second_of_two_simultaneous_changes_is_a_conflict() -> None:
    group = factories.scim_group(factories.scim_connection(factories.organization("acme")), "Support")

    def save(_: int) -> str:
        try:
            change_group_roles(group.organization_id, group.pk, add=[ADMIN], version=roles_version([]), caller=CALLER)
        except Conflict as error:
            return error.field
        finally:
            connections.close_all()
        return "saved"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(save, range(2)))

    assert outcomes == ["saved", "version"]
    assert models.ScimGroupRoleRow.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_moving_roles_and_changing_both_groups_do_not_deadlock() -> None:
    scim = factories.scim_connection(factories.organization("acme"))
    deleted, target = factories.scim_groups(scim, ["Old support", "Support"])
    keys = [deleted.pk, target.pk]
    for group in (deleted, target):
        factories.group_role(group, ADMIN)
    factories.member(scim.organization, "ada@acme.example", roles=[ADMIN])
    deleted.delete()
    scope = Scope("acme", Origin(), project=CALLER.actor)
    seen = roles_version([ADMIN])
    several = [ScimGroupRolesChange(public_id("scim-group", key), remove=(ADMIN,), version=seen) for key in keys]
    to_target = partial(
        EmbeddedScimGroupRoleReview(scope).move,
        public_id("scim-group", keys[0]),
        to_group_id=public_id("scim-group", keys[1]),
        version=seen,
    )

    with ThreadPoolExecutor(2) as pool:
        with transaction.atomic():
            # Both wait for the target. The first to wait is the first to get it.
            models.ScimGroupRow.objects.select_for_update().get(pk=target.pk)
            changed = pool.submit(alone, partial(EmbeddedScimGroupRoles(scope).change_several, several))
            wait_for_locks(1)
            moved = pool.submit(alone, to_target)
            wait_for_locks(2)
        assert changed.result() == "done"
        assert moved.result() == "NotFound"

    assert not models.ScimGroupRoleRow.objects.exists()


def alone(action: Callable[[], object]) -> str:
    """Run an action in a thread with connections of its own. Return "done", or the name of the directory's error."""
    try:
        action()
    except DirectoryError as error:
        return type(error).__name__
    finally:
        connections.close_all()
    return "done"


def wait_for_locks(number: int) -> None:
    """Return once this many statements wait for a lock in the test's database."""
    deadline = time.monotonic() + 10
    while True:
        with database.cursor() as cursor:
            # A transaction would otherwise see the same activity each time.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0] >= number:
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)
