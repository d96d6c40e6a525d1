"""The logo of the project, on pages that belong to no organization."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from portal.directory.logos import image_type


@dataclass(frozen=True, slots=True)
class ProjectLogo:
    """An image. Its URL contains the digest, so that browsers can keep it."""

    content: bytes
    content_type: str
    digest: str


def project_logo() -> ProjectLogo | None:
    """Return the logo that PROJECT_FILE names, None for none. It's read once, when a page first needs it."""
    path: str = settings.PROJECT.theme.logo
    return _read(path) if path else None


@lru_cache(maxsize=1)
def _read(path: str) -> ProjectLogo:
    content = Path(path).read_bytes()
    return ProjectLogo(content, image_type(content), hashlib.sha256(content).hexdigest()[:32])
