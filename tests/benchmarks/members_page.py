"""Measure the list of members over HTTP: first and last page, searches, every filter, the export and the numbers on Home.

    SECRET_KEY=… ALLOW_HTTP=true DATABASE_URL=… python -m tests.benchmarks.members_page --sizes 100000 1000000

The database must be empty or an earlier run's; it is migrated and filled. Figures are ratios to the first page of the same
organization: medians of interleaved requests.
"""

import argparse
import contextlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import requests
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from portal.directory.members import MemberFilter
from portal.embedded import models
from portal.embedded.counts import count_organization
from portal.embedded.database.keyset import Keyset
from portal.embedded.database.time_limit import TimeLimitReached
from portal.web.session_cookie import cookie_name
from tests import factories
from tests.benchmarks.groups_page import BATCH, server

LIMIT = 50
# One member in a hundred is invited, one deactivated, one has a passkey, one an authenticator app; one in a thousand is managed.
_COLUMNS = {
    "email_address": "'mail' || n || '@corp.example'",
    "email_address_folded": "'mail' || n || '@corp.example'",
    "name": "'Given' || n % 977 || ' Family' || n",
    "status": "CASE n % 100 WHEN 1 THEN 'invited' WHEN 2 THEN 'deleted' ELSE 'active' END",
    "password": "CASE n % 2 WHEN 0 THEN '' ELSE 'unusable' END",
    "passkey_count": "CASE n % 100 WHEN 3 THEN 1 ELSE 0 END",
    "direct_roles": "'[]'",
}
_FILL = {
    "postgresql": "INSERT INTO directory_member ({names}) SELECT {values} FROM generate_series(%s::int, %s::int - 1) n",
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT %s UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < %s)"
    " INSERT INTO directory_member ({names}) SELECT {values} FROM numbers",
}
_KEY = {"postgresql": "gen_random_uuid()", "sqlite": "lower(hex(randomblob(16)))"}
_JSON = {"postgresql": "::jsonb", "sqlite": ""}
_LIST = {"HX-Request": "true", "HX-Target": "members"}
# What is typed or chosen. The rare ones are the last members of the list.
_SEARCHES = {
    "search: one name": "q=Family{last}",
    "search: one address": "q=mail{last}@",
    "search: one in 977 names": "q=Given555",
    "search: one in nine names": "q=Given5",
    "search: every name": "q=Family",
    "search: every address": "q=corp.example",
    "search: nobody": "q=Nobodyatall",
}
_FILTERS = {
    "filter: active": "state=active",
    "filter: invited": "state=invited",
    "filter: deactivated": "state=deactivated",
    "filter: a role of one": "role=stytch_admin",
    "filter: managed, one in 1,000": "managed=yes",
    "filter: not managed": "managed=no",
    "filter: with a password": "method=password",
    "filter: with a passkey": "method=passkey",
    "filter: with neither": "method=none",
    "filter: second factor": "mfa=yes",
    "filter: no second factor": "mfa=no",
    "filter: nobody, invited with a passkey": "state=invited&method=passkey",
}
_ROUNDS_OF_SLOW = 5


@dataclass(frozen=True, slots=True)
class Fixture:
    """An organization with so many members, and its signed-in admin."""

    organization: models.OrganizationRow
    size: int
    session_token: str


def prepare(size: int) -> Fixture:
    """Return the organization with that many members. Create what is missing."""
    slug = f"members-{size}"
    organization = models.OrganizationRow.objects.filter(slug=slug).first() or factories.organization(slug)
    if not organization.members.exists():
        fill(organization, size)
    admins = organization.members.filter(email_address="ada@corp.example")
    admin = admins.first() or factories.member(organization, "ada@corp.example", roles=["stytch_admin"])
    models.MemberSessionRow.objects.filter(member=admin).update(expires_at=timezone.now() + timedelta(hours=1))
    return Fixture(organization, size, factories.session_token(admin))


