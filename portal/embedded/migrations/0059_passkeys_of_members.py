"""The number of a member's passkeys, and the keys of 0058's tables to members."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.embedded.database.online_fields import AddFieldOnline
from portal.embedded.database.postgresql.online import add_foreign_key, alter

TABLES = ("directory_passkey", "directory_passkeychallenge")
KEY = "(organization_id, member_id) REFERENCES directory_member (organization_id, id)"


def add_foreign_keys(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: have each reference carry the organization (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            add_foreign_key(schema_editor.connection, table, f"{table}_member_id_tenant", KEY)


def drop_foreign_keys(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo `add_foreign_keys`."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            alter(
                schema_editor.connection, f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_member_id_tenant"
            )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0058_passkeys")]

    operations = [
        AddFieldOnline("memberrow", "passkey_count", models.PositiveSmallIntegerField(db_default=0, default=0)),
        AddFieldOnline("memberrow", "used_passkey_last", models.BooleanField(db_default=False, default=False)),
        migrations.RunPython(add_foreign_keys, drop_foreign_keys),
    ]
