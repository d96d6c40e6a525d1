"""Static files, hashed and compressed by `collectstatic`, and a check that it ran."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.checks import CheckMessage, Error, Tags, register
from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedFiles(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # -- the library has no types
    """Hashed names for collected files, plain names for others, so that a missing style sheet never breaks a page."""

    def stored_name(self, name: str) -> str:
        """Return the file name for links."""
        try:
            return str(super().stored_name(name))
        except ValueError:
            return name


@register(Tags.staticfiles, deploy=True)
def files_are_collected(**_: Any) -> list[CheckMessage]:
    """Report files that `collectstatic` hasn't collected, or only an earlier version."""
    if not isinstance(staticfiles_storage, CollectedFiles):
        return []
    stale = sorted(name for name in _source_names() if not _is_collected(staticfiles_storage, name))
    if not stale:
        return []
    return [
        Error(
            f"Static files aren't collected, or have changed since ({len(stale)}), such as {', '.join(stale[:3])}.",
            hint="Run `manage.py collectstatic --noinput`, then restart. Until then, pages load slowly or look broken.",
            id="portal.E003",
        )
    ]


def _source_names() -> set[str]:
    return {name for finder in finders.get_finders() for name, _ in finder.list([])}


def _is_collected(collected: CollectedFiles, name: str) -> bool:
    source, copy = Path(str(finders.find(name))), Path(settings.STATIC_ROOT) / name
    return name in collected.hashed_files and copy.is_file() and copy.read_bytes() == source.read_bytes()
