"""The portal as a Django app: registers the system checks."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """The portal's own checks."""

    name = "portal"

    def ready(self) -> None:
        """Register the checks."""
        from portal import checks as deployment_checks  # noqa: F401, PLC0415 -- needs the app registry
        from portal.access import checks  # noqa: F401, PLC0415 -- as above
        from portal.web import static_files  # noqa: F401, PLC0415 -- as above
