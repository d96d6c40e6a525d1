"""The slug and external ID of a deleted organization, which are reserved while it can be restored."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.embedded.database.online_fields import AddFieldOnline
from portal.embedded.database.postgresql.online import build_index, drop_index

NAME = "organization_deleted"
DEFINITION = "directory_organization (deleted_at) WHERE deleted_at IS NOT NULL"


def build(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: an index of the few deleted organizations, built while the table is written to."""
    if schema_editor.connection.vendor == "postgresql":
        build_index(schema_editor.connection, NAME, DEFINITION)


def drop(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo `build`."""
    if schema_editor.connection.vendor == "postgresql":
        drop_index(schema_editor.connection, NAME)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0068_logos")]

    operations = [
        AddFieldOnline(
            "organizationrow", "deleted_slug", models.CharField(blank=True, db_default="", default="", max_length=128)
        ),
        AddFieldOnline(
            "organizationrow",
            "deleted_external_id",
            models.CharField(blank=True, db_default="", default="", max_length=128),
        ),
        migrations.RunPython(build, drop),
    ]
