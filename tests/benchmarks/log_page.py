"""Measure the log page over HTTP: first, middle and last page of a long log.

    SECRET_KEY=… ALLOW_HTTP=true DATABASE_URL=… python -m tests.benchmarks.log_page --sizes 10000 1000000

The database must be empty or an earlier run's; it is migrated and filled. Figures are medians of interleaved calls.
"""

import argparse
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlencode

import requests
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from portal.directory.ids import first_uuid7, public_id
from portal.directory.scim.log import ScimOutcome, ScimRequestFilter
from portal.embedded import models
from portal.embedded.database.keyset import Keyset
from portal.web.session_cookie import cookie_name
from tests import factories
from tests.benchmarks.groups_page import BATCH, LIMIT, medians, server

USERS = 1000
# Every tenth request failed.
FAILED_EVERY = 10
BODY = '{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":true}}]}'
START = datetime(2026, 1, 1, tzinfo=UTC)
FILTERS = {
    "all": ScimRequestFilter(),
    "refused": ScimRequestFilter(outcome=ScimOutcome.FAILED),
}


@dataclass(frozen=True, slots=True)
class Fixture:
    """An organization with a log of `size` requests, and its signed-in admin."""

    slug: str
    size: int
    connection: models.ScimConnectionRow
    session_token: str


def prepare(size: int) -> Fixture:
    """Return the organization with that many requests, created if it doesn't exist."""
    slug = f"log-{size}"
    organization = models.OrganizationRow.objects.filter(slug=slug).first() or factories.organization(slug)
    scim = organization.scim_connections.first() or factories.scim_connection(organization)
    users = list(scim.users.all()) or [factories.scim_user(scim, f"user{n}@acme.example") for n in range(USERS)]
    for start in range(scim.requests.count(), size, BATCH):
        models.ScimRequestRow.objects.bulk_create(logged_requests(scim, users, range(start, min(start + BATCH, size))))
    member = organization.members.first() or factories.member(organization, "ada@acme.example", roles=["stytch_admin"])
    models.MemberSessionRow.objects.filter(member=member).update(expires_at=timezone.now() + timedelta(hours=1))
    return Fixture(slug, size, scim, factories.session_token(member))


def logged_requests(
    scim: models.ScimConnectionRow, users: list[models.ScimUserRow], numbers: range
) -> Iterator[models.ScimRequestRow]:
    """Yield a request per second, each about one of the users."""
    for number in numbers:
        at = START + timedelta(seconds=number)
        user_id = public_id("scim-user", users[number % len(users)].pk)
        has_failed = number % FAILED_EVERY == 0
        yield models.ScimRequestRow(
            id=uuid.UUID(int=first_uuid7(at).int + int.from_bytes(os.urandom(7), "big")),
            organization_id=scim.organization_id,
            connection=scim,
            at=at,
            method="PATCH",
            path=f"/Users/{user_id}",
            status=409 if has_failed else 200,
            detail="Make someone else an admin first." if has_failed else "",
            duration_ms=5,
            resource_type="User",
            resource_id=user_id,
            changed_attributes=[] if has_failed else ["active"],
            body=BODY,
            token_last_four="x9Qe",
            ip_address="203.0.113.9",
            user_agent="Okta SCIM Client 1.0.0",
            request_id="request-id-live-019b76da-0000-7000-8000-000000000000",
        )


def cursor(scim: models.ScimConnectionRow, wanted: ScimRequestFilter, place: float) -> str:
    """Return the cursor of a page at a relative position in the list; 1 is the last page."""
    keys = scim.requests.order_by("pk").values_list("pk", flat=True)
    if wanted.outcome:
        keys = keys.filter(status__gte=400)
    rest = max(LIMIT, int(keys.count() * (1 - place)))
    return Keyset("scim-requests", scim.organization_id, scim.pk, wanted).cursor(keys[rest : rest + 1][0])


def measure(portal: str, fixture: Fixture, name: str, rounds: int) -> str:
    """Return a row of the table."""
    client, htmx = requests.Session(), {"HX-Request": "true", "HX-Target": "log"}
    client.cookies.set(cookie_name(fixture.slug), fixture.session_token)
    wanted = FILTERS[name]
    chosen = {"outcome": wanted.outcome} if wanted.outcome else {}
    page = f"{portal}/o/{fixture.slug}/scim/log/"

    def at(place: float) -> dict[str, str]:
        return {"limit": str(LIMIT), **chosen, "cursor": cursor(fixture.connection, wanted, place)}

    urls = {
        "first": f"{page}?{urlencode({'limit': str(LIMIT), **chosen})}",
        "middle": f"{page}?{urlencode(at(0.5))}",
        "last": f"{page}?{urlencode(at(1))}",
    }
    for url in urls.values():
        rows = client.get(url, headers=htmx).text.count("<tr>") - 1
        if rows != LIMIT:
            raise ValueError(f"{url} has {rows} rows")
    figures = medians({one: partial(client.get, url, headers=htmx) for one, url in urls.items()}, rounds)
    return (
        f"| {connection.vendor} | {fixture.size:,} | {name} | {figures['first']:.2f} | {figures['middle']:.2f} "
        f"| {figures['last']:.2f} | {figures['middle'] / figures['first']:.2f} | {figures['last'] / figures['first']:.2f} |"
    )


def main() -> None:
    """Fill the database, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    fixtures = [prepare(size) for size in options.sizes]
    with connection.cursor() as statements:
        statements.execute("ANALYZE")
    with server("portal.wsgi:application") as portal:
        rows = [measure(portal, fixture, name, options.rounds) for fixture in fixtures for name in FILTERS]
    print(f"\npages of {LIMIT} requests as a fragment; medians in ms")
    print("| database | requests | which | first | middle | last | middle/first | last/first |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
