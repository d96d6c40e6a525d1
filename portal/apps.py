"""The portal as a Django app: registers the system checks."""

from importlib import import_module

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The portal's system checks."""

    name = "portal"

    def ready(self) -> None:
        """Register the checks, which their modules do when they're imported."""
        # Here, because they need the app registry.
        for module in ("portal.checks", "portal.access.checks", "portal.web.static_files"):
            import_module(module)
