"""What a refused call would do now: it is carried out in a transaction that is always rolled back.

So it meets the same rules as the call itself, and has no effect: what it would write is read before it is undone.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction
from django.http import QueryDict
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.errors import Conflict, Unavailable
from portal.directory.ids import first_uuid7, new_request_id, parse_id
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.log import FIRST_REFUSAL, ScimRefusal, ScimReplay, ScimReplayAttribute, ScimReplayChange
from portal.embedded import models
from portal.embedded.scim.log.redaction import masked_attributes, redacted_body, redacted_detail
from portal.embedded.scim.protocol import groups, users
from portal.embedded.scim.protocol.client import ScimClient, has_entra_flag
from portal.embedded.scim.protocol.errors import ScimError

_SECONDS = 5
_DONE = {"POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
_VERSION_MISMATCH = 412
# What the activity log says of a member, and of nobody in particular.
_OPEN = frozenset({"status", "roles"})
_MEMBERS = {"members_joined": "joining", "members_left": "leaving"}

Act = Callable[[ScimClient, str, Any], object]
_ACTS: Mapping[tuple[str, str], Act] = {
    ("Users", "POST"): lambda client, _, body: users.create_user(client, body),
    ("Users", "PUT"): users.replace_user,
    ("Users", "PATCH"): users.patch_user,
    ("Users", "DELETE"): lambda client, resource, _: users.delete_user(client, resource),
    ("Groups", "POST"): lambda client, _, body: groups.create_group(client, body),
    ("Groups", "PUT"): groups.replace_group,
    ("Groups", "PATCH"): groups.patch_group,
    ("Groups", "DELETE"): lambda client, resource, _: groups.delete_group(client, resource),
}


def obstacle(row: models.ScimRequestRow) -> str:
    """Return why a call cannot be tried again, "" where it can; the body need not be read for it."""
    endpoint, _, resource = row.path.strip("/").partition("/")
    if row.status < FIRST_REFUSAL:
        return "It succeeded, so there is nothing to try again."
    if row.refusal == ScimRefusal.PAUSED:
        return "It was refused because the connection was paused, before anybody looked at what it asked for."
    if row.refusal:
        return "It was refused for its token or its address, before anybody looked at what it asked for."
    if row.method not in _DONE:
        return "It only asks for something, and changes nothing."
    if (endpoint, row.method) not in _ACTS:
        return "Only calls that change one person or one group can be tried again."
    return _address_obstacle(row, endpoint, resource)


def _address_obstacle(row: models.ScimRequestRow, endpoint: str, resource: str) -> str:
    if (row.method == "POST") is bool(resource):
        return "Its address is wrong, so it would be refused as before."
    noun = "scim-user" if endpoint == "Users" else "scim-group"
    if resource and not parse_id(noun, resource).int:
        return "The id in its address is none of this connection, so it would be refused as before."
    if row.method == "PUT" and row.is_body_cut:
        return "It replaces everything, and the log has kept only the beginning of it."
    return ""


def replay(row: models.ScimRequestRow, origin: Origin) -> ScimReplay:
    """Return what a call would do now, and do nothing. Raises Conflict, Unavailable."""
    if why := obstacle(row):
        raise Conflict(why)
    body = _body(row)
    # What the call would write into the activity log is known by this.
    marked = replace(origin, request_id=new_request_id())
    client = ScimClient(_connection(row), marked, has_entra_flag=has_entra_flag(QueryDict(row.query)))
    refusal, changes = _carried_out(row, client, body)
    return ScimReplay(
        status=refusal.status if refusal else _DONE[row.method],
        scim_type=refusal.scim_type if refusal else "",
        detail=redacted_detail(refusal.detail) if refusal else "",
        changes=changes,
        masked_attributes=masked_attributes(body, about_groups=row.resource_type == "Group") if body else (),
        is_body_cut=row.is_body_cut,
        has_lost_its_version=row.status == _VERSION_MISMATCH,
    )


def _body(row: models.ScimRequestRow) -> dict[str, Any]:
    if row.method == "DELETE":
        return {}
    if not row.body:
        raise Conflict("Its body was not kept: it was refused before the body was read.")
    try:
        body: dict[str, Any] = json.loads(row.body)
    except ValueError:
        raise Conflict("Its body was too long to be kept as a whole.") from None
    return body


def _connection(row: models.ScimRequestRow) -> models.ScimConnectionRow:
    connections = models.ScimConnectionRow.objects.select_related("organization")
    found = connections.filter(
        pk=row.connection_id, organization_id=row.organization_id, status=ScimConnectionStatus.ACTIVE
    ).first()
    if found is None:
        raise Conflict("Its connection was deleted.")
    return found


def _carried_out(
    row: models.ScimRequestRow, client: ScimClient, body: dict[str, Any]
) -> tuple[ScimError | None, tuple[ScimReplayChange, ...]]:
    """Carry it out, look at what that would be, and undo it."""
    try:
        with transaction.atomic():
            try:
                return _tried(row, client, body)
            finally:
                # Whatever happened, nothing of it stays.
                transaction.set_rollback(True)
    except (OperationalError, IntegrityError):
        raise Unavailable("What the call is about is being changed right now. Try again in a moment.") from None


def _tried(
    row: models.ScimRequestRow, client: ScimClient, body: dict[str, Any]
) -> tuple[ScimError | None, tuple[ScimReplayChange, ...]]:
    started = first_uuid7(timezone.now())
    endpoint, _, resource = row.path.strip("/").partition("/")
    _be_brief()
    try:
        with transaction.atomic():
            _ACTS[endpoint, row.method](client, resource, body)
    except ScimError as error:
        # Its aftermath, which stores that somebody was refused, is left out: nobody was.
        return error, ()
    entries = models.ActivityEntryRow.objects.filter(organization_id=row.organization_id, pk__gte=started)
    written = entries.filter(request_id=client.origin.request_id).order_by("pk")
    return None, tuple(_change(entry) for entry in written)


def _be_brief() -> None:
    """Let nobody wait long for what is only tried."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{_SECONDS}s'; SET LOCAL lock_timeout = '{_SECONDS}s'")


