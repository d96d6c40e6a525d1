"""What an identity provider and an admin do touches one partition of each table, as PostgreSQL's own plans say."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from portal.directory.ids import public_id
from portal.directory.policy import ADMIN_ROLE
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.counts import count_organization
from portal.embedded.database import partitioning
from portal.embedded.members import roles
from portal.embedded.scim import deletion
from portal.embedded.scim.group_role_review import Moves, role_effect
from portal.embedded.scope import rows_of
from tests import factories
from tests.plans import empty_files
from tests.scim_server.conftest import Idp

pytestmark = [pytest.mark.partitioned, pytest.mark.django_db]
HASHED = {model._meta.db_table for model in partitioning.HASHED}
# auto_explain sends the plan of each statement, also of those in triggers and foreign keys.
EXPLAIN = """
    LOAD 'auto_explain';
    SET LOCAL auto_explain.log_min_duration = 0;
    SET LOCAL auto_explain.log_analyze = on;
    SET LOCAL auto_explain.log_timing = off;
    SET LOCAL auto_explain.log_format = json;
    SET LOCAL auto_explain.log_nested_statements = on;
    SET LOCAL auto_explain.log_level = notice;
"""


@pytest.fixture
def plans() -> Iterator[list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []

    def keep(diagnostic: psycopg.errors.Diagnostic) -> None:
        _, brace, text = (diagnostic.message_primary or "").partition("{")
        if brace:
            found.append(json.loads(brace + text))

    with connection.cursor() as cursor:
        cursor.execute(EXPLAIN)
    connection.connection.add_notice_handler(keep)
    yield found
    connection.connection.remove_notice_handler(keep)


def relations(node: dict[str, Any]) -> Iterator[str]:
    """Yield the tables that a plan reads or writes. What was pruned when the plan ran was never executed."""
    if node.get("Actual Loops") != 0 and "Relation Name" in node:
        yield node["Relation Name"]
    for target in node.get("Target Tables", []):
        yield target["Relation Name"]
    for child in node.get("Plans", []):
        yield from relations(child)


def partitions_by_statement(plans: list[dict[str, Any]]) -> dict[tuple[str, str], set[str]]:
    """Return the partitions of each table that each statement touches."""
    found: dict[tuple[str, str], set[str]] = {}
    for plan in plans:
        for name in relations(plan["Plan"]):
            table, _, number = name.rpartition("_")
            if table in HASHED and number.isdigit():
                found.setdefault((plan["Query Text"], table), set()).add(name)
    return found


def in_several(touched: dict[tuple[str, str], set[str]]) -> str:
    """Return the statements that touch several partitions of a table."""
    return "\n".join(
        f"{table}: {len(names)}: {' '.join(sql.split())[:300]}"
        for (sql, table), names in touched.items()
        if len(names) > 1
    )


@pytest.fixture(scope="module", autouse=True)
def fresh(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """A plan for any organization, which PostgreSQL keeps if it seems cheap, would touch all partitions."""
    with django_db_blocker.unblock():
        empty_files()


@pytest.fixture
def idp(acme: models.OrganizationRow) -> Idp:
    # Others, so that the tables aren't empty elsewhere.
    for number in range(10):
        other = factories.scim_connection(factories.organization(f"org-{number}"))
        factories.put_in_group(
            factories.scim_group(other, "Everyone"), [factories.scim_user(other, "ada@other.example")]
        )
    token = "x" * 43
    return Idp(factories.scim_connection(acme, bearer_token=token), token)


def provision(idp: Idp) -> str:
    """Do what identity providers do all day. Often enough for PostgreSQL to keep a plan for any organization."""
    user = ""
    for number in range(8):
        name = f"person{number}@acme.example"
        idp.get("/Users", filter=f'userName eq "{name}"')
        user = idp.create_user(name, externalId=f"x{number}", emails=[{"value": name, "primary": True}])
        idp.get(f"/Users/{user}")
        idp.get("/Users", filter=f'externalId eq "x{number}"')
        idp.get("/Users", filter=f'emails.value eq "{name}"')
        idp.get("/Users", startIndex=1, count=5)
        group = idp.send("POST", "/Groups", {"displayName": f"Group {number}", "members": [{"value": user}]}).json()[
            "id"
        ]
        idp.get("/Groups", filter=f'displayName eq "Group {number}"')
        idp.get(f"/Groups/{group}")
        idp.patch(f"/Users/{user}", {"op": "replace", "path": "title", "value": "Queen"})
        idp.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{user}"]'})
        idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": user}]})
        idp.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": False})
        idp.send("DELETE", f"/Groups/{group}")
    idp.send("DELETE", f"/Users/{user}")
    return idp.create_user("last@acme.example")


def test_requests_of_an_identity_provider_touch_one_partition(idp: Idp, plans: list[dict[str, Any]]) -> None:
    provision(idp)

    touched = partitions_by_statement(plans)
    assert {table for _, table in touched} >= HASHED - {"directory_membersession", "directory_scimnesting"}
    assert not in_several(touched), in_several(touched)


def test_pages_of_an_admin_touch_one_partition(idp: Idp, admin_client: Client, plans: list[dict[str, Any]]) -> None:
    user = public_id("scim-user", factories.scim_user(idp.connection, "ada@acme.example").pk)
    group = public_id("scim-group", factories.scim_group(idp.connection, "Everyone").pk)
    for path in (
        "",
        "scim/",
        "scim/people/",
        f"scim/people/{user}/",
        "scim/groups/",
        f"scim/groups/{group}/",
        "scim/log/",
        "scim/attention/",
        "scim/attention/existing-members/",
        "scim/attention/differences/",
    ):
        response = admin_client.get(f"/o/acme/{path}")
        assert response.status_code == 200, path

    touched = partitions_by_statement(plans)
    assert {table for _, table in touched} >= {"directory_membersession", "directory_member", "directory_scimuser"}
    assert not in_several(touched), in_several(touched)


@pytest.fixture
def nested(idp: Idp) -> tuple[models.ScimUserRow, models.ScimGroupRow, models.ScimGroupRow]:
    """A user with a member, who is in the second group, which is in the first one, which grants the admin role."""
    user = factories.provisioned(idp.connection, "bea@acme.example")
    outer, inner = factories.scim_groups(idp.connection, ["Everyone", "Engineering"])
    factories.put_group_in(outer, inner)
    models.ScimConnectionRow.objects.filter(pk=idp.connection.pk).update(has_nested_groups=True)
    factories.put_in_group(inner, [user])
    factories.group_role(outer, ADMIN_ROLE)
    return user, outer, inner


@pytest.mark.parametrize("joins", ["by index", "by hash"])
def test_statements_that_follow_groups_within_groups_touch_one_partition(
    idp: Idp,
    admin: models.MemberRow,
    nested: tuple[models.ScimUserRow, models.ScimGroupRow, models.ScimGroupRow],
    plans: list[dict[str, Any]],
    joins: str,
) -> None:
    user, outer, inner = nested
    assert user.member
    member = user.member
    client = factories.signed_in(admin)
    if joins == "by hash":
        # Then each table is pruned by the statement itself only, and not while the recursion runs.
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_nestloop = off")

    assert roles.roles_through_groups(member) == [ADMIN_ROLE]
    wanted = roles.has_role_through_group([ADMIN_ROLE], [member.organization_id])
    assert list(rows_of(member.organization_id, models.MemberRow).filter(wanted)) == [member]
    assert roles.has_admin(member.organization_id, besides=admin.pk)
    assert roles.grants_roles(inner)
    assert roles.grants_admin(inner)
    assert roles.count_active_users(member.organization_id, [outer.pk]) == 1
    lost = Moves(removed=[outer.pk])
    assert role_effect(member.organization_id, ADMIN_ROLE, lost, is_gained=False, caller=admin.pk).number == 1
    assert [one.role_id for one in deletion.roles_by_group(idp.connection, member.pk)] == [ADMIN_ROLE]
    group = public_id("scim-group", outer.pk)
    found = idp.get("/Users", filter=f'groups[type eq "indirect" and value eq "{group}"]')
    assert found.json()["totalResults"] == 1
    assert client.get(f"/o/acme/scim/groups/{group}/").status_code == 200
    assert client.get(f"/o/acme/scim/people/{public_id('scim-user', user.pk)}/").status_code == 200

    touched = partitions_by_statement(plans)
    assert sum("WITH RECURSIVE" in sql for sql, table in touched if table == "directory_scimnesting") >= 12
    assert not in_several(touched), in_several(touched)


def test_counting_an_organization_touches_one_partition(
    idp: Idp,
    nested: tuple[models.ScimUserRow, models.ScimGroupRow, models.ScimGroupRow],
    plans: list[dict[str, Any]],
) -> None:
    count_organization(idp.connection.organization_id)

    touched = partitions_by_statement(plans)
    assert {table for _, table in touched} >= {"directory_member", "directory_scimuser", "directory_scimgroup"}
    assert not in_several(touched), in_several(touched)


def test_deleting_what_a_connection_had_touches_one_partition(
    idp: Idp,
    nested: tuple[models.ScimUserRow, models.ScimGroupRow, models.ScimGroupRow],
    plans: list[dict[str, Any]],
) -> None:
    long_ago = timezone.now() - timedelta(days=400)
    models.ScimConnectionRow.objects.filter(pk=idp.connection.pk).update(
        status=ScimConnectionStatus.DELETED, deleted_at=long_ago
    )
    assert deletion.prune() == 1
    assert not rows_of(idp.connection.organization_id, models.ScimUserRow).exists()

    touched = partitions_by_statement(plans)
    deletes = {(sql, table): names for (sql, table), names in touched.items() if sql.startswith("DELETE")}
    assert {table for _, table in deletes} >= HASHED - {"directory_member", "directory_membersession"}
    assert not in_several(deletes), in_several(deletes)
