"""PostgreSQL: the keys that contain the organization, beside the old ones (docs/decisions/0026).

Requests are served all the while. Each step can run again after it was interrupted, and all of them can be undone.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.embedded.database.postgresql.online import (
    add_foreign_key,
    alter,
    build_index,
    drop_index,
    has_constraint,
    require_values,
)

PROJECT = "00000000-0000-0000-0000-000000000000"
ACTIVITY, CHOICES = "directory_activityentry", "directory_intermediatesession_members"
ORGANIZATION_OF_ACTIVITY = "directory_activityen_organization_id_44519f5f_fk_directory"
ORGANIZATION_OF_CHOICES = f"{CHOICES}_organization_id_fk"

# As Django defines foreign keys. Those that carry the organization are checked at the end of each statement, as the guards are.
TO_ORGANIZATION = "(organization_id) REFERENCES directory_organization (id) DEFERRABLE INITIALLY DEFERRED"

# Each gets a primary key of its ID and its organization.
TABLES = (
    "activityentry",
    "intermediatesession_members",
    "member",
    "membersession",
    "scimbrake",
    "scimconflict",
    "scimconnection",
    "scimcontact",
    "scimgroup",
    "scimgrouprole",
    "scimmembership",
    "scimnesting",
    "scimreminder",
    "scimrequest",
    "scimtoken",
    "scimuser",
    "signinlink",
)
# The other unique keys, and their tables.
UNIQUE = {
    "intermediate_session_member_key": f"{CHOICES} (intermediatesession_id, member_id, organization_id)",
    "scim_group_name_key": "directory_scimgroup (display_name_folded, organization_id, connection_id)",
    "scim_membership_key": "directory_scimmembership (group_id, user_id, organization_id)",
    "scim_nesting_key": "directory_scimnesting (group_id, member_id, organization_id)",
    "scim_token_key": "directory_scimtoken (token_hash, organization_id)",
    "scim_user_member_key": "directory_scimuser (member_id, organization_id)",
    "scim_user_name_key": "directory_scimuser (user_name_folded, organization_id, connection_id)",
    "session_token_key": "directory_membersession (token_hash, organization_id)",
    "sign_in_link_token_key": "directory_signinlink (token_hash, organization_id)",
}
# A unique index of some rows can't be a constraint.
PARTLY_UNIQUE = {
    "scim_token_current_and_next": "directory_scimtoken (connection_id, is_next, organization_id) WHERE revoked_at IS NULL"
}
INDEXES = {
    "scim_group_external_id": "directory_scimgroup (external_id, organization_id, connection_id, id)",
    "scim_group_listed": "directory_scimgroup (connection_id, organization_id, id)",
    "scim_group_listed_by_name": "directory_scimgroup (connection_id, organization_id, display_name_folded)",
    "scim_group_on_hold": "directory_scimgroup (connection_id, organization_id, id) WHERE removal_refused_at IS NOT NULL",
    "scim_user_external_id": "directory_scimuser (external_id, organization_id, connection_id, id)",
    "scim_user_inactive": "directory_scimuser (connection_id, organization_id, user_name_folded) WHERE NOT active",
    "scim_user_listed": "directory_scimuser (connection_id, organization_id, id)",
    "scim_user_listed_by_name": "directory_scimuser (connection_id, organization_id, user_name_folded)",
    "scim_user_on_hold": "directory_scimuser (connection_id, organization_id, id) WHERE deactivation_refused_at IS NOT NULL",
    "scim_user_without_access": "directory_scimuser (connection_id, organization_id, user_name_folded) WHERE cannot_sign_in",
}
# What refers to rows of the same organization: the table, the column and the other table.
FOREIGN_KEYS = (
    ("intermediatesession_members", "member_id", "member"),
    ("membersession", "member_id", "member"),
    ("signinlink", "member_id", "member"),
    ("scimbrake", "connection_id", "scimconnection"),
    ("scimconflict", "connection_id", "scimconnection"),
    ("scimconflict", "member_id", "member"),
    ("scimcontact", "connection_id", "scimconnection"),
    ("scimgroup", "connection_id", "scimconnection"),
    ("scimgrouprole", "connection_id", "scimconnection"),
    ("scimgrouprole", "group_id", "scimgroup"),
    ("scimmembership", "group_id", "scimgroup"),
    ("scimmembership", "user_id", "scimuser"),
    ("scimnesting", "group_id", "scimgroup"),
    ("scimnesting", "member_id", "scimgroup"),
    ("scimreminder", "connection_id", "scimconnection"),
    ("scimtoken", "connection_id", "scimconnection"),
    ("scimuser", "connection_id", "scimconnection"),
    ("scimuser", "member_id", "member"),
)

# Nodes of the version before, which serve until each is upgraded, insert rows without an organization.
FILL = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.organization_id := {value}; RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER {name} BEFORE INSERT ON {table} FOR EACH ROW WHEN (NEW.organization_id IS NULL)
EXECUTE FUNCTION {name}()
"""
MEMBERS_ORGANIZATION = "(SELECT m.organization_id FROM directory_member m WHERE m.id = {row}.member_id)"


