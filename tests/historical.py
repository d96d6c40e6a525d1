"""Models as a migration knew them."""

from django.apps.registry import Apps
from django.db import connection
from django.db.migrations.loader import MigrationLoader


def apps_at(migration: str) -> Apps:
    """Return the app registry as it was after a migration of the embedded directory."""
    apps: Apps = MigrationLoader(connection).project_state(("directory", migration)).apps
    return apps
