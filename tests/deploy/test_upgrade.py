"""Upgrades, rehearsed: a database of an early version becomes one of this version while it is written to."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.deploy import upgrade
from tests.deploy.upgrade import ACME, INITECH, Load, contents, load, migrate
from tests.documented_database import Database, documented_database, findings, partitioned, restored
from tests.servers import ROOT, environment_in, postgresql_database

pytestmark = pytest.mark.postgresql
# Each with its definition, and whether it's valid. PostgreSQL writes checks and the types in conditions in another way after a restore.
KEYS = r"""
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype <> 'c'
    UNION SELECT indrelid::regclass::text, indexrelid::regclass::text,
        regexp_replace(pg_get_indexdef(indexrelid), '::(character varying|text)(\[\])?|[()]', '', 'g'), indisvalid FROM pg_index
    WHERE indrelid::regclass::text ~ '^directory_' ORDER BY 1, 2, 3
"""
WRITTEN = """
    SELECT person.id, member.status = 'active', count(membership.id) = 1, person.display_name = 'Changed'
        AND choice.organization_id = person.organization_id AND change.target_id = project.target_id
    FROM directory_scimuser person
    JOIN directory_member member ON member.id = person.member_id
    JOIN directory_membersession session ON session.member_id = member.id
    JOIN directory_intermediatesession_members choice ON choice.member_id = member.id
    JOIN directory_activityentry change ON change.id = person.id
    JOIN directory_activityentry project ON project.target_id = change.target_id AND project.id <> change.id
        AND project.organization_id = '00000000-0000-0000-0000-000000000000'
    LEFT JOIN directory_scimmembership membership ON membership.user_id = person.id
    WHERE person.id = ANY(%s) GROUP BY 1, 2, 4
"""
CHANGED = """
    SELECT user_name_folded, search->>'userName', display_name_folded, cannot_sign_in, awaited_address
    FROM directory_scimuser WHERE organization_id = %s ORDER BY id
"""
REMINDERS = "SELECT about, count(*), count(DISTINCT contact_hash) FROM directory_scimreminder WHERE organization_id = %s GROUP BY 1"
JOIN = """
    INSERT INTO directory_scimmembership (organization_id, group_id, user_id)
    SELECT person.organization_id, added.id, person.id FROM directory_scimuser person, directory_scimgroup added
    WHERE person.organization_id = added.organization_id AND NOT EXISTS
        (SELECT 1 FROM directory_scimmembership found WHERE found.group_id = added.id AND found.user_id = person.id)
    LIMIT 500 RETURNING id
