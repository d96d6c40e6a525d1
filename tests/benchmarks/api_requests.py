"""Measure API requests over HTTP against a floor that runs one query: a page of groups, and authenticating a session.

    SECRET_KEY=… ALLOW_HTTP=true DATABASE_URL=… python -m tests.benchmarks.api_requests --sizes 1000 1000000

The database must be empty or from an earlier run; it's migrated and filled. Figures are medians of interleaved requests.
"""

import argparse
from urllib.parse import urlencode

import requests
from django.core.management import call_command
from django.db import connection

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.embedded.project_secrets import NewProjectSecret, create_project_secret
from portal.embedded.tokens import token_hash
from tests.benchmarks.groups_page import LIMIT, Fixture, last_cursor, medians, prepare, server


def measure(portal: str, floor: str, fixture: Fixture, project: NewProjectSecret, rounds: int) -> str:
    """Return a row of the table."""
    backend, bare = requests.Session(), requests.Session()
    backend.auth = (project.project_id, project.secret)
    scim = fixture.connection
    page = f"{portal}/v1/b2b/scim/{fixture.slug}/connection/{public_id('scim-connection', scim.pk)}?limit={LIMIT}"
    one_query = {"organization": str(scim.organization_id), "connection": str(scim.pk), "limit": str(LIMIT)}
    digest = token_hash(fixture.session_token).hex()
    figures = medians(
        {
            "first": lambda: backend.get(page),
            "last": lambda: backend.get(f"{page}&{urlencode({'cursor': last_cursor(fixture)})}"),
            "groups_floor": lambda: bare.get(f"{floor}/groups", params=one_query),
            "session": lambda: backend.post(
                f"{portal}/v1/b2b/sessions/authenticate", json={"session_token": fixture.session_token}
            ),
            "session_floor": lambda: bare.get(f"{floor}/session", params={"hash": digest}),
        },
        rounds,
    )
    return (
        f"| {connection.vendor} | {fixture.size:,} | {figures['first']:.2f} "
        f"| {figures['first'] / figures['groups_floor']:.2f} | {figures['last'] / figures['first']:.2f} "
        f"| {figures['session']:.2f} | {figures['session'] / figures['session_floor']:.2f} |"
    )


def main() -> None:
    """Fill the database, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    fixtures = [prepare(size) for size in options.sizes]
    project = create_project_secret(origin=Origin())
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with server("portal.wsgi:application") as portal, server("tests.benchmarks.floor:application") as floor:
        rows = [measure(portal, floor, fixture, project, options.rounds) for fixture in fixtures]
    print(f"\npages of {LIMIT} groups, and one session; medians in ms")
    print("| database | groups | page | page/floor | last/first | session | session/floor |")
    print("|---|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
