"""The demo's identity provider: pushes the made-up company over HTTP, call by call as Okta does."""

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
    """What is pushed, and where to."""

    base_url: str
    bearer_token: str = field(repr=False)
    people: int = 0
    groups: int = 0


def provision(plan: Provisioning, progress: Callable[[int, int], None]) -> None:
    """Push people and groups, leaving alone what is there. Raises requests.HTTPError when a call is refused."""
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
        """Look a resource up by name, as IdPs do before they create, and return its id."""
        found = self.call("GET", resource, params={"filter": f'{attribute} eq "{document[attribute]}"'})
        resources = found["Resources"] if found["totalResults"] else []
        return str((resources[0] if resources else self.call("POST", resource, json=document))["id"])

    def push_group(self, group: Group, members: list[str]) -> None:
        """Create the group, then send its members in batches."""
        group_id = self.find_or_create(
            "Groups", "displayName", {"schemas": [_GROUP], "displayName": group.display_name}
        )
        for batch in _batches(members):
            operation = {"op": "add", "path": "members", "value": [{"value": member} for member in batch]}
            self.call("PATCH", f"Groups/{group_id}", json={"schemas": [_PATCH], "Operations": [operation]})

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """Make one SCIM call and return its body; a call that comes too early is made again, as IdPs do."""
        response = self.session.request(method, f"{self.base_url}/{path}", timeout=_SECONDS, **options)
        if response.status_code == requests.codes.too_many_requests:
            time.sleep(int(response.headers["Retry-After"]))
            return self.call(method, path, **options)
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
