"""Search for any part of a name: with and without an index, and in a database that knows only the letters of ASCII."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from psycopg.sql import SQL, Identifier

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.database import keyset, name_search
from portal.embedded.doctor import schema
from portal.embedded.scim.groups import EmbeddedScimGroups
from portal.embedded.scim.users import EmbeddedScimUsers
from portal.embedded.scope import Scope
from tests import factories
from tests.servers import environment_in, manage

NAMES = ["Ingénierie", "ΔΙΟΊΚΗΣΗ Αθήνα", "開発本部", "Größe", "研究", "Presales", "sales", "Sa-1"]
# What is typed, and which of the names it finds.
FOUND = {
    "énie": ["Ingénierie"],
    "INGÉNIERIE": ["Ingénierie"],
    "ίκησ": ["ΔΙΟΊΚΗΣΗ Αθήνα"],
    "αθή ΔΙΟ": ["ΔΙΟΊΚΗΣΗ Αθήνα"],
    "発本部": ["開発本部"],
    "röß": ["Größe"],
    "ales": ["Presales", "sales"],
    # Fewer than three letters: only the beginning.
    "研": ["研究"],
    "究": [],
    "sa": ["Sa-1", "sales"],
    "a-1": ["Sa-1"],
    "%al": [],
}
# Runs in a process of its own, with another database.
SCRIPT = """
import json
from tests.embedded.database.test_name_search import FOUND, NAMES, found_groups, found_users, name_search
from tests import factories
scim = factories.scim_connection(factories.organization("acme"))
factories.scim_groups(scim, NAMES)
for number, name in enumerate(NAMES):
    factories.scim_user(scim, f"{number}@acme.example", display_name=name)
state = [name_search._state(), name_search.name_search("ίκησ").indexed_word, name_search.name_search("sales").indexed_word]
print(json.dumps([state, {text: found_groups(scim, text) for text in FOUND}, {text: found_users(scim, text) for text in FOUND}]))
"""
NAME = f"gatehouse_search_{os.getpid()}"


def _scope(scim: models.ScimConnectionRow) -> Scope:
    return Scope(scim.organization.slug, Origin(), project=Actor(ActorType.OPERATOR))


def found_groups(scim: models.ScimConnectionRow, text: str) -> list[str]:
    page = EmbeddedScimGroups(_scope(scim)).search(public_id("scim-connection", scim.pk), text)
    return sorted(group.group_name for group in page.items)


def found_users(scim: models.ScimConnectionRow, text: str) -> list[str]:
    page = EmbeddedScimUsers(_scope(scim)).page(public_id("scim-connection", scim.pk), search=text)
    return sorted(listed.user.name for listed in page.items)


@pytest.fixture
def scim(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def url() -> Iterator[str]:
    """A database with the locale C, and a role that may create tables in it and no extension."""
    server = os.environ["TEST_DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as superuser:
        superuser.execute(SQL("CREATE ROLE {} LOGIN PASSWORD 'search'").format(Identifier(NAME)))
        superuser.execute(
            SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'").format(Identifier(NAME))
        )
        with psycopg.connect(f"{server}/{NAME}", autocommit=True) as inside:
            inside.execute(SQL("GRANT USAGE, CREATE ON SCHEMA public TO {}").format(Identifier(NAME)))
        yield f"postgres://{NAME}:search@{server.rpartition('@')[2]}/{NAME}"
        superuser.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(NAME)))
        superuser.execute(SQL("DROP ROLE {}").format(Identifier(NAME)))


@pytest.mark.parametrize("text", FOUND)
def test_any_part_of_a_name_is_found_in_any_writing(scim: models.ScimConnectionRow, text: str) -> None:
    factories.scim_groups(scim, NAMES)
    for number, name in enumerate(NAMES):
        factories.scim_user(scim, f"{number}@acme.example", display_name=name)

    assert found_groups(scim, text) == sorted(FOUND[text])
    assert found_users(scim, text) == sorted(FOUND[text])


def test_people_are_found_by_part_of_their_email_address(scim: models.ScimConnectionRow) -> None:
    factories.provisioned(scim, "ada.lovelace@acme.example", user_name="u1", display_name="Ada")

    assert found_users(scim, "lovel") == found_users(scim, "ad") == ["Ada"]
    assert found_users(scim, "charles") == []


@pytest.mark.postgresql
def test_an_index_finds_names_without_reading_all(
    scim: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "MAX_SEARCHED", 3)
    factories.scim_groups(scim, [f"Team {number:04}" for number in range(200)])
    factories.scim_user(scim, "ada@acme.example", display_name="Ada Lovelace")

    assert name_search.lacks_indexes() is False
    assert found_groups(scim, "eam 0123") == ["Team 0123"]
    assert found_users(scim, "lovelace") == ["Ada Lovelace"]


@pytest.mark.postgresql
def test_a_word_that_is_in_many_names_is_found_by_reading_the_list(
    scim: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_search, "MAX_CANDIDATES", 5)
    monkeypatch.setattr(keyset, "MAX_SEARCHED", 10)
    factories.scim_groups(scim, [f"Team {number:02}" for number in range(20)])

    assert found_groups(scim, "team") == [f"Team {number:02}" for number in range(10)]


@pytest.mark.sqlite
def test_without_an_index_a_page_reads_a_limited_number_of_names_and_says_so(
    scim: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyset, "MAX_SEARCHED", 3)
    factories.scim_groups(scim, ["Alpha", "Beta", "Gamma", "Omega"])
    groups, connection_id = EmbeddedScimGroups(_scope(scim)), public_id("scim-connection", scim.pk)

    page = groups.search(connection_id, "mega")
    assert (page.items, page.is_partial) == ((), True)
    last = groups.search(connection_id, "mega", cursor=page.next_cursor or "")
    assert [group.group_name for group in last.items] == ["Omega"]
    assert (last.is_partial, last.next_cursor) == (False, None)
    # The list itself, and beginnings, need no bound.
    assert groups.search(connection_id, "").is_partial is groups.search(connection_id, "o").is_partial is False


@pytest.mark.postgresql
@pytest.mark.django_db
def test_missing_indexes_are_reported() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX scim_group_name_parts")

    assert "has no index" in " ".join(finding.text for finding in schema.check())


@pytest.mark.postgresql
def test_migrate_works_without_the_extension_and_creates_the_indexes_once_it_is_there(url: str, tmp_path: Path) -> None:
    environment = environment_in(tmp_path) | {"DATABASE_URL": url}

    assert "run CREATE EXTENSION pg_trgm" in manage(environment, "migrate")
    assert json.loads(manage(environment, "shell", "--no-imports", "-c", SCRIPT).splitlines()[-1]) == [
        [[0, False], "", ""],
        *[{text: sorted(names) for text, names in FOUND.items()}] * 2,
    ]
    server = os.environ["TEST_DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{server}/{NAME}", autocommit=True) as superuser:
        superuser.execute("CREATE EXTENSION pg_trgm")
    assert "pg_trgm" not in manage(environment, "migrate")
    again = SCRIPT.replace('"acme"', '"globex"')
    # The locale has no letters outside ASCII: they are found all the same.
    assert json.loads(manage(environment, "shell", "--no-imports", "-c", again).splitlines()[-1]) == [
        [[len(name_search._INDEXES), False], "", "sales"],
        *[{text: sorted(names) for text, names in FOUND.items()}] * 2,
    ]
