"""Measure what identity providers do most over HTTP, in a small and in a large organization, beside a floor of one query.

    SECRET_KEY=… ALLOW_HTTP=true DATABASE_URL=… python -m tests.benchmarks.scim_shapes --sizes 1000 100000

The database must be empty or an earlier run's; it is migrated and filled. Figures are medians of interleaved calls. What
counts are the ratios: to the floor, and of the largest to the smallest, which should be near one.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import requests
from django.core.management import call_command
from django.db import connection as database

from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.scim.protocol.pagination import ListQuery, list_keyset
from tests import factories
from tests.benchmarks.groups_page import medians, server
from tests.benchmarks.scim_target import group, insert, member, user

PAGE = 100
SPARE = 2_000  # users who join groups and are deactivated
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
_NEW = count()


@dataclass
class Company:
    """A connection with that many users and groups, and a client for it."""

    size: int
    scim: models.ScimConnectionRow
    groups: dict[int, str]  # by the number of their members
    spare: Iterator[str]
    client: requests.Session = field(default_factory=requests.Session)
    base_url: str = ""

    def get(self, path: str, **query: str | int) -> requests.Response:
        """Read."""
        return self.client.get(f"{self.base_url}{path}", params=query)

    def send(self, method: str, path: str, body: dict[str, Any]) -> requests.Response:
        """Write."""
        return self.client.request(method, f"{self.base_url}{path}", json=body)

    def patch(self, path: str, op: str, attribute: str, value: Any) -> requests.Response:
        """Change one attribute."""
        operation = {"op": op, "path": attribute, "value": value}
        return self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": [operation]})


def prepare(size: int) -> Company:
    """Return a new connection with that many users and groups. Earlier measurements changed the previous one."""
    slug, token = f"shapes-{size}-{os.getpid()}", f"scim_shapes-{size}-{os.getpid()}"
    scim = factories.scim_connection(factories.organization(slug), bearer_token=token)
    rows = [user(scim, n) for n in range(size + SPARE)]
    insert(models.MemberRow, (row.member for row in rows if row.member))
    keys = [row.pk for row in insert(models.ScimUserRow, iter(rows))]
    sizes = [members for members in (100, 1_000, 10_000, 100_000) if members <= size]
    insert(models.ScimGroupRow, (group(scim, n, 0) for n in range(size - len(sizes))))
    large = insert(models.ScimGroupRow, (group(scim, size + n, members) for n, members in enumerate(sizes)))
    for row, members in zip(large, sizes, strict=True):
        insert(models.ScimMembershipRow, (member(row, key) for key in keys[:members]))
    groups = {members: public_id("scim-group", row.pk) for row, members in zip(large, sizes, strict=True)}
    company = Company(size, scim, groups, (public_id("scim-user", key) for key in keys[size:]))
    company.client.headers["Authorization"] = f"Bearer {token}"
    return company


def reads(company: Company) -> dict[str, Callable[[], requests.Response]]:
    """Return the look-ups, and the first and the last page by index and by cursor."""
    middle, last = company.size // 2, company.size - PAGE
    keys = company.scim.groups.order_by("pk").values_list("pk", flat=True)
    cursor = list_keyset(ListQuery(count=PAGE), company.scim.pk, "Group").cursor([str(keys[last - 1]), None])
    page: dict[str, Any] = {"count": PAGE, "excludedAttributes": "members"}
    named = f'displayName eq "Group {middle:07d}"'
    return {
        "userName eq": lambda: company.get("/Users", filter=f'userName eq "user{middle:07d}@bench.example"'),
        "emails eq": lambda: company.get("/Users", filter=f'emails eq "user{middle:07d}@bench.example"'),
        "displayName eq": lambda: company.get("/Groups", filter=named, excludedAttributes="members"),
        "first page by index": lambda: company.get("/Groups", **page),
        "last page by index": lambda: company.get("/Groups", **page, startIndex=last + 1),
        "first page by cursor": lambda: company.get("/Groups", **page, cursor=""),
        "last page by cursor": lambda: company.get("/Groups", **page, cursor=cursor),
    }


def writes(company: Company) -> dict[str, Callable[[], requests.Response]]:
    """Return what changes people."""

    def new_user() -> dict[str, Any]:
        name = f"new{next(_NEW)}@bench.example"
        return {"userName": name, "emails": [{"value": name, "type": "work"}]}

    def bulk() -> dict[str, Any]:
        operations = [{"method": "POST", "path": "/Users", "bulkId": str(n), "data": new_user()} for n in range(100)]
        return {"schemas": [BULK], "Operations": operations}

    return {
        "create": lambda: company.send("POST", "/Users", new_user()),
        "create 100 in bulk": lambda: company.send("POST", "/Bulk", bulk()),
        "deactivate": lambda: company.patch(f"/Users/{next(company.spare)}", "replace", "active", value=False),
    }


def groups(company: Company) -> dict[str, Callable[[], requests.Response]]:
    """Return what is done with groups of each size."""
    requests_by_name: dict[str, Callable[[], requests.Response]] = {}
    for size, key in company.groups.items():
        path = f"/Groups/{key}"
        requests_by_name[f"add one member to {size:,}"] = lambda path=path: company.patch(  # type: ignore[misc]
            path, "add", "members", [{"value": next(company.spare)}]
        )
        requests_by_name[f"group of {size:,} with its members"] = lambda path=path: company.get(path)  # type: ignore[misc]
        requests_by_name[f"group of {size:,} without its members"] = lambda path=path: company.get(
            path, excludedAttributes="members"
        )  # type: ignore[misc]
    return requests_by_name


def read_all(company: Company, **first: str | int) -> list[str]:
    """Return the id of every group, page by page, by cursor or by index."""
    found: list[str] = []
    query: dict[str, str | int] = {"count": PAGE, "excludedAttributes": "members", **first}
    while True:
        answer = company.get("/Groups", **query).json()
        found += [one["id"] for one in answer["Resources"]]
        if "cursor" in query:
            query["cursor"] = answer.get("nextCursor", "")
        else:
            query["startIndex"] = len(found) + 1
        if not query.get("cursor", answer["Resources"]):
            return found


def check_paging(company: Company) -> None:
    """Fail unless both ways of paging give every group once, in one order."""
    everyone = [public_id("scim-group", key) for key in company.scim.groups.order_by("pk").values_list("pk", flat=True)]
    for first in ({"cursor": ""}, {"startIndex": 1}):
        if read_all(company, **first) != everyone:
            raise SystemExit(f"{company.size:,} groups are not listed once each in order with {first}")


def row(name: str, figures: list[float], floor: float) -> str:
    """Return a line of the table: the request in each organization, over the floor, and the largest over the smallest."""
    shown = " | ".join(f"{one:.2f}" for one in figures)
    return f"| {name} | {shown} | {figures[-1] / floor:.2f} | {figures[-1] / figures[0]:.2f} |"


def report(companies: Sequence[Company], found: Mapping[str, float]) -> None:
    """Print the tables."""
    print(f"\nmedians in ms; pages of {PAGE} groups; the floor takes {found['floor']:.2f}; {database.vendor}")
    print("| request | " + " | ".join(f"{c.size:,}" for c in companies) + " | /floor | largest/smallest |")
    print("|---|" + "---|" * (len(companies) + 2))
    for name in reads(companies[-1]) | writes(companies[-1]):
        print(row(name, [found[f"{name} in {c.size}"] for c in companies], found["floor"]))
    print("\n| request | ms | /floor | of the smallest |\n|---|---|---|---|")
    for kind in ("add one member to", "without its members", "with its members"):
        names = [name for name in found if kind in name]
        for name in names:
            print(
                f"| {name} | {found[name]:.2f} | {found[name] / found['floor']:.2f} | {found[name] / found[names[0]]:.2f} |"
            )


def main() -> None:
    """Fill the database, measure, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000])
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    companies = [prepare(size) for size in sorted(options.sizes)]
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    largest = companies[-1]
    scope = {"organization": str(largest.scim.organization_id), "connection": str(largest.scim.pk), "limit": "1"}
    bare = requests.Session()
    with server("portal.wsgi:application") as portal, server("tests.benchmarks.floor:application") as floor:
        for company in companies:
            company.base_url = f"{portal}/v1/b2b/scim/{public_id('scim-connection', company.scim.pk)}"
            check_paging(company)
        requests_by_name = {"floor": lambda: bare.get(f"{floor}/groups", params=scope)}
        requests_by_name |= {
            f"{name} in {c.size}": call for c in companies for name, call in (reads(c) | writes(c)).items()
        }
        requests_by_name |= groups(largest)
        found = medians(requests_by_name, options.rounds)
    report(companies, found)


if __name__ == "__main__":
    main()
