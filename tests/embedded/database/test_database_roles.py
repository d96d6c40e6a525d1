"""The roles that docs/operate.md creates suffice, and the one that serves cannot change what guards it."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests
from psycopg import errors
from psycopg.sql import SQL, Identifier

from tests.documented_database import Database, documented_database, findings, restored
from tests.servers import environment_in, manage, serve

pytestmark = pytest.mark.postgresql
NEWEST = "SELECT max(relname) FROM pg_class WHERE relname ~ '^directory_scimrequest_[0-9]+$'"
TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
"""
ROWS = "SELECT tableoid::regclass::text, rows::text FROM {} rows ORDER BY 1, 2"
# Those of roles other than the owner.
RIGHTS = """
    SELECT relname, acl.grantee::regrole::text, acl.privilege_type FROM pg_class, aclexplode(relacl) acl
    WHERE relnamespace = 'public'::regnamespace AND acl.grantee <> relowner
    UNION SELECT proname, acl.grantee::regrole::text, acl.privilege_type FROM pg_proc, aclexplode(proacl) acl
    WHERE pronamespace = 'public'::regnamespace AND acl.grantee NOT IN (0, proowner)
    ORDER BY 1, 2, 3
"""


@pytest.fixture
def database() -> Iterator[Database]:
    with documented_database() as created:
        yield created


def test_the_serving_role_can_provision_and_cannot_drop_guards(database: Database, tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    manage(environment | {"DATABASE_URL": database.owner}, "migrate")
    environment["DATABASE_URL"] = database.serving
    manage(environment, "createorganization", "--name", "Acme", "--slug", "acme")
    create_connection = ("createscimconnection", "--organization", "acme", "--display-name", "Okta", "--json")
    scim = json.loads(manage(environment, *create_connection))
    headers = {"Authorization": f"Bearer {scim['bearer_token']}"}

    server = serve(environment)
    try:
        users, groups = f"{scim['base_url']}/Users", f"{scim['base_url']}/Groups"
        user = requests.post(users, json={"userName": "ada"}, headers=headers, timeout=10).json()
        group = {"displayName": "Everyone", "members": [{"value": user["id"]}]}
        assert requests.post(groups, json=group, headers=headers, timeout=10).status_code == 201
        assert requests.delete(f"{users}/{user['id']}", headers=headers, timeout=10).status_code == 204
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()

    with psycopg.connect(database.serving, autocommit=True) as connection:
        table = "directory_activityentry"
        assert connection.execute("SELECT count(*) > 0 FROM directory_activityentry").fetchone() == (True,)
        for statement in (
            f"DROP TRIGGER activity_no_delete ON {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"TRUNCATE {table}",
            f"DROP TABLE {table}",
            "CREATE TABLE mine (id int)",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_serving_role_manages_partitions_of_logs_only_through_functions(database: Database, tmp_path: Path) -> None:
    environment = environment_in(tmp_path) | {"DATABASE_PARTITIONS": "4"}
    manage(environment | {"DATABASE_URL": database.owner}, "migrate")
    with psycopg.connect(database.owner) as owner:
        (newest,) = owner.execute(NEWEST).fetchone() or ("",)
        owner.execute(SQL("DROP TABLE {}").format(Identifier(newest)))
        # As after a restore without privileges, with those that new tables get by default.
        owner.execute(SQL("GRANT ALL ON directory_member_0 TO {}").format(Identifier(database.role)))
    manage(environment | {"DATABASE_URL": database.owner}, "migrate")
    environment["DATABASE_URL"] = database.serving

    assert "Created 1 partition." in manage(environment, "createpartitions")
    manage(environment, "createorganization", "--name", "Acme", "--slug", "acme")
    with psycopg.connect(database.serving, autocommit=True) as serving:
        assert serving.execute(NEWEST).fetchone() == (newest,)
        assert serving.execute("SELECT count(*) FROM directory_activityentry").fetchone() == (1,)
        for statement in (
            "SELECT 1 FROM directory_member_0",
            "INSERT INTO directory_scimrequest_default DEFAULT VALUES",
            "DELETE FROM directory_activityentry_default",
            f"DROP TABLE {newest}",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                serving.execute(statement.encode())
        serving.execute("SELECT gatehouse_drop_requests(%s)", [newest])
        assert serving.execute(NEWEST).fetchone() != (newest,)


@pytest.mark.parametrize("partitions", ["0", "8"])
def test_the_documented_drill_restores_everything(database: Database, tmp_path: Path, partitions: str) -> None:
    environment = environment_in(tmp_path) | {"DATABASE_URL": database.owner}
    manage(environment | {"DATABASE_PARTITIONS": partitions}, "migrate")
    for slug in ("acme", "globex"):
        manage(environment, "createorganization", "--name", slug.title(), "--slug", slug)
    manage(environment, "createmember", "--organization", "acme", "--email", "ada@acme.example", "--name", "Ada")

    copy, output = restored(database, tmp_path, environment)

    assert "No migrations to apply" in output
    assert "directory." not in output
    assert contents(copy) == contents(database)
    assert findings(environment | {"DATABASE_URL": copy.serving}) == []


def contents(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of each table with the partition that each is in, and the rights."""
    with psycopg.connect(database.superuser) as superuser:
        tables = [table for (table,) in superuser.execute(TABLES)]
        rows = {table: superuser.execute(ROWS.format(table).encode()).fetchall() for table in tables}
        return rows | {"rights": superuser.execute(RIGHTS).fetchall()}
