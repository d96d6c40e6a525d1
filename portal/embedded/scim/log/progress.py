"""Steps of the setup of a connection that only its log knows: the token was accepted, a user was deactivated, ..."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from portal.directory.scim.log import FIRST_ERROR_STATUS, ScimRejection
from portal.embedded import models
from portal.embedded.scim.log.reading import RequestRows

# Requests that are searched for the steps, and bodies that are read to find a deactivation.
_MAX_REQUESTS = 1000
_MAX_BODIES = 50
_DISCOVERY = ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas")
_UNAUTHORIZED = 401


class RecentRequests:
    """The newest requests of a connection, and the steps of the setup that they show. `rows` come newest first."""

    def __init__(self, rows: RequestRows) -> None:
        self._all = rows
        fields = ("pk", "at", "method", "path", "status", "refusal", "changed_attributes")
        self._rows: Sequence[models.ScimRequestRow] = list(rows.only(*fields)[:_MAX_REQUESTS])

    @property
    def last_request_at(self) -> datetime | None:
        """Time of the newest request."""
        return self._rows[0].at if self._rows else None

    @property
    def last_success_at(self) -> datetime | None:
        """Time of the newest request that succeeded."""
        return next((row.at for row in self._rows if _has_succeeded(row)), None)

    @property
    def token_accepted_at(self) -> datetime | None:
        """Time of the newest request with a valid token, whether it succeeded or not."""
        return next((row.at for row in self._rows if _has_valid_token(row)), None)

    @property
    def discovery_read_at(self) -> datetime | None:
        """Time of the newest request that read the service's capabilities."""
        return next((row.at for row in self._rows if _has_succeeded(row) and row.path.startswith(_DISCOVERY)), None)

    def first_created_at(self, endpoint: str) -> datetime | None:
        """Return the time of the oldest request that created a resource, even if it was deleted since (a connection test)."""
        created = (row for row in reversed(self._rows) if row.method == "POST" and row.path.rstrip("/") == endpoint)
        return next((row.at for row in created if _has_succeeded(row)), None)

    def first_deactivation_at(self) -> datetime | None:
        """Return the time of the oldest request that deactivated a user, by DELETE or by `active: false`."""
        candidates = [row for row in reversed(self._rows) if _has_succeeded(row) and _may_deactivate(row)]
        keys = [row.pk for row in candidates if row.method != "DELETE"][:_MAX_BODIES]
        bodies = dict(self._all.filter(pk__in=keys).values_list("pk", "body")) if keys else {}
        deactivations = (
            row.at for row in candidates if row.method == "DELETE" or _sets_active_to_false(bodies.get(row.pk, ""))
        )
        return next(deactivations, None)


def _has_valid_token(row: models.ScimRequestRow) -> bool:
    return row.refusal in {"", ScimRejection.PAUSED} and row.status != _UNAUTHORIZED


def _has_succeeded(row: models.ScimRequestRow) -> bool:
    return row.status < FIRST_ERROR_STATUS


def _may_deactivate(row: models.ScimRequestRow) -> bool:
    if not row.path.startswith("/Users/"):
        return False
    return row.method == "DELETE" or (row.method in {"PUT", "PATCH"} and "active" in row.changed_attributes)


def _sets_active_to_false(body: str) -> bool:
    """Return whether a logged body sets `active` to false. Booleans, also as text, aren't masked in it."""
    try:
        return _contains_inactive(json.loads(body))
    except ValueError:  # the body was cut
        return False


def _contains_inactive(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_contains_inactive, value))
    if not isinstance(value, Mapping):
        return False
    fields = {str(name).lower(): inner for name, inner in value.items()}
    is_operation = str(fields.get("path", "")).lower().rpartition(":")[2] == "active"
    return _is_false(fields.get("value" if is_operation else "active")) or any(map(_contains_inactive, _nested(fields)))


def _nested(fields: Mapping[str, Any]) -> Iterable[Any]:
    return (fields[name] for name in ("operations", "value") if name in fields)


def _is_false(value: Any) -> bool:
    return value is False or (isinstance(value, str) and value.lower() == "false")
