"""The demo's identity provider: it sends the synthetic company over HTTP, with the same requests as Okta."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

from portal.embedded.management.synthetic_company import Group, Person, groups, people

_BATCH = 100  # members in one PATCH, as Okta sends them
_SECONDS = 30
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, slots=True)
class Provisioning:
    """What to send, and where to."""

    base_url: str
    bearer_token: str = field(repr=False)
    people: int = 0
    groups: int = 0


def provision(plan: Provisioning, progress: Callable[[int, int], None]) -> None:
    """Create the users and groups that don't exist yet. Raise requests.HTTPError if a request fails."""
    total = plan.people + plan.groups
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {plan.bearer_token}"
        session.headers["Content-Type"] = "application/scim+json"
        session.headers["User-Agent"] = "Gatehouse demo"
        client = _Client(session, plan.base_url)
        ids: dict[Person, str] = {}
        for done, person in enumerate(people(plan.people), 1):
            ids[person] = client.find_or_create("Users", "userName", _user_document(person))
            progress(done, total)
        for done, group in enumerate(groups(plan.groups), plan.people + 1):
            client.push_group(group, [ids[person] for person in ids if group.has(person)])
            progress(done, total)


@dataclass(frozen=True, slots=True)
class _Client:
    session: requests.Session
    base_url: str

    def find_or_create(self, resource: str, attribute: str, document: dict[str, Any]) -> str:
        """Find a resource by name, as IdPs do before they create one, and return its ID."""
        found = self.request("GET", resource, params={"filter": f'{attribute} eq "{document[attribute]}"'})
        resources = found["Resources"] if found["totalResults"] else []
        return str((resources[0] if resources else self.request("POST", resource, json=document))["id"])

    def push_group(self, group: Group, members: list[str]) -> None:
        """Create the group, then send its members in batches."""
        group_id = self.find_or_create(
            "Groups", "displayName", {"schemas": [_GROUP], "displayName": group.display_name}
        )
        for batch in _batches(members):
            operation = {"op": "add", "path": "members", "value": [{"value": member} for member in batch]}
            self.request("PATCH", f"Groups/{group_id}", json={"schemas": [_PATCH], "Operations": [operation]})

    def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Send one SCIM request and return its body. Retry after 429, as IdPs do."""
        response = self.session.request(method, f"{self.base_url}/{path}", timeout=_SECONDS, **options)
        if response.status_code == requests.codes.too_many_requests:
            time.sleep(int(response.headers["Retry-After"]))
            return self.request(method, path, **options)
        response.raise_for_status()
        body: dict[str, Any] = response.json() if response.content else {}
        return body


def _batches(values: list[str]) -> Iterator[Iterable[str]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]


def _user_document(person: Person) -> dict[str, Any]:
    return {
        "schemas": [_USER, _ENTERPRISE],
        "userName": person.user_name,
        "externalId": f"00u{person.number:017}",
        "active": True,
        "displayName": f"{person.given_name} {person.family_name}",
        "name": {"givenName": person.given_name, "familyName": person.family_name},
        "title": person.title,
        "emails": [{"value": person.user_name, "type": "work", "primary": True}],
        "addresses": [{"type": "work", "locality": person.site}],
        _ENTERPRISE: {"department": person.department},
    }
