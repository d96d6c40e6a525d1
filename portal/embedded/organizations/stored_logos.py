"""Stored logos: reading and deleting them, without the library for images."""

from uuid import UUID

from portal.directory.ids import parse_id
from portal.directory.logos import Logo
from portal.embedded import models
from portal.embedded.scope import rows_of


def stored_logo(organization_id: str, digest: str) -> Logo | None:
    """Return the logo of an organization for anyone, None if it isn't this one."""
    rows = rows_of(parse_id("organization", organization_id), models.OrganizationLogoRow)
    row = rows.filter(digest=digest, organization__deleted_at=None).first()
    return Logo(bytes(row.content), "image/png") if row else None


def forget(organization_id: UUID) -> None:
    """Delete the stored image, when another one or a URL elsewhere replaces it."""
    rows_of(organization_id, models.OrganizationLogoRow).delete()
