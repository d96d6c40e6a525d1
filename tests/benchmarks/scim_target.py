"""Fill the database for a SCIM load test. `scim_target.json` says when each step runs.

    python -m tests.benchmarks.scim_target reset   # an empty database with an organization, a connection and its token
    python -m tests.benchmarks.scim_target seed    # fill it: sizes are read from stdin as JSON, IDs are written to stdout

The database of DATABASE_URL is dropped and created again. Its name must begin with "bench_".
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from django.core.management import call_command
from django.db import connection as database
from django.db.models import Model
from django.utils import timezone
from psycopg.sql import SQL, Identifier

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.scim.filter.comparison import searchable
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.member_sync import build_member
from portal.embedded.scim.protocol.schemas import GROUP, USER
from tests import factories

# Both are in scim_target.json as well.
CONNECTION = UUID("01900000-0000-7000-8000-000000000001")
TOKEN = "scim_benchmark-0123456789abcdef0123456789abcdef"
BATCH = 5_000

Row = TypeVar("Row", bound=Model)


def reset() -> None:
    """Recreate the database, with one organization and its connection."""
    address, _, name = os.environ["DATABASE_URL"].rpartition("/")
    if not name.startswith("bench_") or urlsplit(address).hostname != "127.0.0.1":
        sys.exit(f"\"{name}\" isn't a benchmark's database on this machine, so it isn't dropped.")
    with psycopg.connect(f"{address}/postgres", autocommit=True) as server:
        server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        server.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    call_command("migrate", verbosity=0)
    factories.scim_connection(factories.organization("benchmark"), bearer_token=TOKEN, key=CONNECTION)


def seed(spec: dict[str, Any]) -> dict[str, list[str]]:
    """Add users and groups without SCIM, and return their ids in the order of their numbers."""
    scim = models.ScimConnectionRow.objects.get(pk=CONNECTION)
    each = spec["members_per_group"]
    rows = [user(scim, n) for n in range(*spec["users"])]
    insert(models.MemberRow, (row.member for row in rows if row.member))
    users = insert(models.ScimUserRow, iter(rows))
    groups = insert(models.ScimGroupRow, (group(scim, n, each) for n in range(*spec["groups"])))
    large = insert(models.ScimGroupRow, (group(scim, one["group"], one["members"]) for one in spec["big"]))
    everyone = list(scim.users.order_by("user_name_folded").values_list("pk", flat=True))
    insert(
        models.ScimMembershipRow,
        (
            member(row, everyone[(n * each + step) % len(everyone)])
            for n, row in enumerate(groups)
            for step in range(each)
        ),
    )
    for row, one in zip(large, spec["big"], strict=True):
        insert(models.ScimMembershipRow, (member(row, key) for key in everyone[: one["members"]]))
    with database.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return {
        "user_ids": [public_id("scim-user", row.pk) for row in users],
        "group_ids": [public_id("scim-group", row.pk) for row in (*groups, *large)],
    }


def insert(model: type[Row], rows: Iterator[Row]) -> list[Row]:
    """Store the rows in batches, and return them."""
    stored: list[Row] = []
    while batch := list(islice(rows, BATCH)):
        stored += model._default_manager.bulk_create(batch)
    return stored


def user(scim: models.ScimConnectionRow, number: int) -> models.ScimUserRow:
    """Return a person as the harness would have sent them."""
    name, display = f"user{number:07d}@bench.example", f"Ada Adler{number}"
    document: dict[str, Any] = {
        "userName": name,
        "externalId": f"ext-u-{number:07d}",
        "name": {"givenName": "Ada", "familyName": f"Adler{number}"},
        "displayName": display,
        "emails": [{"value": name, "type": "work", "primary": True}],
        "active": True,
    }
    row = models.ScimUserRow(
        organization_id=scim.organization_id,
        connection=scim,
        user_name=name,
        external_id=document["externalId"],
        display_name=display,
        document=document,
        search=searchable(USER, document),
        updated_at=timezone.now(),
    )
    row.member = build_member(ScimClient(scim, Origin()), row)
    return row


def group(scim: models.ScimConnectionRow, number: int, members: int) -> models.ScimGroupRow:
    """Return a group that will have so many members."""
    name = f"Group {number:07d}"
    return models.ScimGroupRow(
        organization_id=scim.organization_id,
        connection=scim,
        display_name=name,
        document={"displayName": name},
        search=searchable(GROUP, {"displayName": name}),
        member_count=members,
        updated_at=timezone.now(),
    )


def member(row: models.ScimGroupRow, key: UUID) -> models.ScimMembershipRow:
    """Return a person's place in a group."""
    return models.ScimMembershipRow(organization_id=row.organization_id, group=row, user_id=key)


def main(arguments: Iterable[str]) -> None:
    """Do the step that is named."""
    match list(arguments):
        case ["reset"]:
            reset()
        case ["seed"]:
            print(json.dumps(seed(json.load(sys.stdin))))
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
