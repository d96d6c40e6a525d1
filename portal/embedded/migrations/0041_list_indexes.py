"""PostgreSQL: the indexes of the two migrations before, built while the tables are written to.

This can run again after it was interrupted.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.embedded.database.postgresql.online import build_index, drop_index

ROUTINE = (
    "scim_user.create",
    "scim_user.update",
    "scim_user.delete",
    "scim_group.create",
    "scim_group.update",
    "scim_group.delete",
    "member.create",
    "member.update",
    "member.link_scim_user",
    "member.deactivate",
    "member.reactivate",
    "member_session.create",
    "member_session.revoke",
)
ACTIVITY = "directory_activityentry"
INDEXES = {
    "activity_listed": f"{ACTIVITY} (organization_id, id DESC)",
    "activity_of_target": f"{ACTIVITY} (organization_id, target_id, id DESC)",
    "activity_by_actor": f"{ACTIVITY} (organization_id, actor_id, id DESC) WHERE NOT (actor_type = 'scim')",
    "activity_by_actor_type": f"{ACTIVITY} (organization_id, actor_type, id DESC) WHERE NOT (actor_type = 'scim')",
    "activity_not_routine": f"{ACTIVITY} (organization_id, id DESC) WHERE NOT (action IN ({', '.join(map(repr, ROUTINE))}))",
    "member_deactivated": "directory_member (organization_id, email_address_folded, id) WHERE status = 'deleted'",
}
OLD = "activity_newest_first"
OLD_DEFINITION = f"{ACTIVITY} (organization_id, at DESC, id DESC)"


def build(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Build the indexes, then drop the old one."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    for name, definition in INDEXES.items():
        build_index(connection, name, definition)
    drop_index(connection, OLD)


def undo(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Build the old index, then drop the others."""
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    build_index(connection, OLD, OLD_DEFINITION)
    for name in INDEXES:
        drop_index(connection, name)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0040_members_listed")]

    operations = [migrations.RunPython(build, undo)]
