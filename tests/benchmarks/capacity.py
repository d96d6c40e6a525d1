"""Measure how much disk people, groups, memberships, requests and changes take, with their indexes.

    SECRET_KEY=… ALLOW_HTTP=true DATABASE_URL=… python -m tests.benchmarks.capacity --users 3000

The database must be empty; it is migrated, and an identity provider fills it over HTTP as Okta does: it looks each person
up, creates them, and adds them to groups. Sizes are those of the tables after they were filled once.
"""

import argparse
from collections.abc import Sequence

from django.core.management import call_command
from django.db import connection
from django.db.models import Model

from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.management.demo_provisioning import Provisioning, provision
from tests import factories
from tests.benchmarks.groups_page import server

TABLES: dict[str, Sequence[type[Model]]] = {
    "person": (models.ScimUserRow, models.MemberRow),
    "group": (models.ScimGroupRow,),
    "membership": (models.ScimMembershipRow,),
    "entry of the request log": (models.ScimRequestRow,),
    "entry of the activity log": (models.ActivityEntryRow,),
    "session": (models.MemberSessionRow,),
}
_ON_POSTGRESQL = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(%s::regclass)"
_ON_PLAIN_POSTGRESQL = "SELECT pg_total_relation_size(%s::regclass)"
_ON_SQLITE = """
    SELECT sum(pgsize) FROM dbstat WHERE name IN (SELECT name FROM sqlite_master WHERE tbl_name = %s)
"""


def size(model: type[Model]) -> int:
    """Return the bytes of a table with its indexes and its partitions."""
    table = model._meta.db_table
    queries = [_ON_SQLITE] if connection.vendor == "sqlite" else [_ON_POSTGRESQL, _ON_PLAIN_POSTGRESQL]
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(query, [table])
            if (found := cursor.fetchone()[0]) is not None:
                return int(found)
    raise LookupError(table)


def fill(users: int, groups: int) -> None:
    """Have an identity provider send that many people and groups, and sign each person in once."""
    token = "capacity-" + "x" * 34
    organization = factories.organization("capacity")
    scim = factories.scim_connection(organization, bearer_token=token)
    with server("portal.wsgi:application") as portal:
        base_url = f"{portal}/v1/b2b/scim/{public_id('scim-connection', scim.pk)}"
        provision(Provisioning(base_url, token, users, groups), lambda *_: None)
    for member in models.MemberRow.objects.iterator():
        factories.session_token(member)


def main() -> None:
    """Fill the database, measure, print a row for each thing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=3000)
    parser.add_argument("--groups", type=int, default=50)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    empty = {model: size(model) for tables in TABLES.values() for model in tables}
    fill(options.users, options.groups)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM" if connection.vendor == "sqlite" else "VACUUM ANALYZE")
    print(f"\n| {connection.vendor}, one | rows | bytes |\n|---|---|---|")
    for name, tables in TABLES.items():
        rows = tables[0]._default_manager.count()
        taken = sum(size(model) - empty[model] for model in tables)
        print(f"| {name} | {rows:,} | {taken / max(rows, 1):,.0f} |")


if __name__ == "__main__":
    main()