def _change(entry: models.ActivityEntryRow) -> ScimReplayChange:
    members = {
        _MEMBERS[name]: value["ids"]
        for part in (entry.before, entry.after)
        for name, value in part.items()
        if name in _MEMBERS
    }
    numbers = {
        _MEMBERS[name]: value["number"]
        for part in (entry.before, entry.after)
        for name, value in part.items()
        if name in _MEMBERS
    }
    return ScimReplayChange(
        action=entry.action,
        target_id=entry.target_id,
        target_name=entry.target_name,
        attributes=tuple(_attributes(entry)),
        joining=_named(members.get("joining", [])),
        leaving=_named(members.get("leaving", [])),
        joining_number=numbers.get("joining", 0),
        leaving_number=numbers.get("leaving", 0),
    )


def _attributes(entry: models.ActivityEntryRow) -> Iterator[ScimReplayAttribute]:
    about_groups = entry.action.startswith("scim_group.")
    before, after = (_shown(part, about_groups=about_groups) for part in (entry.before, entry.after))
    for name in sorted(before.keys() | after.keys()):
        yield ScimReplayAttribute(name, before.get(name, ""), after.get(name, ""))


def _shown(part: Mapping[str, Any], *, about_groups: bool) -> dict[str, str]:
    """Return the attributes as the log shows them: what is personal is masked."""
    open_ones = {name: value for name, value in part.items() if name in _OPEN}
    others = {name: value for name, value in part.items() if name not in _OPEN | _MEMBERS.keys()}
    text, _ = redacted_body(others, about_groups=about_groups)
    masked = json.loads(text) if text.endswith("}") else {}
    return {name: json.dumps(value, ensure_ascii=False) for name, value in {**masked, **open_ones}.items()}


def _named(ids: list[str]) -> tuple[str, ...]:
    """Return who has these ids, by name: one query for people, and one for groups."""
    keys = [parse_id("scim-user", one) for one in ids if one.startswith("scim-user-")]
    people = models.ScimUserRow.objects.filter(pk__in=keys).values_list("display_name", "user_name") if keys else ()
    group_keys = [parse_id("scim-group", one) for one in ids if one.startswith("scim-group-")]
    named = (
        models.ScimGroupRow.objects.filter(pk__in=group_keys).values_list("display_name", flat=True)
        if group_keys
        else ()
    )
    return tuple(sorted([*(name or user_name for name, user_name in people), *named]))
