"""Pruning the request log: entries that are too old, and the oldest ones of a connection with very many."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.ids import first_uuid7
from portal.embedded import models
from portal.embedded.database.batches import MAX_ROWS, delete_in_batches
from portal.embedded.database.partitions import drop_requests, is_partitioned
from portal.embedded.scope import across_organizations, rows_of


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete entries older than SCIM_LOG_DAYS, and the oldest ones of connections with more than SCIM_LOG_ENTRIES.

    Return how many were deleted, `limit` at most. Each transaction deletes a thousand. Where the log is partitioned, old
    partitions are dropped instead, so entries are kept for up to a week or a month longer. Raise TableLocked if one can't be.
    """
    deleted = _prune_old(timezone.now() - timedelta(days=settings.SCIM_LOG_DAYS), limit)
    for excess in _excesses():
        deleted += _delete(excess, None if limit is None else limit - deleted)
    return deleted


def _prune_old(before: datetime, limit: int | None) -> int:
    if is_partitioned(models.ScimRequestRow):
        return drop_requests(before)
    # Primary keys begin with the time, so their index finds the old entries.
    return _delete(across_organizations(models.ScimRequestRow).filter(pk__lt=first_uuid7(before)), limit)


def _excesses() -> "Iterator[QuerySet[models.ScimRequestRow]]":
    """Yield the entries beyond SCIM_LOG_ENTRIES of each connection that has any."""
    connections = across_organizations(models.ScimConnectionRow).order_by("pk").values_list("organization_id", "pk")
    for organization_id, connection_id in connections:
        rows = rows_of(organization_id, models.ScimRequestRow).filter(connection_id=connection_id)
        newest_first = rows.order_by("-pk").values_list("pk", flat=True)
        if first_to_go := next(iter(newest_first[settings.SCIM_LOG_ENTRIES :][:1]), None):
            yield rows.filter(pk__lte=first_to_go)


def _delete(rows: "QuerySet[models.ScimRequestRow]", limit: int | None) -> int:
    def delete(size: int) -> int:
        keys: list[UUID] = list(rows.order_by("pk").values_list("pk", flat=True)[:size])
        return rows.filter(pk__in=keys).delete()[0]

    return delete_in_batches(delete, limit)
