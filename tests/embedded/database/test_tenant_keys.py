"""The organization is part of each key on PostgreSQL, as partitioning and Citus require (docs/decisions/0026)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from portal.embedded import models
from portal.embedded.database import triggers
from tests import factories

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

# Found in the whole project, though they name an organization: a slug that one has left and a domain that one owns are kept
# from all others.
GLOBAL = {models.FormerSlugRow._meta.db_table, models.OwnedDomainRow._meta.db_table}

_TENANT = """
    SELECT c.oid, c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace
        AND a.attname = 'organization_id' AND NOT a.attisdropped AND c.relname <> ALL(%s)
"""
_UNIQUE_KEYS = """
    WITH tenant AS (TENANT)
    SELECT i.indexrelid::regclass::text, i.indisprimary, tenant.relname,
        (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY k(number, place)
         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number)
    FROM pg_index i JOIN tenant ON tenant.oid = i.indrelid WHERE i.indisunique
"""
_FOREIGN_KEYS = """
    WITH tenant AS (TENANT)
    SELECT f.conname, f.conrelid::regclass::text, source.oid IS NOT NULL, target.oid IS NOT NULL, f.convalidated,
        (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(f.conkey) WITH ORDINALITY k(number, place)
         JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number),
        (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(f.confkey) WITH ORDINALITY k(number, place)
         JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number)
    FROM pg_constraint f LEFT JOIN tenant source ON source.oid = f.conrelid LEFT JOIN tenant target ON target.oid = f.confrelid
    WHERE f.contype = 'f' AND f.conparentid = 0
"""


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("TENANT", _TENANT), [list(GLOBAL)])
        return list(cursor.fetchall())


def faults() -> list[str]:
    """Return what breaks the rules of PostgreSQL's partitioning and of Citus."""
    return [*faults_of_unique_keys(), *faults_of_foreign_keys()]


def faults_of_unique_keys() -> Iterator[str]:
    primary = {}
    for name, is_primary, table, columns in rows(_UNIQUE_KEYS):
        if is_primary:
            primary[table] = columns
        if "organization_id" not in columns:
            yield f"{name} of {table} doesn't contain the organization"
    for _, table in rows("TENANT"):
        if primary.get(table) != ["id", "organization_id"]:
            yield f"{table} has another primary key: {primary.get(table)}"


def faults_of_foreign_keys() -> Iterator[str]:
    for name, table, is_tenant, is_to_tenant, is_valid, own, other in rows(_FOREIGN_KEYS):
        if not is_valid:
            yield f"{name} of {table} isn't validated"
        if is_to_tenant and not is_tenant:
            yield f"{name} refers from {table}, which belongs to no organization, to a row of one"
        if is_to_tenant and is_tenant and ("organization_id", "organization_id") not in zip(own, other, strict=True):
            yield f"{name} of {table} doesn't carry the organization"


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_each_key_of_an_organizations_table_contains_the_organization() -> None:
    tables = {model._meta.db_table for model in apps.get_app_config("directory").get_models() if is_tenant(model)}

    assert {table for _, table in rows("TENANT")} == tables
    assert faults() == []


def is_tenant(model: Any) -> bool:
    return hasattr(model, "organization_id") and model._meta.db_table not in GLOBAL


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (
            ["CREATE TABLE added (id uuid PRIMARY KEY, organization_id uuid NOT NULL)"],
            "added has another primary key: ['id']",
        ),
        (
            [
                "CREATE TABLE added (id uuid, organization_id uuid, name text, PRIMARY KEY (id, organization_id))",
                "CREATE UNIQUE INDEX added_name ON added (name) WHERE name <> ''",
            ],
            "added_name of added doesn't contain the organization",
        ),
        (
            [
                "CREATE TABLE added (id uuid PRIMARY KEY, organization uuid, member_id uuid)",
                "ALTER TABLE added ADD FOREIGN KEY (organization, member_id) REFERENCES directory_member (organization_id, id)",
            ],
            "refers from added, which belongs to no organization, to a row of one",
        ),
        (
            [
                "CREATE TABLE added (id uuid, organization_id uuid, other uuid, member_id uuid, PRIMARY KEY (id, organization_id))",
                "ALTER TABLE added ADD FOREIGN KEY (other, member_id) REFERENCES directory_member (organization_id, id)",
            ],
            "of added doesn't carry the organization",
        ),
    ],
)
def test_a_table_that_breaks_a_rule_is_found(statements: list[str], fault: str) -> None:
    run(*statements)

    assert any(fault in one for one in faults())


def test_each_reference_has_a_foreign_key_except_those_that_a_guard_checks() -> None:
    constrained = {(table, tuple(own)) for _, table, _, _, _, own, _ in rows(_FOREIGN_KEYS)}
    references = [
        (model._meta.db_table, ("organization_id", field.column))
        for model, field in triggers.same_organization()
        if (model, field.name) not in triggers.UNCONSTRAINED
    ]

    assert len(references) == 27
    assert set(references) <= constrained


def test_a_row_of_another_organization_cannot_be_referenced_without_any_guard(
    acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    """Triggers can be disabled, and Citus has none. The foreign keys remain."""
    guarded = {guard.table for guard in triggers._guards("sqlite")}
    run("SET CONSTRAINTS ALL IMMEDIATE", *(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in guarded))
    user = factories.scim_user(factories.scim_connection(acme), "ada")
    foreign = factories.scim_group(factories.scim_connection(globex), "Everyone")

    for organization in (acme, globex):
        with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
            models.ScimMembershipRow.objects.create(organization=organization, user=user, group=foreign)
    with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
        models.ScimUserRow.objects.filter(pk=user.pk).update(connection=foreign.connection)
