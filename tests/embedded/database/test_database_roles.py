"""The roles that docs/operate.md creates suffice, and the one that serves cannot change what guards it."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests
from psycopg import errors

from tests.scim_server.test_crash import environment_in, manage, serve
from tests.servers import ROOT

pytestmark = pytest.mark.postgresql
NAME = f"gatehouse_roles_{os.getpid()}"


def drill() -> str:
    """Return the commands of the page that back up and restore, without the addresses."""
    section = (ROOT / "docs/operate.md").read_text().split("## Back up and restore\n")[1].split("\n## ")[0]
    block = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0]
    return "".join(line for line in block.splitlines(keepends=True) if not line.startswith("export "))


def statements(heading: str, number: int) -> list[str]:
    """Return the SQL of a section of the page, with names of this test alone."""
    section = (ROOT / "docs/operate.md").read_text().split(f"### {heading}\n")[1].split("\n### ")[0]
    blocks = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    return [line.replace("gatehouse", NAME) for line in blocks[number].splitlines() if line]


@pytest.fixture
def urls() -> Iterator[tuple[str, str]]:
    """The database's URL as its owner, and as the role that serves."""
    server = os.environ["TEST_DATABASE_URL"].rpartition("/")[0]
    at = server.rpartition("@")[2]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        for statement in statements("Create the database and its roles", 0):
            connection.execute(statement)
        prepare(f"{server}/{NAME}")
        yield f"postgres://{NAME}_owner:choose-one@{at}/{NAME}", f"postgres://{NAME}:choose-another@{at}/{NAME}"
        connection.execute(f"DROP DATABASE IF EXISTS {NAME}_drill WITH (FORCE)")
        connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")
        connection.execute(f"DROP ROLE {NAME}_owner")
        connection.execute(f"DROP ROLE {NAME}")


def prepare(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as made:
        for statement in statements("Create the database and its roles", 1):
            made.execute(statement)


def test_the_role_that_serves_provisions_and_cannot_take_the_guards_away(urls: tuple[str, str], tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    manage(environment | {"DATABASE_URL": urls[0]}, "migrate")
    environment["DATABASE_URL"] = urls[1]
    manage(environment, "createorganization", "--name", "Acme", "--slug", "acme")
    made = ("createscimconnection", "--organization", "acme", "--display-name", "Okta", "--json")
    scim = json.loads(manage(environment, *made))
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

    with psycopg.connect(urls[1], autocommit=True) as connection:
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


def test_the_drill_of_the_page_restores_all_of_it(urls: tuple[str, str], tmp_path: Path) -> None:
    environment = environment_in(tmp_path) | {"DATABASE_URL": urls[0]}
    manage(environment, "migrate")
    manage(environment, "createorganization", "--name", "Acme", "--slug", "acme")
    server = os.environ["TEST_DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {NAME}_drill OWNER {NAME}_owner")
    prepare(f"{server}/{NAME}_drill")
    folder = tmp_path / "drill"
    folder.mkdir()
    commands = drill().replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT}/manage.py")

    done = subprocess.run(
        ["/bin/bash", "-e", "-c", commands],
        cwd=folder,
        env=environment | {"OWNER_URL": urls[0], "DRILL_URL": f"{urls[0]}_drill"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "No migrations to apply" in done.stdout
    assert "directory." not in done.stderr
    with psycopg.connect(f"{urls[1]}_drill") as serving:
        assert serving.execute("SELECT slug FROM directory_organization").fetchall() == [("acme",)]
