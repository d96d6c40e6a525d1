"""Logos of organizations, and what a deleted organization was called as long as it can be restored."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.ids

TABLE = "directory_organizationlogo"


def add_organization_to_key(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: make the organization a part of the primary key (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_pkey, ADD PRIMARY KEY (id, organization_id)"
        )


class Migration(migrations.Migration):
    dependencies = [("directory", "0067_role_members_of_daily_counts")]

    operations = [
        migrations.CreateModel(
            name="OrganizationLogoRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("content", models.BinaryField()),
                ("digest", models.CharField(max_length=32)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="directory.organizationrow",
                    ),
                ),
            ],
            options={
                "db_table": TABLE,
                "constraints": [
                    models.UniqueConstraint(fields=("organization",), name="organization_has_one_logo")
                ],
            },
        ),
        migrations.RunPython(add_organization_to_key, migrations.RunPython.noop),
    ]
