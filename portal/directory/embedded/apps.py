"""The embedded directory as a Django app."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class EmbeddedConfig(AppConfig):
    """Keeps the database's guards in place after each migration."""

    name = "portal.directory.embedded"
    label = "directory"
    verbose_name = "Embedded directory"

    def ready(self) -> None:
        """Register the rate-limit storage and the guards."""
        from portal.directory.embedded import guards, rate_limits  # noqa: F401, PLC0415 -- need the app registry

        def make_way(using: str, **_: Any) -> None:
            guards.make_way(using)

        def install_guards(using: str, **_: Any) -> None:
            guards.install(using)

        pre_migrate.connect(make_way, sender=self, weak=False)
        post_migrate.connect(install_guards, sender=self, weak=False)
