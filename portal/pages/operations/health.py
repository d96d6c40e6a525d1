"""Whether this process can serve, and whether what it prefers to have responds."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from portal.access.rate_limits import is_shared_storage_available
from portal.directories import readiness_faults
from portal.serving.probe import Probe, deadline

_redis: Probe[bool] = Probe("redis", is_shared_storage_available, late=False)


@dataclass(frozen=True, slots=True)
class Health:
    """What keeps this process from serving, by part, and whether Redis responds; None without Redis."""

    faults: Mapping[str, str]
    has_redis: bool | None


def health() -> Health:
    """Look at everything at once, and return within a second, even if something hangs."""
    until = deadline()
    asked = _redis.ask() if settings.REDIS_URL else None
    faults = readiness_faults()
    return Health(faults, _redis.wait(asked, until) if asked else None)


def stop() -> None:
    """Forget whether Redis responds, and end the thread that looks."""
    _redis.stop()
