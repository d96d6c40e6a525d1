"""Authenticator apps and recovery codes. What they add to members comes with 0053."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.ids
import portal.embedded.models.fields

TABLES = ("directory_totp", "directory_recoverycodes")


def add_organization_to_keys(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: make the organization a part of the primary keys (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (id, organization_id)"
            )


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0051_membership_added"),
    ]

    operations = [
        migrations.AddField(
            model_name="intermediatesessionrow",
            name="only_for",
            field=models.UUIDField(null=True),
        ),
        migrations.CreateModel(
            name="TotpRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("encrypted_with", models.CharField(max_length=16)),
                ("failed_attempts", models.PositiveIntegerField(default=0)),
                ("locked_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("secret", models.BinaryField()),
                ("last_step", models.BigIntegerField(default=0)),
                ("expires_at", models.DateTimeField(null=True)),
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
                "db_table": "directory_totp",
                "constraints": [models.UniqueConstraint(fields=("member", "organization"), name="totp_of_member")],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCodesRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("encrypted_with", models.CharField(max_length=16)),
                ("failed_attempts", models.PositiveIntegerField(default=0)),
                ("locked_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("codes", models.BinaryField()),
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
                "db_table": "directory_recoverycodes",
                "constraints": [
                    models.UniqueConstraint(fields=("member", "organization"), name="recovery_codes_of_member")
                ],
            },
        ),
        migrations.RunPython(add_organization_to_keys, migrations.RunPython.noop),
    ]
