"""An installation that is there already is brought up to date with its rows and its guards."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations import AddField, RunPython, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from portal.embedded.database import triggers
from portal.embedded.database.online_fields import AddFieldOnline
from portal.embedded.database.partitioning import HASHED

ROOT = Path(__file__).parents[3]
# In a process and a database of its own, whose guards are in place when the later migrations begin.
UPGRADE = """
import django
django.setup()
from django.core.management import call_command
from django.db import DatabaseError, connection
from portal.embedded import models
from portal.embedded.models import ScimTokenRow

call_command("migrate", "directory", "0001_initial", verbosity=0)
key, at = "01900000000070008000000000000001", "2026-01-01T00:00:00Z"
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO directory_organization (id, name, slug, created_at, updated_at) VALUES (%s, 'Acme', 'acme', %s, %s)",
        [key, at, at],
    )
    cursor.execute(
        "INSERT INTO directory_scimconnection (id, organization_id, display_name, identity_provider, status,"
        " bearer_token_hash, bearer_token_last_four, bearer_token_expires_at, created_at, updated_at)"
        " VALUES (%s, %s, 'Okta', 'okta', 'active', %s, 'abcd', '2030-01-01T00:00:00Z', %s, %s)",
        [key, key, b"x" * 32, at, at],
    )
    cursor.execute(
        "INSERT INTO directory_scimuser (id, organization_id, connection_id, user_name, user_name_folded, external_id,"
        " display_name, active, document, created_at, updated_at)"
        " VALUES (%s, %s, %s, 'Ada', 'ada', '', '', TRUE, %s, %s, %s)",
        [key, key, key, '{"userName": "Ada", "title": "Queen"}', at, at],
    )
call_command("migrate", verbosity=0)
token = ScimTokenRow.objects.get()
assert (bytes(token.token_hash), token.last_four, token.is_next) == (b"x" * 32, "abcd", False)
assert token.expires_at.year == 2030
assert models.ScimUserRow.objects.get().search["title"] == "queen"
other = models.OrganizationRow.objects.create(slug="globex", name="Globex")
try:
    ScimTokenRow.objects.update(organization=other)
except DatabaseError as error:
    print(error)
"""


def run_in(folder: Path, program: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": "k9-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
        "PUBLIC_URL": "https://portal.example.com",
        "DATABASE_URL": f"sqlite:///{folder}/gatehouse.sqlite3",
    }
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_a_migration_turns_token_columns_into_rows_and_restores_the_guards(tmp_path: Path) -> None:
    answer = run_in(tmp_path, UPGRADE)

    assert answer.returncode == 0, answer.stderr
    assert "belongs to another organization" in answer.stdout


KILLED = """
import os
import django
django.setup()
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.backends.sqlite3.schema import DatabaseSchemaEditor

call_command("migrate", "directory", "0001_initial", verbosity=0)

def killed(*_, **__):
    os._exit(9)

DatabaseSchemaEditor._remake_table = killed
call_command("migrate", verbosity=0)
"""
COUNT = "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%append-only%'"


def test_a_killed_migration_leaves_the_guards(tmp_path: Path) -> None:
    answer = run_in(tmp_path, KILLED)

    assert answer.returncode == 9, answer.stderr
    with closing(sqlite3.connect(tmp_path / "gatehouse.sqlite3")) as database:
        assert database.execute(COUNT).fetchone() == (2,)


def test_migrating_back_and_forth_restores_the_guards(tmp_path: Path) -> None:
    assert run_in(tmp_path, UPGRADE).returncode == 0
    with closing(sqlite3.connect(tmp_path / "gatehouse.sqlite3")) as database:
        before = set(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))

    again = "import django; django.setup()\nfrom django.core.management import call_command\n"
    back = "call_command('migrate', 'directory', '0018', verbosity=0); call_command('migrate', verbosity=0)"
    assert run_in(tmp_path, again + back).returncode == 0
    with closing(sqlite3.connect(tmp_path / "gatehouse.sqlite3")) as database:
        assert set(database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")) == before


def test_a_migration_that_commits_in_parts_can_run_again_after_it_was_killed() -> None:
    """What changes a column, too, would find it changed. Rows are changed by what leaves those that are done."""
    migrations = MigrationLoader(None).disk_migrations
    in_parts = [one for (app, _), one in migrations.items() if app == "directory" and not one.atomic]

    changes = [operation for one in in_parts for operation in one.operations if not is_repeatable(operation)]

    assert in_parts
    assert changes == []


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_commits_in_parts_runs_under_the_guards() -> None:
    """Killed between two parts, it would leave the database without them."""
    triggers.install(connection.alias)

    with connection.schema_editor(atomic=False):
        assert triggers.faults(connection.alias) == []


def is_repeatable(operation: Operation) -> bool:
    is_state_alone = isinstance(operation, SeparateDatabaseAndState) and not operation.database_operations
    return is_state_alone or isinstance(operation, RunPython | AddFieldOnline)


# The first migration whose new columns of busy tables lock them for less than a second.
ONLINE_FROM = 42
BUSY = {"scimconnectionrow", "scimrequestrow", "activityentryrow"} | {one.__name__.lower() for one in HASHED}


def test_columns_of_busy_tables_are_added_online() -> None:
    migrations = MigrationLoader(None).disk_migrations
    late = [one for (app, name), one in migrations.items() if app == "directory" and int(name[:4]) >= ONLINE_FROM]
    added = [(one, operation) for one in late for operation in one.operations if isinstance(operation, AddField)]

    assert {one.name for one, operation in added if isinstance(operation, AddFieldOnline)}
    for migration, operation in added:
        if operation.model_name_lower in BUSY:
            assert isinstance(operation, AddFieldOnline), migration
            assert not migration.atomic, migration
