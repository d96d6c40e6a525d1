"""What was acknowledged to clients, compared with what the database has."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

from tests.benchmarks.drill.journal import Journal
from tests.benchmarks.drill.postgresql import DATABASE, Server

Key = tuple[str, str, str]
_USERS = """
SELECT u.id::text, u.external_id, u.display_name, u.active, m.status
FROM directory_scimuser u LEFT JOIN directory_member m ON m.id = u.member_id AND m.organization_id = u.organization_id
"""
_GROUPS = """
SELECT g.id::text, g.external_id, g.display_name, g.member_count,
       (SELECT count(*) FROM directory_scimmembership s WHERE s.group_id = g.id)
FROM directory_scimgroup g
"""
_ACTIVITY = "SELECT action, target_id, after FROM directory_activityentry"
_CREATIONS, _UPDATES = {"scim_user.create", "scim_group.create"}, {"scim_user.update", "scim_group.update"}
_REQUESTS = "SELECT request_id FROM directory_scimrequest"


@dataclass(slots=True)
class Comparison:
    """Each difference in words."""

    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    half_written: list[str] = field(default_factory=list)
    # Emails that were sent twice: the worker was killed, or lost the database, between sending one and storing that it did.
    repeated: list[str] = field(default_factory=list)
    # Entries of the request log that a killed process hadn't written yet: docs/operate.md says so.
    not_logged: int = 0


def compare(journal: Journal, server: Server, emails: Path) -> Comparison:
    """Compare the journal with a server's database and a folder of sent emails."""
    found = Comparison()
    users, groups = server.execute(_USERS, database=DATABASE), server.execute(_GROUPS, database=DATABASE)
    activity = server.execute(_ACTIVITY, database=DATABASE)
    sent = sent_emails(emails)
    stored = _stored(users, groups) | {("Emails", address, "sent"): True for address in sent}
    acknowledged, possible, requests = _expected(journal)
    for key, value in acknowledged.items():
        found.acknowledged += 1
        if key not in stored or stored[key] not in possible[key]:
            found.lost.append(f"{' '.join(key)}: acknowledged {value!r}, stored {stored.get(key)!r}")
    found.lost += _lost_activity(journal, activity)
    found.repeated += [f"{address}: {n} emails" for address, n in sent.items() if n > 1]
    found.half_written += [*_half_written(users, groups), *_not_once(users, groups, activity)]
    logged = {request for (request,) in server.execute(_REQUESTS, database=DATABASE)}
    found.not_logged = len(requests - logged)
    return found


def sent_emails(folder: Path) -> "Counter[str]":
    """Return how many emails each address got. A file that a killed worker left unfinished is none."""
    emails = (message_from_bytes(path.read_bytes()) for path in folder.glob("*"))
    return Counter(str(email["To"]) for email in emails if "/sign-in/link/?token=" in str(email.get_payload()))


def _stored(users: list[Any], groups: list[Any]) -> dict[Key, Any]:
    stored: dict[Key, Any] = {}
    for endpoint, kind, rows in (("Users", "scim-user", users), ("Groups", "scim-group", groups)):
        for row in rows:
            key = f"{kind}-live-{row[0]}"
            stored[endpoint, row[1], "create"] = key
            stored[endpoint, key, "displayName"] = row[2]
            stored[endpoint, key, "active"] = row[3]
    return stored


def _expected(journal: Journal) -> tuple[dict[Key, Any], dict[Key, list[Any]], set[str]]:
    """Return the last acknowledged value of each attribute, what it can be, and the ids of acknowledged requests.

    A value that was sent later and not acknowledged can be stored too.
    """
    acknowledged: dict[Key, Any] = {}
    possible: dict[Key, list[Any]] = defaultdict(list)
    requests = set()
    for entry in journal.entries():
        key = entry["endpoint"], entry["key"], entry["attribute"]
        if entry["is_acknowledged"]:
            acknowledged[key] = entry["value"]
            possible[key] = [entry["value"]]
            requests |= {entry["request_id"]} - {""}
        else:
            possible[key].append(entry["value"])
    return acknowledged, possible, requests


def _lost_activity(journal: Journal, activity: list[Any]) -> Iterator[str]:
    """Yield each acknowledged write that the activity log doesn't have."""
    known = {(target, name, _text(value)) for _, target, after in activity for name, value in after.items()}
    created = {target for action, target, _ in activity if action.endswith(".create")}
    for entry in journal.entries():
        if entry["is_acknowledged"] and entry["endpoint"] != "Emails":
            name, value = entry["attribute"], entry["value"]
            is_known = value in created if name == "create" else (entry["key"], name, _text(value)) in known
            if not is_known:
                yield f"{entry['endpoint']} {entry['key']}: {name} {value!r} isn't in the activity log"


def _half_written(users: list[Any], groups: list[Any]) -> Iterator[str]:
    """Yield each row that contradicts another one."""
    for key, external_id, _, is_active, status in users:
        if (status == "active") != is_active:
            yield f"user {key} {external_id}: active {is_active}, member {status}"
    for key, external_id, _, number, count in groups:
        if not number == count == 1:
            yield f"group {key} {external_id}: {number} members, {count} memberships"


def _not_once(users: list[Any], groups: list[Any], activity: list[Any]) -> Iterator[str]:
    """Yield each resource and each change that exists twice, or in the activity log only, or not there."""
    for endpoint, rows in (("Users", users), ("Groups", groups)):
        yield from (f"{endpoint} {name}: {n} times" for name, n in Counter(row[1] for row in rows).items() if n > 1)
    stored = {f"scim-user-live-{row[0]}" for row in users} | {f"scim-group-live-{row[0]}" for row in groups}
    created = Counter(target for action, target, _ in activity if action in _CREATIONS)
    yield from (f"{target}: in the activity log or the directory, not in both" for target in stored ^ set(created))
    # Each value is sent for one change only, so a second entry would be a second effect.
    changed = Counter(
        (target, name, _text(value))
        for action, target, after in activity
        if action in _UPDATES
        for name, value in after.items()
    )
    entries: Iterable[tuple[Any, int]] = (*created.items(), *changed.items())
    yield from (f"{entry}: {n} entries in the activity log" for entry, n in entries if n > 1)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
