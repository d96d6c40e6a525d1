"""Numbers that pages show: what organizations have, day by day, and the requests of connections, hour by hour."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.ids

TABLES = ("directory_dailycount", "directory_scimrequestcount")


def add_organization_to_keys(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: make the organization a part of the primary keys (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (id, organization_id)"
            )


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0044_session_ends"),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyCountRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("counted_at", models.DateTimeField()),
                ("members", models.PositiveIntegerField()),
                ("unmanaged_members", models.PositiveIntegerField()),
                ("connection_key", models.UUIDField(null=True)),
                ("active_users", models.PositiveIntegerField(default=0)),
                ("deactivated_users", models.PositiveIntegerField(default=0)),
                ("groups", models.PositiveIntegerField(default=0)),
                ("granting_groups", models.PositiveIntegerField(default=0)),
                ("roles", models.JSONField(default=dict)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="directory.organizationrow"
                    ),
                ),
            ],
            options={
                "db_table": "directory_dailycount",
                "constraints": [models.UniqueConstraint(fields=("organization", "day"), name="daily_count_key")],
            },
        ),
        migrations.CreateModel(
            name="ScimRequestCountRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("connection_key", models.UUIDField()),
                ("hour", models.DateTimeField()),
                ("process_key", models.UUIDField()),
                ("succeeded", models.PositiveIntegerField()),
                ("failed", models.PositiveIntegerField()),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="directory.organizationrow",
                    ),
                ),
            ],
            options={
                "db_table": "directory_scimrequestcount",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "connection_key", "hour", "process_key"), name="scim_request_count_key"
                    )
                ],
            },
        ),
        migrations.RunPython(add_organization_to_keys, migrations.RunPython.noop),
    ]
