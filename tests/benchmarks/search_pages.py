"""Measure searches among 100,000 users and as many groups, through the directory: medians, in milliseconds.

    SECRET_KEY=… ALLOW_HTTP=true DATABASE_URL=… python -m tests.benchmarks.search_pages

The database must be empty or an earlier run's; it is migrated and filled.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from portal.directories import directories
from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.sessions.lifecycle import start_session
from tests import factories

NUMBER, BATCH, TIMES = 100_000, 5_000, 5
USERS = ("", "given1", "family099999", "mail050000", "nobody", "given5 family", "corp.example")
GROUPS = ("", "company", "099999", "nobody")


def fill() -> models.ScimConnectionRow:
    """Return a connection with the users and groups. Create what is missing."""
    organization = models.OrganizationRow.objects.filter(slug="search").first() or factories.organization("search")
    scim = organization.scim_connections.first() or factories.scim_connection(organization)
    for start in range(scim.groups.count(), NUMBER, BATCH):
        with transaction.atomic():
            members = models.MemberRow.objects.bulk_create(
                models.MemberRow(organization=organization, email_address=f"mail{n:06}@corp.example")
                for n in range(start, start + BATCH)
            )
            models.ScimUserRow.objects.bulk_create(
                user(scim, member, n) for n, member in enumerate(members, start=start)
            )
            factories.scim_groups(scim, [f"Group {n:06} of the company" for n in range(start, start + BATCH)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return scim


def user(scim: models.ScimConnectionRow, member: models.MemberRow, n: int) -> models.ScimUserRow:
    """Return a user with a document of typical size."""
    user_name, name = f"u{n:06}@corp.example", f"Given{n % 977} Family{n:06}"
    emails = [{"value": member.email_address, "type": "work", "primary": True}]
    document = {"userName": user_name, "displayName": name, "emails": emails, "title": "Engineer of something long"}
    return models.ScimUserRow(
        organization_id=scim.organization_id,
        connection=scim,
        member=member,
        user_name=user_name,
        display_name=name,
        document=document,
        search=document,
        updated_at=timezone.now(),
    )


def median(call: Callable[[], object]) -> float:
    """Return the median time of a function in milliseconds."""
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


def main() -> None:
    """Fill, measure and print."""
    call_command("migrate", verbosity=0)
    scim = fill()
    members = scim.organization.members
    admin = members.filter(direct_roles=["stytch_admin"]).first() or factories.member(
        scim.organization, "ada@search.example", roles=["stytch_admin"]
    )
    signed_in = start_session(admin, Origin(), password_entered_at=timezone.now())
    scim_gateway = directories().open("search", Origin()).acting_as(signed_in).scim
    users, groups = scim_gateway.users, scim_gateway.group_details
    assert users
    assert groups
    connection_id = public_id("scim-connection", scim.pk)
    for text in USERS:
        taken = median(partial(users.page, connection_id, search=text))
        print(f"{connection.vendor} users {text!r}: {taken:.0f} ms")
    for text in GROUPS:
        taken = median(partial(groups.search, connection_id, text))
        print(f"{connection.vendor} groups {text!r}: {taken:.0f} ms")


if __name__ == "__main__":
    main()
