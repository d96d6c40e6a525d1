"""The embedded directory as a Django app."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate

# A migration that waits for a lock, such as a dump's, blocks writes for this long at most.
_LOCK_SECONDS = 3


class EmbeddedConfig(AppConfig):
    """Installs the database's guards after each migration, and keeps the statement timeout from cancelling long migrations."""

    name = "portal.embedded"
    label = "directory"
    verbose_name = "Embedded directory"

    def ready(self) -> None:
        """Register the rate-limit storage, the guards and the checks."""
        from portal.embedded import checks  # noqa: F401, PLC0415 -- need the app registry
        from portal.embedded.database import rate_limits, triggers  # noqa: F401, PLC0415 -- need the app registry

        def prepare(using: str, **_: Any) -> None:
            _set_timeouts(using, statement_timeout=0, lock_timeout=_LOCK_SECONDS)

        def complete(using: str, **_: Any) -> None:
            _set_timeouts(using)
            triggers.install(using)

        pre_migrate.connect(prepare, sender=self, weak=False)
        post_migrate.connect(complete, sender=self, weak=False)


def _set_timeouts(using: str, **changes: int) -> None:
    if connections[using].vendor == "postgresql":
        connections[using].set_timeouts(**changes)  # type: ignore[attr-defined]  # -- of our backend
