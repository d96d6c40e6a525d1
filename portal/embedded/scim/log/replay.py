"""Dry run of a failed request: it is executed in a transaction that is always rolled back.

So all rules apply to it, and nothing is changed. Its changes are read from the activity log before the rollback.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, OperationalError, connection, transaction
from django.http import QueryDict
from django.utils import timezone

from portal.directory.errors import Conflict, Unavailable
from portal.directory.ids import first_uuid7, new_request_id, parse_id
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.log import (
    FIRST_ERROR_STATUS,
    ScimRejection,
    ScimReplay,
    ScimReplayAttribute,
    ScimReplayChange,
)
from portal.embedded import models
from portal.embedded.scim.log.redaction import masked_attributes, redact_body, redact_detail
from portal.embedded.scim.protocol import groups, users
from portal.embedded.scim.protocol.client import ScimClient, has_entra_flag
from portal.embedded.scim.protocol.errors import ScimError
from portal.embedded.scope import Scope

_TIMEOUT_SECONDS = 5
_SUCCESS_STATUS = {"POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
_VERSION_MISMATCH = 412
# Attributes in the activity log that aren't personal.
_UNMASKED = frozenset({"status", "roles"})
_MEMBERS = {"members_joined": "joining", "members_left": "leaving"}

Operation = Callable[[ScimClient, str, Any], object]
_OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("Users", "POST"): lambda client, _, body: users.create_user(client, body),
    ("Users", "PUT"): users.replace_user,
    ("Users", "PATCH"): users.patch_user,
    ("Users", "DELETE"): lambda client, resource, _: users.delete_user(client, resource),
    ("Groups", "POST"): lambda client, _, body: groups.create_group(client, body),
    ("Groups", "PUT"): groups.replace_group,
    ("Groups", "PATCH"): groups.patch_group,
    ("Groups", "DELETE"): lambda client, resource, _: groups.delete_group(client, resource),
}


def replay_obstacle(row: models.ScimRequestRow) -> str:
    """Return why a dry run isn't possible, "" if it is. The body may be deferred."""
    endpoint, _, resource = row.path.strip("/").partition("/")
    if row.status < FIRST_ERROR_STATUS:
        return "The request succeeded."
    if row.refusal == ScimRejection.PAUSED:
        return "The connection was paused, so the request was rejected before its content was read."
    if row.refusal:
        return "The token or the URL was wrong, so the request was rejected before its content was read."
    if row.method not in _SUCCESS_STATUS:
        return "The request only reads data."
    if (endpoint, row.method) not in _OPERATIONS:
        return "A dry run is only possible for requests that change one person or one group."
    return _url_obstacle(row, endpoint, resource)


def _url_obstacle(row: models.ScimRequestRow, endpoint: str, resource: str) -> str:
    if (row.method == "POST") is bool(resource):
        return "The URL of the request is wrong, so it would fail again."
    noun = "scim-user" if endpoint == "Users" else "scim-group"
    if resource and not parse_id(noun, resource).int:
        return "The ID in the URL doesn't belong to this connection, so the request would fail again."
    if row.method == "PUT" and row.is_body_cut:
        return "The request replaces all attributes, but the log has only the beginning of its body."
    return ""


def replay(row: models.ScimRequestRow, scope: Scope) -> ScimReplay:
    """Return what a request would do now, changing nothing.

    Raise Conflict if a dry run isn't possible, Unavailable if the user or group is locked.
    """
    if obstacle := replay_obstacle(row):
        raise Conflict(obstacle)
    body = _body(row)
    # A new request ID, so that the activity entries of the dry run can be found.
    origin = replace(scope.origin, request_id=new_request_id())
    client = ScimClient(
        _connection(row, scope), origin, has_entra_flag=has_entra_flag(QueryDict(row.query)), is_dry_run=True
    )
    error, changes = _execute_and_roll_back(row, client, body, scope)
    return ScimReplay(
        status=error.status if error else _SUCCESS_STATUS[row.method],
        scim_type=error.scim_type if error else "",
        detail=redact_detail(error.detail) if error else "",
        changes=changes,
        masked_attributes=masked_attributes(body, about_groups=row.resource_type == "Group") if body else (),
        is_body_cut=row.is_body_cut,
        is_version_unknown=row.status == _VERSION_MISMATCH,
    )


