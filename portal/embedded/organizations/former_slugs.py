"""Slugs that organizations have left, which no other organization gets for ORGANIZATION_SLUG_DAYS."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from portal.embedded import models


def leave(row: models.OrganizationRow, slug: str) -> None:
    """Keep a slug that the organization leaves, in the transaction that changes or deletes it."""
    models.FormerSlugRow.objects.create(organization=row, slug=slug, left_at=timezone.now())


def is_kept(slug: str, *, by_others_than: models.OrganizationRow | None = None) -> bool:
    """Return whether another organization left the slug not long ago.

    Ask after the slug is written, which waits for an organization that is leaving it in another transaction.
    """
    since = timezone.now() - timedelta(days=settings.ORGANIZATION_SLUG_DAYS)
    left = models.FormerSlugRow.objects.filter(slug=slug, left_at__gt=since)
    return left.exclude(organization=by_others_than).exists() if by_others_than else left.exists()
