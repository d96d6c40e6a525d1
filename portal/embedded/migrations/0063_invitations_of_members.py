"""The keys of 0062's tables to members and jobs, and a row for each member who was invited before."""

from datetime import timedelta

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.embedded.database.postgresql.online import add_foreign_key, alter

KEYS = (
    ("directory_invitation", "member_id", "directory_member"),
    ("directory_invitationline", "job_id", "directory_invitationjob"),
)
BATCH = 1000
LIFETIME = timedelta(days=7)


def add_foreign_keys(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: have each reference carry the organization (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        for table, column, other in KEYS:
            key = f"(organization_id, {column}) REFERENCES {other} (organization_id, id)"
            add_foreign_key(schema_editor.connection, table, f"{table}_{column}_tenant", key)


def drop_foreign_keys(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo `add_foreign_keys`."""
    if schema_editor.connection.vendor == "postgresql":
        for table, column, _other in KEYS:
            alter(
                schema_editor.connection, f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_{column}_tenant"
            )


def add_invitations(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Store when earlier invitations were sent. Nothing says when they end, so they do a week after."""
    alias = schema_editor.connection.alias
    members = apps.get_model("directory", "MemberRow").objects.using(alias)
    invitations = apps.get_model("directory", "InvitationRow").objects.using(alias)
    invited, last = members.filter(status="invited").order_by("pk"), None
    while batch := list((invited.filter(pk__gt=last) if last else invited)[:BATCH]):
        known = set(invitations.filter(member_id__in=[one.pk for one in batch]).values_list("member_id", flat=True))
        invitations.bulk_create(
            [
                invitations.model(
                    organization_id=one.organization_id,
                    member_id=one.pk,
                    sent_at=one.created_at,
                    emailed_at=one.created_at,
                    expires_at=one.created_at + LIFETIME,
                )
                for one in batch
                if one.pk not in known
            ],
            ignore_conflicts=True,
        )
        last = batch[-1].pk


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0062_invitations")]

    operations = [
        migrations.RunPython(add_foreign_keys, drop_foreign_keys),
        migrations.RunPython(add_invitations, migrations.RunPython.noop),
    ]
