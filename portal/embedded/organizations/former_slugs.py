"""Former slugs, which no other organization can have for ORGANIZATION_SLUG_DAYS."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, QuerySet
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
    kept = _recent(slug)
    return kept.exclude(organization=except_by).exists() if except_by else kept.exists()


def moved_to(slug: str) -> str:
    """Return the present slug of the organization that had this one recently, "" if none had or the slug is in use."""
    in_use = models.OrganizationRow.objects.filter(slug=slug)
    moved = _recent(slug).filter(~Exists(in_use), organization__deleted_at=None)
    return moved.order_by("-left_at", "-pk").values_list("organization__slug", flat=True).first() or ""


def _recent(slug: str) -> QuerySet[models.FormerSlugRow]:
    since = timezone.now() - timedelta(days=settings.ORGANIZATION_SLUG_DAYS)
    return across_organizations(models.FormerSlugRow).filter(slug=slug, left_at__gt=since)
