"""Logos: what is sent is decoded, checked, and stored as a small PNG of our own. Nothing of the original file is kept."""

import hashlib
import struct
import warnings
import zlib
from contextlib import closing
from io import BytesIO

from django.conf import settings
from django.db import transaction
from PIL import Image

from portal.directory.errors import Invalid, NotFound
from portal.directory.ids import public_id
from portal.directory.logos import MAX_BYTES, MAX_SIDE
from portal.directory.permissions import Permission
from portal.embedded import audit, models
from portal.embedded.organizations.stored_logos import forget
from portal.embedded.scope import Scope
from portal.outbound.client import fetch
from portal.outbound.errors import OutboundError
from portal.outbound.policy import Limits

# Pixels of a side of what is stored. It's shown at a fifth of that at most.
_STORED_SIDE = 256
_FORMATS = ("PNG", "WEBP")
_LIMITS = Limits(seconds=8.0, max_bytes=MAX_BYTES)
_OK = 200
# What a decoder raises for a file that is damaged or isn't an image.
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    struct.error,
    zlib.error,
)


class EmbeddedLogo:
    """Implements portal.directory.logos.LogoGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def upload(self, content: bytes) -> str:
        """Store a PNG or WebP image, and return its URL. Raise Invalid, Forbidden."""
        self._scope.require(Permission.ORGANIZATION_LOGO)
        stored = as_png(content)
        digest = hashlib.sha256(stored).hexdigest()[:32]
        url = f"{settings.PUBLIC_URL}/logos/{public_id('organization', self._scope.organization_id)}/{digest}.png"
        with transaction.atomic():
            row = self._locked()
            forget(row.pk)
            models.OrganizationLogoRow.objects.create(organization_id=row.pk, content=stored, digest=digest)
            self._change(row, url)
        return url

    def fetch(self, url: str) -> str:
        """Store the image at a URL. Raise Invalid, Forbidden."""
        self._scope.require(Permission.ORGANIZATION_LOGO)
        try:
            response = fetch(url, headers={"Accept": "image/png, image/webp"}, limits=_LIMITS)
        except OutboundError as error:
            raise Invalid(str(error), field="url") from error
        if response.status != _OK:
            raise Invalid(f"The server answered with status {response.status} instead of an image.", field="url")
        try:
            return self.upload(response.body)
        except Invalid as error:
            raise Invalid(error.detail, field="url") from error

    def delete(self) -> None:
        """Remove the logo and its URL. Raise Forbidden."""
        self._scope.require(Permission.ORGANIZATION_LOGO)
        with transaction.atomic():
            row = self._locked()
            forget(row.pk)
            self._change(row, "")

    def _locked(self) -> models.OrganizationRow:
        rows = models.OrganizationRow.objects.select_for_update(no_key=True)
        row = rows.filter(pk=self._scope.organization_id, deleted_at=None).first()
        if row is None:
            raise NotFound("This organization does not exist.")
        return row

    def _change(self, row: models.OrganizationRow, url: str) -> None:
        before, row.logo_url = row.logo_url, url
        if before == url:
            return
        row.save(update_fields=["logo_url", "updated_at"])
        audit.record(
            self._scope.caller,
            "organization.update",
            organization_id=row.pk,
            target_id=public_id("organization", row.pk),
            target_name=row.name,
            before={"organization_logo_url": before},
            after={"organization_logo_url": url},
        )


def as_png(content: bytes) -> bytes:
    """Return an image as a PNG of at most 256 × 256 pixels, without the metadata of the original. Raise Invalid."""
    if len(content) > MAX_BYTES:
        raise _invalid(f"The image is larger than {MAX_BYTES // 1024} KB.")
    if content.lstrip()[:5].lower() in {b"<?xml", b"<svg ", b"<svg>"}:
        raise _invalid("Choose a PNG or WebP image. SVG images can contain scripts.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            # This reads the header only. The size is checked before any pixel is decoded.
            with closing(Image.open(BytesIO(content), formats=_FORMATS)) as image:
                if max(image.size) > MAX_SIDE:
                    raise _too_many_pixels()
                small = image.convert("RGBA")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except _DAMAGED as error:
        raise _invalid("Choose a PNG or WebP image. This file is another kind or damaged.") from error
    small.thumbnail((_STORED_SIDE, _STORED_SIDE))
    written = BytesIO()
    Image.frombytes("RGBA", small.size, small.tobytes()).save(written, "PNG")
    return written.getvalue()


def _too_many_pixels() -> Invalid:
    return _invalid(f"The image has more than {MAX_SIDE} × {MAX_SIDE} pixels.")


def _invalid(detail: str) -> Invalid:
    return Invalid(detail, field="logo")
