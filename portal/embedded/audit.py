"""Write the activity log. Each change calls `record()` inside its own transaction."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Required, TypedDict, Unpack
from uuid import UUID

from django.utils import timezone

from portal.directory.actor import Actor, Origin
from portal.directory.ids import public_id, uuid7
from portal.embedded.database.writes import Writes
from portal.embedded.models import ActivityEntryRow, OrganizationRow
from portal.embedded.models.activity import PROJECT

# A row of the log as values by column: cheaper than an object for each entry.
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a change, and where the request comes from."""

    actor: Actor
    origin: Origin


class Change(TypedDict, total=False):
    """The change that an entry describes. `before` and `after` hold the changed fields, never a secret.

    The project's own changes have no organization.
    """

    organization_id: Required[UUID | None]
    target_id: Required[str]
    target_name: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def record(caller: Caller, action: str, **change: Unpack[Change]) -> UUID:
    """Write one entry, and return its primary key. `action` is `noun.verb`."""
    written = entry(caller, action, **change)
    record_all([written])
    key: UUID = written["id"]
    return key


def record_organization(
    caller: Caller, action: str, row: OrganizationRow, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Write an entry about an organization itself."""
    record(
        caller,
        action,
        organization_id=row.pk,
        target_id=public_id("organization", row.pk),
        target_name=row.name,
        before=before,
        after=after,
    )


def record_all(entries: Iterable[Entry]) -> None:
    """Write several entries in one query."""
    writes = Writes()
    add(writes, *entries)
    writes.send()


def add(writes: Writes, *entries: Entry) -> None:
    """Add entries to the writes of the change that they describe."""
    writes.insert_values(ActivityEntryRow, entries)


def entry(caller: Caller, action: str, **change: Unpack[Change]) -> Entry:
    """Return an entry. `action` is `noun.verb`."""
    return {
        "id": uuid7(),
        "organization_id": change["organization_id"] or PROJECT,
        "at": timezone.now(),
        "actor_type": caller.actor.type,
        "actor_id": caller.actor.id,
        "actor_name": caller.actor.name[:256],
        "on_behalf_of": caller.actor.on_behalf_of,
        "action": action,
        "target_id": change["target_id"],
        "target_name": change.get("target_name", "")[:256],
        "before": change.get("before", {}),
        "after": change.get("after", {}),
        "ip_address": caller.origin.ip_address,
        "user_agent": caller.origin.user_agent,
        "request_id": caller.origin.request_id,
    }
