"""Remembered devices. Their key to members, and what is added to other tables, come with 0066."""

import django.db.models.deletion
import django.utils.timezone
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.ids
import portal.embedded.models.fields

TABLE = "directory_remembereddevice"


def add_organization_to_key(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: make the organization a part of the primary key (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_pkey, ADD PRIMARY KEY (id, organization_id)"
        )


class Migration(migrations.Migration):
    dependencies = [("directory", "0064_email_domains")]

    operations = [
        migrations.CreateModel(
            name="RememberedDeviceRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("token_hash", models.BinaryField(max_length=32)),
                ("state_hash", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("ip_address", models.CharField(blank=True, max_length=45)),
                ("user_agent", models.CharField(blank=True, max_length=256)),
                (
                    "member",
                    portal.embedded.models.fields.TenantKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="directory.memberrow",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="directory.organizationrow"
                    ),
                ),
            ],
            options={
                "db_table": TABLE,
                "indexes": [
                    models.Index(fields=["member"], name="remembered_device_member"),
                    models.Index(fields=["expires_at"], name="remembered_device_expires"),
                ],
            },
        ),
        migrations.RunPython(add_organization_to_key, migrations.RunPython.noop),
    ]
