"""An installation that is there already is brought up to date with its rows and its guards."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process and a database of its own, whose guards are in place when the later migrations begin.
UPGRADE = """
import django
django.setup()
from django.core.management import call_command
from django.db import DatabaseError, connection
from portal.directory.embedded import models
from portal.directory.embedded.models.scim import ScimToken

call_command("migrate", "directory", "0002_scim_complete", verbosity=0)
organization = models.Organization.objects.create(slug="acme", name="Acme")
with connection.cursor() as cursor:
    cursor.execute(
        "INSERT INTO directory_scimconnection (id, organization_id, display_name, identity_provider, status,"
        " skips_unknown_members, bearer_token_hash, bearer_token_last_four, bearer_token_expires_at, created_at,"
        " updated_at) VALUES (%s, %s, 'Okta', 'okta', 'active', FALSE, %s, 'abcd', '2030-01-01', '2026-01-01',"
        " '2026-01-01')",
        ["0" * 32, organization.pk.hex, b"x" * 32],
    )
call_command("migrate", verbosity=0)
token = ScimToken.objects.get()
assert (bytes(token.token_hash), token.last_four, token.is_next) == (b"x" * 32, "abcd", False)
assert token.expires_at.year == 2030
other = models.Organization.objects.create(slug="globex", name="Globex")
try:
    ScimToken.objects.update(organization=other)
except DatabaseError as error:
    print(error)
"""


def test_tokens_that_were_columns_become_rows_and_the_guards_come_back(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "SECRET_KEY": "k9-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
        "PUBLIC_URL": "https://portal.example.com",
        "DATABASE_URL": f"sqlite:///{tmp_path}/gatehouse.sqlite3",
    }

    answer = subprocess.run(
        [sys.executable, "-c", UPGRADE], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 0, answer.stderr
    assert "belongs to another organization" in answer.stdout
