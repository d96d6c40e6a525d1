"""Roles by group in the embedded directory: what is remembered, who is affected, and that an admin is left."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import connections

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.ids import uuid7
from portal.directory.members import MemberStatus
from portal.directory.scim.group_roles import ScimRoleEffect, roles_version
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.scim import group_role_rules
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
    group_role_rules.change(group.organization_id, group.pk, add=add, remove=remove, caller=CALLER)


def effect(
    group: models.ScimGroupRow, *, is_gained: bool = True, caller: models.MemberRow | None = None
) -> ScimRoleEffect:
    asking = caller.pk if caller else uuid7()
    return group_role_rules.effect(group.organization_id, group.pk, ADMIN, is_gained=is_gained, caller=asking)


def test_a_change_writes_one_entry_with_the_roles_before_and_after(group: models.ScimGroupRow) -> None:
    change(group, add=(ADMIN,))

    entry = models.ActivityEntryRow.objects.get(action="scim_group.update_roles")
    assert (entry.target_name, entry.before, entry.after) == ("Support", {"roles": []}, {"roles": [ADMIN]})
    change(group, add=(ADMIN,))  # nothing changes, so nothing is written
    assert models.ActivityEntryRow.objects.filter(action="scim_group.update_roles").count() == 1


def test_a_refused_change_leaves_no_trace(group: models.ScimGroupRow) -> None:
    for role_id in ("no_such_role", "stytch_member"):
        with pytest.raises(Invalid) as refused:
            change(group, add=(ADMIN, role_id))
        assert refused.value.field == "roles"
    assert not models.ScimGroupRoleRow.objects.exists()
    assert not models.ActivityEntryRow.objects.filter(action="scim_group.update_roles").exists()


def test_the_last_admin_is_not_lost_by_taking_a_role_from_a_group(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    user = factories.provisioned(connection, "root@acme.example")
    factories.put_in_group(group, [user])
    factories.group_role(group, ADMIN)

    with pytest.raises(Conflict) as refused:
        change(group, remove=(ADMIN,))

    assert refused.value.field == "roles"
    assert "Make somebody else an admin first" in refused.value.detail
    assert models.ScimGroupRoleRow.objects.count() == 1
    factories.member(connection.organization, "other@acme.example", roles=[ADMIN])
    change(group, remove=(ADMIN,))
    assert not models.ScimGroupRoleRow.objects.exists()


def test_who_gains_is_counted_once_and_without_those_who_have_the_role_already(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    """Direct and nested members; not who has it by hand, by another group, is deactivated, or cannot sign in."""
    inner, other = factories.scim_groups(connection, ["Support, phones", "Admins"])
    factories.put_group_in(group, inner)
    factories.put_group_in(inner, group)  # a circle
    names = ("both", "nested", "by-hand", "by-other", "out", "gone")
    users = {name: factories.provisioned(connection, f"{name}@acme.example", active=name != "out") for name in names}
    users["no-address"] = factories.scim_user(connection, "no-address")
    factories.put_in_group(group, [one for name, one in users.items() if name != "nested"])
    factories.put_in_group(inner, [users["nested"], users["both"]])
    factories.put_in_group(other, [users["by-other"]])
    factories.group_role(other, ADMIN)
    models.MemberRow.objects.filter(email_address="by-hand@acme.example").update(direct_roles=["x", ADMIN])
    models.MemberRow.objects.filter(email_address="gone@acme.example").update(status=MemberStatus.DELETED)

    found = effect(group)

    assert found.number == 2
    assert [one.name for one in found.first] == ["both@acme.example", "nested@acme.example"]


def test_whoever_has_the_role_by_the_domain_of_their_address_neither_gains_nor_loses_it(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    factories.put_in_group(
        group, [factories.provisioned(connection, one) for one in ("in@acme.example", "out@sub.acme.example")]
    )
    factories.role_by_domain(connection.organization, "acme.example", ADMIN)

    for is_gained in (True, False):
        assert [one.name for one in effect(group, is_gained=is_gained).first] == ["out@sub.acme.example"]


def test_who_loses_is_who_has_the_role_by_nothing_else(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    above = factories.scim_group(connection, "Everybody in support")
    factories.put_group_in(above, group)
    factories.put_in_group(group, [factories.provisioned(connection, "pia@acme.example")])
    factories.group_role(group, ADMIN)
    assert effect(group, is_gained=False).number == 1

    factories.group_role(above, ADMIN)
    assert effect(group, is_gained=False).number == 0
    models.ScimGroupRoleRow.objects.filter(group=above).update(group=None)  # its group is gone: it gives nothing
    assert effect(group, is_gained=False).number == 1


def test_the_first_are_named_and_who_asks_comes_first(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    users = [factories.provisioned(connection, f"person{n:02}@acme.example") for n in range(14)]
    factories.put_in_group(group, users)

    found = effect(group, caller=users[12].member)

    assert (found.number, len(found.first), found.more) == (14, 10, 4)
    assert found.includes_caller
    assert [one.name[:8] for one in found.first][:2] == ["person12", "person00"]
    assert not effect(group).includes_caller


def test_a_deleted_groups_roles_are_kept_and_reach_nobody(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow
) -> None:
    change(group, add=(ADMIN,))
    group_key = group.pk
    group.delete()

    kept = models.ScimGroupRoleRow.objects.get()
    assert (kept.group, kept.group_key, kept.group_name) == (None, group_key, "Support")
    with pytest.raises(Invalid):
        group_role_rules.change(connection.organization_id, group_key, add=["stytch_admin2"], caller=CALLER)
    group_role_rules.change(connection.organization_id, group_key, remove=[ADMIN], caller=CALLER)
    assert not models.ScimGroupRoleRow.objects.exists()


def test_roles_move_to_no_group_of_another_organization(
    connection: models.ScimConnectionRow, group: models.ScimGroupRow, globex: models.OrganizationRow
) -> None:
    foreign = factories.scim_group(factories.scim_connection(globex), "Support")
    change(group, add=(ADMIN,))
    move = partial(group_role_rules.move, connection.organization_id, version=roles_version([ADMIN]), caller=CALLER)
    with pytest.raises(Invalid):
        move(group.pk, to=foreign.pk)
    gone = group.pk
    group.delete()

    with pytest.raises(NotFound):
        move(gone, to=foreign.pk)
    assert models.ScimGroupRoleRow.objects.get().group is None


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_told_that_the_roles_are_others_by_now() -> None:
    group = factories.scim_group(factories.scim_connection(factories.organization("acme")), "Support")

    def save(_: int) -> str:
        try:
            group_role_rules.change(
                group.organization_id, group.pk, add=[ADMIN], version=roles_version([]), caller=CALLER
            )
        except Conflict as error:
            return error.field
        finally:
            connections.close_all()
        return "saved"

    with ThreadPoolExecutor(2) as pool:
        outcomes = sorted(pool.map(save, range(2)))

    assert outcomes == ["saved", "version"]
    assert models.ScimGroupRoleRow.objects.count() == 1
