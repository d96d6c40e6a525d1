"""The demo's example history: numbers of the days before it was set up, so that the home page shows trends."""

from datetime import timedelta
from uuid import UUID

from portal.directory.counts import TREND_DAYS
from portal.embedded import models
from portal.embedded.scope import rows_of

# What share of today's number each day before had, the oldest first.
_MEMBERS = (0.955, 0.96, 0.96, 0.968, 0.972, 0.972, 0.98, 0.985, 0.992, 0.992, 0.995)
_GROUPS = (0.85, 0.85, 0.9, 0.9, 0.93, 0.93, 0.93, 0.98, 0.98, 1, 1)


def add_example_history(organization_id: UUID) -> None:
    """Add a row for each of the days before today's, unless there is an earlier one. Without a row of today, add none."""
    rows = rows_of(organization_id, models.DailyCountRow)
    today = rows.order_by("-day").first()
    if today is None or rows.filter(day__lt=today.day).exists():
        return
    days = zip(range(TREND_DAYS - 1, 0, -1), _MEMBERS, _GROUPS, strict=True)
    models.DailyCountRow.objects.bulk_create(
        models.DailyCountRow(
            organization_id=organization_id,
            day=today.day - timedelta(days=before),
            counted_at=today.counted_at - timedelta(days=before),
            members=round(today.members * members),
            unmanaged_members=today.unmanaged_members,
            connection_key=today.connection_key,
            active_users=round(today.active_users * members),
            groups=round(today.groups * groups),
        )
        for before, members, groups in days
    )
