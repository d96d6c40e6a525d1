"""Where an IP address is, roughly: by the database of places that the operator gives (LOCATION_DATABASE)."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings

log = structlog.get_logger("gatehouse.locations")


def location_of(ip_address: str, language: str = "en") -> str:
    """Return "Malmö, Sweden" for an address, in a language that the database has, else in English; "" if it isn't known."""
    path = settings.LOCATION_DATABASE
    if path is None or not ip_address:
        return ""
    try:
        found = _reader(path, path.stat().st_mtime_ns).get(ip_address)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: the library's InvalidDatabaseError
        # A missing place keeps nobody from anything.
        log.warning("location_database_failed", reason=str(error)[:200])
        return ""
    names = (_name(found, part, language) for part in ("city", "country")) if isinstance(found, Mapping) else ()
    return ", ".join(name for name in names if name)


# The file's time is part of the key, so a new file is read.
@lru_cache(maxsize=1)
def _reader(path: Path, _changed_at: int) -> Any:
    import maxminddb  # noqa: PLC0415 -- most installations have no database of places

    return maxminddb.open_database(path)


def _name(found: Mapping[str, Any], part: str, language: str) -> str:
    place = found.get(part)
    names = place.get("names") if isinstance(place, Mapping) else None
    if not isinstance(names, Mapping):
        return ""
    return str(names.get(language) or names.get("en") or "")
