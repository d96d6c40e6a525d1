"""The embedded directory as a Django app."""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, TextIO

from django.apps import AppConfig
from django.db import connections
from django.db.migrations import Migration
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
        from portal.embedded.database import (  # noqa: F401, PLC0415 -- need the app registry
            name_search,
            partitioning,
            rate_limits,
            triggers,
        )

        def prepare(using: str, **_: Any) -> None:
            _set_timeouts(using, statement_timeout=0, lock_timeout=_LOCK_SECONDS)

        def complete(using: str, plan: Sequence[tuple[Migration, bool]] = (), **options: Any) -> None:
            _set_timeouts(using)
            partitioning.complete(using, {one.name for one, is_backwards in plan if not is_backwards})
            triggers.install(using)
            _set_timeouts(using, statement_timeout=0, lock_timeout=_LOCK_SECONDS)
            name_search.create_indexes(using, partial(_report, **options))
            _set_timeouts(using)

        pre_migrate.connect(prepare, sender=self, weak=False)
        post_migrate.connect(complete, sender=self, weak=False)


def _report(text: str, *, verbosity: int = 1, stdout: TextIO = sys.stdout, **_: Any) -> None:
    if verbosity:
        stdout.write(f"{text}\n")


def _set_timeouts(using: str, **changes: int) -> None:
    if connections[using].vendor == "postgresql":
        connections[using].set_timeouts(**changes)  # type: ignore[attr-defined]  # -- of our backend
