"""The file of SQLite is one that other programs can check, dump, restore and write, without what Django adds to SQLite."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.embedded.database.test_migrations import run_in

FILL = """
import django
django.setup()
from django.core.management import call_command
from portal.embedded import models
from tests import factories

call_command("migrate", verbosity=0)
acme = factories.organization("acme", name="Acme")
admin = factories.member(acme, "ada@acme.example", roles=["stytch_admin"], password="correct horse battery staple")
connection = factories.scim_connection(acme)
factories.put_in_group(factories.scim_group(connection, "Sales"), [factories.scim_user(connection, "ada")])
"""
USE = """
import django
django.setup()
from django.core.management import call_command
from django.test import Client
from portal.embedded import models
from tests import factories

call_command("migrate", verbosity=0)
call_command("check", fail_level="ERROR")
client = Client(headers={"Host": "portal.example.com", "X-Forwarded-Proto": "https"})
password = {"email_address": "ada@acme.example", "password": "correct horse battery staple"}
assert client.get("/readyz", secure=True).status_code == 200
assert client.post("/o/acme/sign-in/", password, secure=True).status_code == 303
assert "Sales" in client.get("/o/acme/scim/groups/", secure=True).content.decode()
factories.organization("globex")
"""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with a database that is in use, created by a process of its own."""
    folder = tmp_path_factory.mktemp("filled")
    run = run_in(folder, FILL)
    assert run.returncode == 0, run.stderr
    return folder


def test_the_integrity_of_the_file_can_be_checked(filled: Path) -> None:
    with closing(sqlite3.connect(filled / "gatehouse.sqlite3")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_restored_dump_works(filled: Path, tmp_path: Path) -> None:
    restored = tmp_path / "gatehouse.sqlite3"
    with closing(sqlite3.connect(filled / "gatehouse.sqlite3")) as source, closing(sqlite3.connect(restored)) as target:
        target.executescript("\n".join(source.iterdump()))
        assert target.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    used = run_in(tmp_path, USE)

    assert used.returncode == 0, used.stderr


@pytest.mark.parametrize("slug", ["a", "a b", "é-acme", "acme/", "acme\n", "x" * 129])
def test_the_file_rejects_an_invalid_slug(filled: Path, slug: str) -> None:
    with closing(sqlite3.connect(filled / "gatehouse.sqlite3")) as database:
        database.execute("UPDATE directory_organization SET slug = 'Acme-1.0_~' WHERE slug = 'acme'")
        with pytest.raises(sqlite3.IntegrityError, match="organization_slug_form"):
            database.execute("UPDATE directory_organization SET slug = ?", [slug])
        database.rollback()
