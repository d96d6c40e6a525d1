"""Former slugs, which no other organization can have for ORGANIZATION_SLUG_DAYS."""

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from portal.embedded import models
from portal.embedded.scope import across_organizations


def keep(row: models.OrganizationRow, slug: str) -> None:
    """Keep a slug that an organization gives up, in the transaction that changes or deletes it."""
    models.FormerSlugRow.objects.create(organization=row, slug=slug, left_at=timezone.now())


def is_kept(slug: str, *, except_by: models.OrganizationRow | None = None) -> bool:
    """Say whether another organization had the slug recently.

    Call this after writing the slug, which waits for a transaction that gives it up.
    """
    since = timezone.now() - timedelta(days=settings.ORGANIZATION_SLUG_DAYS)
    kept = across_organizations(models.FormerSlugRow).filter(slug=slug, left_at__gt=since)
    return kept.exclude(organization=except_by).exists() if except_by else kept.exists()
