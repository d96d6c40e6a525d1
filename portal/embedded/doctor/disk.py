"""Space on the disks of this machine that Gatehouse uses."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import connection

from portal.embedded.doctor.findings import Finding, error, ok, warning

_MIB = 1024 * 1024
_LOW, _VERY_LOW = 1024 * _MIB, 100 * _MIB


def check() -> Iterator[Finding]:
    """Report folders on a disk that is nearly full. PostgreSQL's own disk can't be seen from here."""
    for what, folder in _folders():
        free = shutil.disk_usage(folder).free
        text = f"{free // _MIB:,} MiB are free for {what} ({folder})."
        fix = "Free some space, or enlarge the disk."
        yield error(text, fix) if free < _VERY_LOW else warning(text, fix) if free < _LOW else ok(text)


def _folders() -> Iterator[tuple[str, Path]]:
    if connection.vendor == "sqlite":
        file = Path(str(connection.settings_dict["NAME"]))
        if file.parent.is_dir():
            yield "the database", file.parent
    static_files = Path(str(settings.STATIC_ROOT))
    if static_files.is_dir():
        yield "static files", static_files
    yield "temporary files", Path(tempfile.gettempdir())
