"""Sessions of frames, the origins of an organization's own pages, and the key of 0070 to members."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.embedded.database.online_fields import AddFieldOnline
from portal.embedded.database.postgresql.online import add_foreign_key, alter

TABLE = "directory_embedticket"
KEY = "(organization_id, member_id) REFERENCES directory_member (organization_id, id)"


def add_key(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: have the reference carry the organization (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        add_foreign_key(schema_editor.connection, TABLE, f"{TABLE}_member_id_tenant", KEY)


def drop_key(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo `add_key`."""
    if schema_editor.connection.vendor == "postgresql":
        alter(schema_editor.connection, f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {TABLE}_member_id_tenant")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0070_embed_tickets")]

    operations = [
        AddFieldOnline("membersessionrow", "embedding", models.JSONField(blank=True, null=True)),
        AddFieldOnline("membersessionrow", "shared_with", models.UUIDField(blank=True, null=True)),
        AddFieldOnline("organizationrow", "embed_origins", models.JSONField(blank=True, db_default=[], default=list)),
        migrations.RunPython(add_key, drop_key),
    ]