"""
# Steps of the migration at which it is killed: what holds it up there, and the statement that waits.
STEPS = [
    (
        "LOCK TABLE directory_organization IN ROW EXCLUSIVE MODE",
        "ALTER TABLE directory_intermediatesession_members ADD CONSTRAINT %",
    ),
    (
        "LOCK TABLE directory_scimuser IN ROW EXCLUSIVE MODE",
        "CREATE UNIQUE INDEX CONCURRENTLY directory_scimuser_tenant %",
    ),
    ("LOCK TABLE directory_scimrequest IN ACCESS SHARE MODE", "ALTER TABLE directory_scimrequest DROP CONSTRAINT %"),
]


@pytest.fixture
def database() -> Iterator[Database]:
    with documented_database() as created:
        yield created


@pytest.fixture(scope="module")
def keys_of_new_database(tmp_path_factory: pytest.TempPathFactory) -> "list[tuple[object, ...]]":
    """The keys of a database that had no earlier version."""
    with postgresql_database() as url:
        succeed(environment_in(tmp_path_factory.mktemp("new")) | {"DATABASE_URL": url})
        return keys(url)


def test_an_upgrade_under_load_loses_nothing_and_holds_up_no_write(
    database: Database, tmp_path: Path, keys_of_new_database: list[tuple[object, ...]]
) -> None:
    owner = environment_in(tmp_path) | {"DATABASE_URL": database.owner}
    upgrade.install(database, owner, users=10_000)
    before = contents(database, ACME)

    # Up to 0033 a node waits for a lock as long as it does by default. From there on, no write waits for long: it would wait
    # for less than a second, but other tests run on the machine, too.
    with load(database, longest_wait="10s") as early:
        succeed(owner, "0033")
    with load(database, longest_wait="3s") as late:
        succeed(owner, "0035")
        succeed(owner, "0033")  # the way back, as long as there is one
        succeed(owner)
        succeed(owner, "0036")
        rejected = migrate(owner, "0035")
        succeed(owner)

    assert "Restore a backup to return to an earlier version." in rejected.stderr
    check_nothing_is_lost(database, before, early, late)
    check_what_migrations_change(database)
    assert keys(database.superuser) == keys_of_new_database
    copy, _ = restored(database, tmp_path, owner)
    check_nothing_is_lost(copy, before, early, late)
    assert keys(copy.superuser) == keys(database.superuser)
    assert findings(owner | {"DATABASE_URL": copy.serving}) == []


def test_a_migration_that_is_killed_at_any_step_continues(
    database: Database, tmp_path: Path, keys_of_new_database: list[tuple[object, ...]]
) -> None:
    owner = environment_in(tmp_path) | {"DATABASE_URL": database.owner}
    upgrade.install(database, owner, users=500)
    succeed(owner, "0034")
    before = contents(database, ACME)

    with load(database, longest_wait="3s") as running:
        for lock, statement in STEPS:
            with held_up(database, lock):
                kill_at(database, owner, statement)
        succeed(owner)

    check_nothing_is_lost(database, before, running)
    assert keys(database.superuser) == keys_of_new_database
    assert findings(owner | {"DATABASE_URL": database.serving}) == []


def test_a_database_of_an_earlier_version_moves_to_a_partitioned_one(database: Database, tmp_path: Path) -> None:
    owner = environment_in(tmp_path) | {"DATABASE_URL": database.owner}
    upgrade.install(database, owner, users=500)
    succeed(owner)
    before = contents(database, ACME)

    copy = partitioned(database, tmp_path, owner)

    assert contents(copy, ACME, before.columns).rows == before.rows
    with psycopg.connect(copy.serving) as serving:  # whose keys follow those that came along
        assert len(serving.execute(JOIN).fetchall()) == 500
    assert findings(owner | {"DATABASE_URL": copy.serving}) == []


def succeed(environment: dict[str, str], *to: str) -> None:
    done = migrate(environment, *to)
    assert done.returncode == 0, done.stderr


@contextmanager
def held_up(database: Database, lock: str) -> Iterator[None]:
    """Hold a lock, as a long transaction does."""
    with psycopg.connect(database.owner) as other:
        other.execute(lock.encode())
        yield


def kill_at(database: Database, environment: dict[str, str], statement: str) -> None:
    """Migrate until a statement waits for a lock, and kill the process. The server continues with the statement."""
    process = subprocess.Popen(
        upgrade.migrate_command(), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with psycopg.connect(database.superuser, autocommit=True) as watching:
        waits = (
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE %s"
            " AND state = 'active' AND wait_event_type = 'Lock')"
        )
        upgrade.wait_until(lambda: watching.execute(waits, [statement]).fetchone() == (True,), process)
        process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def check_nothing_is_lost(database: Database, before: upgrade.Contents, *loads: Load) -> None:
    """Check that Acme is as it was, and that what the load wrote is there, whole."""
    assert contents(database, ACME, before.columns).rows == before.rows
    kept = {key for running in loads for key in running.kept}
    removed = {key for running in loads for key in running.removed}
    with psycopg.connect(database.owner) as owner:
        found = {key: state for key, *state in owner.execute(WRITTEN, [[*kept, *removed]])}
    assert found == {key: [True, True, True] for key in kept} | {key: [False, False, True] for key in removed}


def check_what_migrations_change(database: Database) -> None:
    """Check that rows that have to change did: names that compare in another way, who can't sign in, reminders."""
    with psycopg.connect(database.owner) as owner:
        assert owner.execute(CHANGED, [INITECH]).fetchall() == [
            ("weiß", "weiß", "ann weiß", False, ""),
            ("ben@initech.example", "ben@initech.example", "ben", True, "ben@initech.example"),
        ]
        assert owner.execute(REMINDERS, [INITECH]).fetchall() == [("safeguard/1", 2, 2)]


def keys(url: str) -> list[tuple[object, ...]]:
    """Return the keys and indexes of a database."""
    with psycopg.connect(url) as connection:
        return connection.execute(KEYS).fetchall()