def fill(organization: models.OrganizationRow, size: int) -> None:
    """Create the members with SQL, and a connection that manages some of them."""
    vendor, now = connection.vendor, timezone.now()
    values = {"id": _KEY[vendor], **_COLUMNS, "direct_roles": f"'[]'{_JSON[vendor]}"}
    names = [*values, "organization_id", "created_at", "updated_at"]
    given = ", ".join([*values.values(), "%s", "%s", "%s"]).replace("% ", "%% ")
    key = organization.pk if vendor == "postgresql" else organization.pk.hex
    statement, columns = _FILL[vendor].format(names=", ".join(names), values=given), [key, now, now]
    for start in range(0, size, BATCH):
        numbers = [start, min(start + BATCH, size)]
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [*columns, *numbers] if vendor == "postgresql" else [*numbers, *columns])
    scim = factories.scim_connection(organization, bearer_token=f"scim_{organization.slug}")
    managed = organization.members.filter(status="active", email_address__endswith="500@corp.example")
    for member in managed.iterator():
        factories.scim_user(scim, member.email_address, member=member)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if vendor == "postgresql" else "ANALYZE")
    with contextlib.suppress(TimeLimitReached):
        count_organization(organization.pk)


def last_page(fixture: Fixture) -> str:
    """Return the cursor of the last page."""
    listed = models.MemberRow.objects.filter(organization=fixture.organization).exclude(status="deleted")
    email_address, key = listed.order_by("-email_address_folded").values_list("email_address_folded", "pk")[LIMIT]
    return Keyset("members", fixture.organization.pk, MemberFilter()).cursor([email_address, str(key)])


def ratios(first: Callable[[], object], others: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return how many times longer than the first page each request takes. They take turns with it."""
    found = {}
    for name, request in others.items():
        taken: tuple[list[float], list[float]] = ([], [])
        for turn in range(rounds + 1):
            for times, one in zip(taken, (first, request), strict=True):
                started = time.perf_counter()
                one()
                # The first one only warms the caches.
                times.extend([time.perf_counter() - started] * bool(turn))
            if sum(taken[1]) > _ROUNDS_OF_SLOW:
                break
        found[name] = statistics.median(taken[1]) / statistics.median(taken[0])
    return found


def pss(pid: int) -> float:
    """Return the proportional memory of a process and its children, in MB (Linux)."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return own / 1024 + sum(pss(int(child)) for child in children)


def measure(portal: str, fixture: Fixture, rounds: int) -> dict[str, float]:
    """Return the ratios of an organization."""
    client = requests.Session()
    client.cookies.set(cookie_name(fixture.organization.slug), fixture.session_token)
    home = f"{portal}/o/{fixture.organization.slug}/"
    page = f"{home}members/?limit={LIMIT}"

    def get(url: str, **headers: str) -> Callable[[], object]:
        return lambda: client.get(url, headers=headers).raise_for_status()

    last = next(n for n in range(fixture.size - 1, 0, -1) if n % 100 > 2)
    asked = {name: query.format(last=last) for name, query in (_SEARCHES | _FILTERS).items()}
    others = {"last page": get(f"{page}&cursor={last_page(fixture)}", **_LIST)}
    others |= {name: get(f"{page}&{query}", **_LIST) for name, query in asked.items()}
    others["Home"] = get(home)
    return ratios(get(page, **_LIST), others, rounds)


def export(portal: str, fixture: Fixture) -> str:
    """Download the whole list, and say how many rows it has a second."""
    client = requests.Session()
    client.cookies.set(cookie_name(fixture.organization.slug), fixture.session_token)
    list_url = f"{portal}/o/{fixture.organization.slug}/members/"
    client.get(list_url).raise_for_status()
    data = {"file_format": "csv", "csrfmiddlewaretoken": client.cookies.get("csrftoken", "")}
    started, number = time.perf_counter(), 0
    with client.post(f"{list_url}export/", data=data, headers={"Referer": list_url}, stream=True) as answer:
        answer.raise_for_status()
        for chunk in answer.iter_content(65536):
            number += chunk.count(b"\n")
    return f"export of {number:,} lines: {number / (time.perf_counter() - started):,.0f} a second"


def main() -> None:
    """Fill the database, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--export", action="store_true", help="measure the export of the largest, too")
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    fixtures = [prepare(size) for size in options.sizes]
    with server("portal.wsgi:application") as portal:
        measured = [measure(portal, fixture, options.rounds) for fixture in fixtures]
        if options.export:
            print(export(portal, fixtures[-1]))
    print(f"\npages of {LIMIT} members as a fragment; times the first page; {connection.vendor}")
    print("| what |" + "".join(f" {one.size:,} |" for one in fixtures))
    print("|---|" + "---|" * len(fixtures))
    for name in measured[0]:
        print(f"| {name} |" + "".join(f" {one[name]:.2f} |" for one in measured))


if __name__ == "__main__":
    main()
