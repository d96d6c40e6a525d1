"""What a connection's calls come to: a few queries for a few rows, however many calls there were."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from portal.directory.scim.health import MOST_CALLS, ScimCall
from portal.directory.scim.log import FIRST_REFUSAL, ScimRefusal
from portal.embedded import models

# Calls in which the steps are looked for that the log alone knows.
MOST_SEEN = 1000
# Bodies that are read to find a deactivation.
_MOST_READ = 50
_UNAUTHORIZED = 401
_DISCOVERY = ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas")

Entries = QuerySet[models.ScimRequestRow]


def newest_calls(entries: Entries) -> list[ScimCall]:
    """Return the newest calls, as health needs them."""
    rows = entries.values_list("at", "method", "status", "refusal")[:MOST_CALLS]
    return [ScimCall(*row) for row in rows]


class Seen:
    """The newest calls of a connection, and which steps are among them; `entries` come newest first."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        fields = ("pk", "at", "method", "path", "status", "refusal", "changed_attributes")
        self._rows: Sequence[models.ScimRequestRow] = list(entries.only(*fields)[:MOST_SEEN])

    @property
    def last_call_at(self) -> datetime | None:
        """The newest call."""
        return self._rows[0].at if self._rows else None

    @property
    def last_success_at(self) -> datetime | None:
        """The newest call that did what it was made for."""
        return next((row.at for row in self._rows if _has_succeeded(row)), None)

    @property
    def token_accepted_at(self) -> datetime | None:
        """The newest call whose token was good, whatever became of it."""
        return next((row.at for row in self._rows if _has_good_token(row)), None)

    @property
    def discovery_read_at(self) -> datetime | None:
        """The newest call that read what the service offers."""
        return next((row.at for row in self._rows if _has_succeeded(row) and row.path.startswith(_DISCOVERY)), None)

    def first_created_at(self, endpoint: str) -> datetime | None:
        """Return the oldest call that created something; it may be gone since, as what tests of connections create is."""
        created = (row for row in reversed(self._rows) if row.method == "POST" and row.path.rstrip("/") == endpoint)
        return next((row.at for row in created if _has_succeeded(row)), None)

    def first_deactivation_at(self) -> datetime | None:
        """Return the oldest call that took somebody's access away: by deletion, or by `active: false`."""
        may = [row for row in reversed(self._rows) if _has_succeeded(row) and _may_deactivate(row)]
        read = [row.pk for row in may if row.method != "DELETE"][:_MOST_READ]
        bodies = dict(self._entries.filter(pk__in=read).values_list("pk", "body")) if read else {}
        return next((row.at for row in may if row.method == "DELETE" or _deactivates(bodies.get(row.pk, ""))), None)


def _has_good_token(row: models.ScimRequestRow) -> bool:
    return row.refusal in {"", ScimRefusal.PAUSED} and row.status != _UNAUTHORIZED


def _has_succeeded(row: models.ScimRequestRow) -> bool:
    return row.status < FIRST_REFUSAL


def _may_deactivate(row: models.ScimRequestRow) -> bool:
    if not row.path.startswith("/Users/"):
        return False
    return row.method == "DELETE" or (row.method in {"PUT", "PATCH"} and "active" in row.changed_attributes)


def _deactivates(body: str) -> bool:
    """Say whether a logged body sets `active` to false; booleans and the words for them are not masked."""
    try:
        return _sets_inactive(json.loads(body))
    except ValueError:  # cut
        return False


def _sets_inactive(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_sets_inactive, value))
    if not isinstance(value, Mapping):
        return False
    fields = {str(name).lower(): one for name, one in value.items()}
    is_operation = str(fields.get("path", "")).lower().rpartition(":")[2] == "active"
    return _is_false(fields.get("value" if is_operation else "active")) or any(map(_sets_inactive, _inner(fields)))


def _inner(fields: Mapping[str, Any]) -> Iterable[Any]:
    return (fields[name] for name in ("operations", "value") if name in fields)


def _is_false(value: Any) -> bool:
    return value is False or (isinstance(value, str) and value.lower() == "false")
