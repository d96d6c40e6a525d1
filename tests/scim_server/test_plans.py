"""PostgreSQL finds what requests need by the keys that contain the organization, and reads no table as a whole."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from portal.embedded import models
from portal.embedded.scim.connection import issue_token
from tests.plans import assume_many_rows, empty_files, without_partitions
from tests.scim_server.conftest import Idp
from tests.scim_server.test_query_counts import REQUESTS, fill

pytestmark = pytest.mark.postgresql

TENANT = {
    model._meta.db_table
    for model in apps.get_app_config("directory").get_models()
    if hasattr(model, "organization_id") and model is not models.FormerSlugRow
}
CONDITIONS = ("Index Cond", "Recheck Cond", "Filter", "Hash Cond", "Merge Cond", "Join Filter")
# The index that finds the resource itself, whose place another index could take (docs/decisions/0026).
INDEX_OF = {
    "userName eq": "scim_user_name_key",
    "userName eq, and more": "scim_user_name_key",
    "externalId eq": "scim_user_external_id",
    "id eq": "directory_scimuser_pkey",
    "get a person": "directory_scimuser_pkey",
    "change a person": "directory_scimuser_pkey",
    "first page of people": "scim_user_listed",
    "next page of people": "scim_user_listed",
    "displayName eq": "scim_group_name_key",
    "externalId eq of a group": "scim_group_external_id",
    "get a group": "directory_scimgroup_pkey",
    "first page of groups": "scim_group_listed",
    "add a member": "scim_membership_key",
    "remove a member": "scim_membership_key",
}


@pytest.fixture(scope="module", autouse=True)
def fresh(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    with django_db_blocker.unblock():
        empty_files()


def plans(idp: Idp, call: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each statement that a request runs, and its plan if reading a whole table is forbidden."""
    token, _ = issue_token(idp.connection, is_next=True)
    idp = replace(idp, token=token)
    company = fill(idp, 30, 30)
    idp.get("/ServiceProviderConfig")
    with CaptureQueriesContext(connection) as captured:
        assert REQUESTS[call](idp, company).status_code in {200, 201, 204, 409}
    statements = [query["sql"] for query in captured]
    assume_many_rows()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for sql in statements:
            if sql.startswith(("SELECT", "WITH", "UPDATE", "DELETE", "INSERT", "(SELECT")) and "directory_" in sql:
                cursor.execute("EXPLAIN (FORMAT JSON) " + sql.replace("%", "%%"), [])
                (found,) = cursor.fetchone()
                text = found if isinstance(found, str) else json.dumps(found)
                yield sql, json.loads(without_partitions(text))[0]["Plan"]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def reads(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes that read rows of a table of organizations."""
    return (node for node in nodes(plan) if "Scan" in node["Node Type"] and node.get("Relation Name") in TENANT)


def conditions(node: dict[str, Any]) -> str:
    return " ".join(str(one[name]) for one in nodes(node) for name in CONDITIONS if name in one)


@pytest.mark.parametrize("call", REQUESTS)
def test_a_request_reads_one_organizations_rows_by_an_index(idp: Idp, call: str) -> None:
    used = set()
    for sql, plan in plans(idp, call):
        for node in reads(plan):
            assert node["Node Type"] != "Seq Scan", sql
            assert "organization_id" in conditions(node), f"{sql}\n{node}"
            used |= {str(one["Index Name"]) for one in nodes(node) if "Index Name" in one}

    assert INDEX_OF.get(call) in {None, *used}


def test_a_sequential_scan_by_id_is_found(idp: Idp) -> None:
    """As the test above would find it: the key alone, in a table without its primary key."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE kept (id uuid, organization_id uuid, PRIMARY KEY (organization_id, id))")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN (FORMAT JSON) SELECT 1 FROM kept WHERE id = '00000000-0000-0000-0000-000000000000'")
        (found,) = cursor.fetchone()

    assert "organization_id" not in conditions((found if isinstance(found, list) else json.loads(found))[0]["Plan"])