def add_columns(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give each row of a tenant an organization."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    value = MEMBERS_ORGANIZATION.format(row="NEW")
    alter(
        connection,
        f"ALTER TABLE {CHOICES} ADD COLUMN IF NOT EXISTS organization_id uuid",
        *fill(connection, "fill_intermediate_session_organization", CHOICES, value),
    )
    value = MEMBERS_ORGANIZATION.format(row=CHOICES)
    alter(connection, f"UPDATE {CHOICES} SET organization_id = {value} WHERE organization_id IS NULL")
    require_values(connection, CHOICES, "organization_id")
    if not has_constraint(connection, CHOICES, ORGANIZATION_OF_CHOICES):
        add_foreign_key(
            connection, CHOICES, ORGANIZATION_OF_CHOICES, TO_ORGANIZATION
        )
    alter(
        connection,
        f"ALTER TABLE {ACTIVITY} DROP CONSTRAINT IF EXISTS {ORGANIZATION_OF_ACTIVITY}",
        *fill(connection, "fill_activity_organization", ACTIVITY, f"'{PROJECT}'"),
    )
    # Few: the changes of the project itself.
    rename_project(connection, f"SET organization_id = '{PROJECT}' WHERE organization_id IS NULL")
    require_values(connection, ACTIVITY, "organization_id")


def fill(connection: BaseDatabaseWrapper, name: str, table: str, value: str) -> list[str]:
    """Return what creates a trigger that fills in the organization, unless no version before has ever served."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM directory_project UNION ALL SELECT 1 FROM directory_organization LIMIT 1")
        is_in_use = cursor.fetchone() is not None
    return [FILL.format(name=name, table=table, value=value)] if is_in_use else []


def rename_project(connection: BaseDatabaseWrapper, change: str) -> None:
    """Change entries of the activity log, which the guard would reject."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_trigger WHERE tgname = 'activity_no_update' AND tgrelid = to_regclass(%s)", [ACTIVITY]
        )
        is_guarded = cursor.fetchone() is not None
    guard = [f"ALTER TABLE {ACTIVITY} {{}} TRIGGER activity_no_update"] * is_guarded
    alter(
        connection,
        *(one.format("DISABLE") for one in guard),
        f"UPDATE {ACTIVITY} {change}",
        *(one.format("ENABLE") for one in guard),
    )


def drop_columns(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo `add_columns`."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    alter(
        connection,
        f"DROP TRIGGER IF EXISTS fill_intermediate_session_organization ON {CHOICES}",
        "DROP FUNCTION IF EXISTS fill_intermediate_session_organization()",
        f"ALTER TABLE {CHOICES} DROP COLUMN IF EXISTS organization_id",
    )
    alter(
        connection,
        f"DROP TRIGGER IF EXISTS fill_activity_organization ON {ACTIVITY}",
        "DROP FUNCTION IF EXISTS fill_activity_organization()",
        f"ALTER TABLE {ACTIVITY} ALTER COLUMN organization_id DROP NOT NULL",
    )
    rename_project(connection, f"SET organization_id = NULL WHERE organization_id = '{PROJECT}'")
    if not has_constraint(connection, ACTIVITY, ORGANIZATION_OF_ACTIVITY):
        add_foreign_key(
            connection, ACTIVITY, ORGANIZATION_OF_ACTIVITY, TO_ORGANIZATION
        )


def build_indexes(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Create the indexes of the keys and of the look-ups."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    for table in TABLES:
        build_index(connection, primary(table), f"directory_{table} (id, organization_id)", is_unique=True)
    for name, definition in {**UNIQUE, **PARTLY_UNIQUE}.items():
        build_index(connection, name, definition, is_unique=True)
    for name, definition in INDEXES.items():
        build_index(connection, name, definition)


def drop_indexes(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo `build_indexes`."""
    connection = schema_editor.connection
    if connection.vendor == "postgresql":
        for name in [*map(primary, TABLES), *UNIQUE, *PARTLY_UNIQUE, *INDEXES]:
            drop_index(connection, name)


def add_foreign_keys(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Have each reference carry the organization."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    for table, column, other in FOREIGN_KEYS:
        definition = f"(organization_id, {column}) REFERENCES directory_{other} (organization_id, id)"
        add_foreign_key(connection, f"directory_{table}", foreign(table, column), definition)


def drop_foreign_keys(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo `add_foreign_keys`."""
    connection = schema_editor.connection
    if connection.vendor == "postgresql":
        for table, column, _ in FOREIGN_KEYS:
            alter(
                connection, f"ALTER TABLE directory_{table} DROP CONSTRAINT IF EXISTS {foreign(table, column)}"
            )


def primary(table: str) -> str:
    """Return the name that the primary key's index has until it is the primary key."""
    return f"directory_{table}_tenant"


def foreign(table: str, column: str) -> str:
    """Return the name of a foreign key that carries the organization."""
    return f"directory_{table}_{column}_tenant"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0034_tenant_keys")]

    operations = [
        migrations.RunPython(add_columns, drop_columns),
        migrations.RunPython(build_indexes, drop_indexes),
        migrations.RunPython(add_foreign_keys, drop_foreign_keys),
    ]
