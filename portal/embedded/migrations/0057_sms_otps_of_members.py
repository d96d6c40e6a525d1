"""The key of 0056's table to members, without a lock that writes wait for."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.embedded.database.postgresql.online import add_foreign_key, alter

TABLE = "directory_smsotp"
NAME = f"{TABLE}_member_id_tenant"
KEY = "(organization_id, member_id) REFERENCES directory_member (organization_id, id)"


def add_key(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: have the reference carry the organization (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        add_foreign_key(schema_editor.connection, TABLE, NAME, KEY)


def drop_key(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo `add_key`."""
    if schema_editor.connection.vendor == "postgresql":
        alter(schema_editor.connection, f"ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS {NAME}")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0056_sms_otps")]

    operations = [migrations.RunPython(add_key, drop_key)]
