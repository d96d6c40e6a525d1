"""PostgreSQL: the keys that contain the organization take the place of the old ones (docs/decisions/0026).

This can run again after it was interrupted, but not be undone: restore a backup instead.
"""

from importlib import import_module

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.exceptions import IrreversibleError

from portal.embedded.database.postgresql.online import alter, drop_index, has_constraint

beside = import_module("portal.embedded.migrations.0035_tenant_keys_beside")

OLD_UNIQUE = {
    "intermediatesession_members": ["directory_intermediatese_intermediatesession_id_m_c33b59d3_uniq"],
    "membersession": ["directory_membersession_token_hash_key"],
    "scimgroup": ["scim_group_name_unique"],
    "scimmembership": ["scim_membership_unique"],
    "scimnesting": ["scim_nesting_unique"],
    "scimtoken": ["directory_scimtoken_token_hash_key"],
    "scimuser": ["directory_scimuser_member_id_key", "scim_user_name_unique"],
    "signinlink": ["directory_signinlink_token_hash_key"],
}
OLD_INDEXES = (
    # Those of the keys, in another order.
    "scim_token_one_current_one_next",
    "scim_group_by_external_id",
    "scim_group_by_name",
    "scim_group_in_order",
    "scim_group_removal_on_hold",
    "scim_user_by_external_id",
    "scim_user_by_name",
    "scim_user_cannot_sign_in",
    "scim_user_deactivated",
    "scim_user_in_order",
    "scim_user_waits_to_leave",
    # Those that a key serves as well.
    "directory_intermediatesess_intermediatesession_id_bcca6e06",
    "directory_membersession_member_id_f80960fc",
    "directory_scimbrake_organization_id_e8eea774",
    "directory_scimconflict_organization_id_45b2270d",
    "directory_scimcontact_organization_id_326d10bf",
    "directory_scimgrouprole_organization_id_49e4fddc",
    "directory_scimreminder_organization_id_60f96c37",
    # One that is in the way of a look-up by a token (docs/decisions/0026).
    "directory_signinlink_organization_id_729d27ff",
)
# Foreign keys of one column between two tables of organizations.
FIND_OLD_FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, conname FROM pg_constraint
    WHERE contype = 'f' AND cardinality(conkey) = 1
        AND conrelid = ANY(%s::text[]::regclass[]) AND confrelid = ANY(%s::text[]::regclass[])
    ORDER BY 1, 2
"""


def replace_keys(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the old foreign keys, primary keys and unique keys, each when the new one is there."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    tables = [f"directory_{table}" for table in beside.TABLES]
    with connection.cursor() as cursor:
        cursor.execute(FIND_OLD_FOREIGN_KEYS, [tables, tables])
        old = cursor.fetchall()
    for table, name in old:
        alter(connection, f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for table in beside.TABLES:
        replace_primary_key(connection, f"directory_{table}", beside.primary(table))
    for name, definition in beside.UNIQUE.items():
        table, _, _ = definition.partition(" ")
        if not has_constraint(connection, table, name):
            alter(connection, f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}")
    for table, names in OLD_UNIQUE.items():
        for name in names:
            alter(connection, f"ALTER TABLE directory_{table} DROP CONSTRAINT IF EXISTS {name}")


def replace_primary_key(connection: BaseDatabaseWrapper, table: str, index: str) -> None:
    """Make an index the primary key, in the place of the one that there is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NULL", [index])
        (is_done,) = cursor.fetchone()
    if not is_done:
        alter(
            connection,
            f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, "
            f"ADD CONSTRAINT {table}_pkey PRIMARY KEY USING INDEX {index}",
        )


def drop_old_indexes(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Drop the indexes that nothing needs any longer."""
    if schema_editor.connection.vendor == "postgresql":
        for name in OLD_INDEXES:
            drop_index(schema_editor.connection, name)


def refuse(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Raise IrreversibleError on PostgreSQL."""
    if schema_editor.connection.vendor == "postgresql":
        raise IrreversibleError("The old keys are gone. Restore a backup to return to an earlier version.")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0035_tenant_keys_beside")]

    operations = [
        migrations.RunPython(replace_keys, refuse),
        migrations.RunPython(drop_old_indexes, migrations.RunPython.noop),
    ]