def _body(row: models.ScimRequestRow) -> dict[str, Any]:
    if row.method == "DELETE":
        return {}
    if not row.body:
        raise Conflict("The body wasn't kept, because the request was rejected before it was read.")
    try:
        body: dict[str, Any] = json.loads(row.body)
    except ValueError:
        raise Conflict("The body was too long to be kept completely.") from None
    return body


def _connection(row: models.ScimRequestRow, scope: Scope) -> models.ScimConnectionRow:
    connections = scope.of(models.ScimConnectionRow).select_related("organization")
    found = connections.filter(pk=row.connection_id, status=ScimConnectionStatus.ACTIVE).first()
    if found is None:
        raise Conflict("The connection was deleted.")
    return found


def _execute_and_roll_back(
    row: models.ScimRequestRow, client: ScimClient, body: dict[str, Any], scope: Scope
) -> tuple[ScimError | None, tuple[ScimReplayChange, ...]]:
    """Return the error that the request would get, or the changes that it would make."""
    try:
        with transaction.atomic():
            try:
                return _execute(row, client, body, scope)
            finally:
                transaction.set_rollback(True)
    except (OperationalError, IntegrityError):
        raise Unavailable("The person or group is being changed right now. Try again in a moment.") from None


def _execute(
    row: models.ScimRequestRow, client: ScimClient, body: dict[str, Any], scope: Scope
) -> tuple[ScimError | None, tuple[ScimReplayChange, ...]]:
    started = first_uuid7(timezone.now())
    endpoint, _, resource = row.path.strip("/").partition("/")
    _limit_duration()
    try:
        with transaction.atomic():
            _OPERATIONS[endpoint, row.method](client, resource, body)
    except ScimError as error:
        return error, ()
    entries = scope.of(models.ActivityEntryRow).filter(pk__gte=started, request_id=client.origin.request_id)
    return None, tuple(_change(entry, scope) for entry in entries.order_by("pk"))


def _limit_duration() -> None:
    """Bound the time that a dry run can hold locks or wait for them."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET LOCAL statement_timeout = '{_TIMEOUT_SECONDS}s'; SET LOCAL lock_timeout = '{_TIMEOUT_SECONDS}s'"
            )


def _change(entry: models.ActivityEntryRow, scope: Scope) -> ScimReplayChange:
    moved = {
        _MEMBERS[name]: value
        for part in (entry.before, entry.after)
        for name, value in part.items()
        if name in _MEMBERS
    }
    nothing: Mapping[str, Any] = {"ids": [], "number": 0}
    joining, leaving = moved.get("joining", nothing), moved.get("leaving", nothing)
    return ScimReplayChange(
        action=entry.action,
        target_id=entry.target_id,
        target_name=entry.target_name,
        attributes=tuple(_attributes(entry)),
        joining=_names(joining["ids"], scope),
        leaving=_names(leaving["ids"], scope),
        joining_count=joining["number"],
        leaving_count=leaving["number"],
    )


def _attributes(entry: models.ActivityEntryRow) -> Iterator[ScimReplayAttribute]:
    about_groups = entry.action.startswith("scim_group.")
    before, after = (_masked(part, about_groups=about_groups) for part in (entry.before, entry.after))
    for name in sorted(before.keys() | after.keys()):
        yield ScimReplayAttribute(name, before.get(name, ""), after.get(name, ""))


def _masked(part: Mapping[str, Any], *, about_groups: bool) -> dict[str, str]:
    """Return the attributes with personal values masked, as in the request log."""
    unmasked = {name: value for name, value in part.items() if name in _UNMASKED}
    others = {name: value for name, value in part.items() if name not in _UNMASKED | _MEMBERS.keys()}
    text, _ = redact_body(others, about_groups=about_groups)
    masked = json.loads(text) if text.endswith("}") else {}
    return {name: json.dumps(value, ensure_ascii=False) for name, value in {**masked, **unmasked}.items()}


def _names(ids: list[str], scope: Scope) -> tuple[str, ...]:
    """Return the names of users and groups, with one query for each."""
    user_keys = [parse_id("scim-user", one) for one in ids if one.startswith("scim-user-")]
    group_keys = [parse_id("scim-group", one) for one in ids if one.startswith("scim-group-")]
    names: list[str] = []
    if user_keys:
        users = scope.of(models.ScimUserRow).filter(pk__in=user_keys)
        names += (name or user_name for name, user_name in users.values_list("display_name", "user_name"))
    if group_keys:
        groups = scope.of(models.ScimGroupRow).filter(pk__in=group_keys)
        names += groups.values_list("display_name", flat=True)
    return tuple(sorted(names))
