"""The demo's identity provider: it sends the synthetic company over HTTP, with the same requests as Okta."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.core.management.base import CommandError

from portal.embedded.management.synthetic_company import Employee, Group, employees, groups
from portal.outbound.client import request_own_server
from portal.outbound.policy import Limits

_BATCH = 100  # members in one PATCH, as Okta sends them
_LIMITS = Limits(seconds=30, max_bytes=8_388_608)
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What to send, and where to."""

    base_url: str
    bearer_token: str = field(repr=False)
    users: int = 0
    groups: int = 0


def provision(plan: Provisioning, progress: Callable[[int, int], None]) -> None:
    """Create the users and groups that don't exist yet. Raise CommandError or OutboundError if a request fails."""
    total = plan.users + plan.groups
    client = _Client(plan.base_url, plan.bearer_token)
    ids: dict[Employee, str] = {}
    for done, employee in enumerate(employees(plan.users), 1):
        ids[employee] = client.find_or_create("Users", "userName", _user_document(employee))
        progress(done, total)
    for done, group in enumerate(groups(plan.groups), plan.users + 1):
        client.push_group(group, [ids[employee] for employee in ids if group.has(employee)])
        progress(done, total)


@dataclass(frozen=True, slots=True)
class _Client:
    base_url: str
    bearer_token: str = field(repr=False)

    def find_or_create(self, resource: str, attribute: str, document: dict[str, Any]) -> str:
        """Find a resource by name, as IdPs do before they create one, and return its ID."""
        query = urlencode({"filter": f'{attribute} eq "{document[attribute]}"'})
        found = self.request("GET", f"{resource}?{query}")
        resources = found["Resources"] if found["totalResults"] else []
        return str((resources[0] if resources else self.request("POST", resource, document))["id"])

    def push_group(self, group: Group, members: list[str]) -> None:
        """Create the group, then send its members in batches."""
        group_id = self.find_or_create(
            "Groups", "displayName", {"schemas": [_GROUP], "displayName": group.display_name}
        )
        for batch in _batches(members):
            operation = {"op": "add", "path": "members", "value": [{"value": member} for member in batch]}
            self.request("PATCH", f"Groups/{group_id}", {"schemas": [_PATCH], "Operations": [operation]})

    def request(self, method: str, path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one SCIM request and return its body. Retry after 429, as IdPs do."""
        response = request_own_server(
            method,
            f"{self.base_url}/{path}",
            headers={"Authorization": f"Bearer {self.bearer_token}", "Content-Type": "application/scim+json"},
            body=msgspec.json.encode(document) if document else None,
            limits=_LIMITS,
        )
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            time.sleep(int(response.headers["Retry-After"]))
            return self.request(method, path, document)
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise CommandError(f"{method} {path} failed with status {response.status}: {response.body[:500]!r}")
        body: dict[str, Any] = msgspec.json.decode(response.body) if response.body else {}
        return body


def _batches(values: list[str]) -> Iterator[Iterable[str]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]


def _user_document(employee: Employee) -> dict[str, Any]:
    return {
        "schemas": [_USER, _ENTERPRISE],
        "userName": employee.user_name,
        "externalId": f"00u{employee.number:017}",
        "active": True,
        "displayName": f"{employee.given_name} {employee.family_name}",
        "name": {"givenName": employee.given_name, "familyName": employee.family_name},
        "title": employee.title,
        "emails": [{"value": employee.user_name, "type": "work", "primary": True}],
        "addresses": [{"type": "work", "locality": employee.site}],
        _ENTERPRISE: {"department": employee.department},
    }
