"""Lookups by identity providers use an index instead of reading every user."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.scim.filter.comparison import searchable
from portal.embedded.scim.protocol.schemas import USER
from tests.plans import analyze, without_partitions
from tests.scim_server.conftest import Idp

USERS = 2000


@pytest.fixture
def crowd(idp: Idp) -> Idp:
    """A connection with so many people that no planner reads them all to find one."""
    models.ScimUserRow.objects.bulk_create(_user(idp.connection, number) for number in range(USERS))
    analyze()
    return idp


def _user(scim: models.ScimConnectionRow, number: int) -> models.ScimUserRow:
    name = f"person{number}@acme.example"
    document: dict[str, Any] = {
        "userName": name,
        "externalId": f"e-{number}",
        "emails": [{"value": name, "type": "work"}],
    }
    return models.ScimUserRow(
        organization_id=scim.organization_id,
        connection=scim,
        user_name=name,
        external_id=document["externalId"],
        document=document,
        search=searchable(USER, document),
        updated_at=scim.updated_at,
    )


def plans(idp: Idp, text: str) -> list[str]:
    """Return the query plan of each statement that a lookup of users runs."""
    with CaptureQueriesContext(connection) as captured:
        answer = idp.get("/Users", filter=text).json()
    assert [one["userName"] for one in answer["Resources"]] == ["person7@acme.example"]
    found = []
    for sql in (one["sql"] for one in captured if f'FROM "{models.ScimUserRow._meta.db_table}"' in one["sql"]):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}")
            found.append(without_partitions("\n".join(str(row[-1]) for row in cursor.fetchall())))
    assert found
    return found


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ('userName eq "PERSON7@acme.example"', "user_name_folded"),
        ('externalId eq "e-7"', "external_id"),
        ('id eq "{id}"', "id"),
        ('meta.location eq "https://gatehouse.example/Users/{id}"', "id"),
    ],
)
def test_a_name_or_an_id_is_found_by_its_index(crowd: Idp, text: str, column: str) -> None:
    key = models.ScimUserRow.objects.get(external_id="e-7").pk

    for plan in plans(crowd, text.replace("{id}", public_id("scim-user", key))):
        # As the databases put it: SQLite names what it searches for, PostgreSQL in the condition of the index.
        assert re.search(rf"SEARCH .*\b{column}[=>]\?|Index Cond: .*\b{column}\b[^=]* >?= ", plan, re.DOTALL), plan


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "text",
    [
        'emails eq "person7@acme.example"',
        'emails.value eq "Person7@ACME.example"',
        'emails[value eq "person7@acme.example"]',
        'emails[type eq "work" and value eq "person7@acme.example"]',
        'emails[type eq "work"].value eq "person7@acme.example"',
        'emails.value eq "person7@acme.example" and active eq true',
    ],
)
def test_an_address_is_found_by_its_index(crowd: Idp, text: str) -> None:
    assert all("scim_user_emails" in plan for plan in plans(crowd, text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('not (emails eq "person7@acme.example")', "c"),
        ('emails[type eq "home" and value eq "person7@acme.example"]', "b"),
        ('emails[type eq "home" or value eq "person7@acme.example"]', "ab"),
        ('emails[not (value eq "person7@acme.example")]', "b"),
        ('emails ne "person7@acme.example"', "c"),
        ('emails eq ""', ""),
    ],
)
def test_the_index_changes_no_response(idp: Idp, text: str, expected: str) -> None:
    idp.create_user("a", emails=[{"value": "Person7@acme.example", "type": "work"}])
    own = {"value": "b@acme.example", "type": "home", "primary": True}
    idp.create_user("b", emails=[{"value": "person7@acme.example", "type": "home"}, own])
    idp.create_user("c")

    found = idp.get("/Users", filter=text).json()["Resources"]

    assert "".join(one["userName"] for one in found) == expected
