"""Measure the groups page over HTTP, first and last page, beside a floor that does one keyset query.

    SECRET_KEY=… ALLOW_HTTP=true DATABASE_URL=… python -m tests.benchmarks.groups_page --sizes 1000 100000 1000000

The database must be empty or an earlier run's; it is migrated and filled. Figures are medians of interleaved requests.
"""

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import requests
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from portal.embedded import models
from portal.embedded.database.keyset import Keyset
from portal.web.session_cookie import cookie_name
from tests import factories

LIMIT = 100
BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Fixture:
    """An organization with a connection of so many groups, and its signed-in admin."""

    slug: str
    size: int
    connection: models.ScimConnectionRow
    session_token: str
    before_last: str


def prepare(size: int) -> Fixture:
    """Return the organization with that many groups. Create what is missing."""
    slug = f"benchmark-{size}"
    organization = models.OrganizationRow.objects.filter(slug=slug).first() or factories.organization(slug)
    scim = organization.scim_connections.first() or factories.scim_connection(organization)
    for start in range(scim.groups.count(), size, BATCH):
        factories.scim_groups(scim, (f"Group {n:07} of the company" for n in range(start, min(start + BATCH, size))))
    member = organization.members.first() or factories.member(organization, "ada@acme.example", roles=["stytch_admin"])
    last_page = scim.groups.order_by("-display_name_folded").values_list("display_name_folded", flat=True)
    models.MemberSessionRow.objects.filter(member=member).update(expires_at=timezone.now() + timedelta(hours=1))
    return Fixture(slug, size, scim, factories.session_token(member), last_page[LIMIT : LIMIT + 1][0])


def last_cursor(fixture: Fixture) -> str:
    """Return the cursor of the last page."""
    scim, before = fixture.connection, fixture.before_last
    return Keyset("scim-groups", scim.organization_id, scim.pk, "").cursor(before)


@contextlib.contextmanager
def server(application: str) -> Iterator[str]:
    """Serve a WSGI application with one worker of granian; yield its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--log-level", "critical"]
    command += ["--http", "1", "--blocking-threads", "256"]
    started = time.perf_counter()
    process = subprocess.Popen([*command, application], env=os.environ | {"LOG_LEVEL": "ERROR"})
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{url}/healthz", timeout=5)
                break
            time.sleep(0.01)
        print(f"{application}: answers after {time.perf_counter() - started:.2f} s")
        yield url
        print(f"{application}: {memory(process.pid):.0f} MB for supervisor and one worker")
    finally:
        process.terminate()
        process.wait()


def memory(pid: int) -> float:
    """Return the proportional memory of a process and its children, in MB (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return own / 1024 + sum(memory(int(child)) for child in children)


def medians(measured: dict[str, Callable[[], requests.Response]], rounds: int) -> dict[str, float]:
    """Return the median of each request in milliseconds. They take turns, so that all meet the same cold caches."""
    taken: dict[str, list[float]] = {name: [] for name in measured}
    for turn in range(rounds + 10):
        for name, request in measured.items():
            started = time.perf_counter()
            request().raise_for_status()
            if turn >= 10:
                taken[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.median(times) for name, times in taken.items()}


def measure(portal: str, floor: str, fixture: Fixture, rounds: int) -> str:
    """Return a row of the table."""
    scim = fixture.connection
    cursor = last_cursor(fixture)
    page = f"{portal}/o/{fixture.slug}/scim/groups/?limit={LIMIT}"
    client, htmx = requests.Session(), {"HX-Request": "true", "HX-Target": "groups"}
    client.cookies.set(cookie_name(fixture.slug), fixture.session_token)
    bare = requests.Session()
    one_query = {"organization": str(scim.organization_id), "connection": str(scim.pk), "limit": str(LIMIT)}
    figures = medians(
        {
            "first": lambda: client.get(page, headers=htmx),
            "floor": lambda: bare.get(f"{floor}/groups", params=one_query),
            "last": lambda: client.get(f"{page}&{urlencode({'cursor': cursor})}", headers=htmx),
            "floor_last": lambda: bare.get(f"{floor}/groups", params=one_query | {"after": fixture.before_last}),
        },
        rounds,
    )
    size = len(client.get(page, headers=htmx).content)
    return (
        f"| {connection.vendor} | {fixture.size:,} | {figures['first']:.2f} | {figures['last']:.2f} "
        f"| {figures['last'] / figures['first']:.2f} | {figures['floor']:.2f} "
        f"| {figures['first'] / figures['floor']:.2f} | {figures['last'] / figures['floor_last']:.2f} "
        f"| {size / 1024:.1f} |"
    )


def main() -> None:
    """Fill the database, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    fixtures = [prepare(size) for size in options.sizes]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with server("portal.wsgi:application") as portal, server("tests.benchmarks.floor:application") as floor:
        rows = [measure(portal, floor, fixture, options.rounds) for fixture in fixtures]
    print(f"\npages of {LIMIT} groups as a fragment; medians in ms")
    print("| database | groups | first | last | last/first | floor | first/floor | last/floor | KB |")
    print("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
