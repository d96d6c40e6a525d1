"""Codes by text message. The key to members comes with 0057."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.ids
import portal.embedded.models.fields

TABLE = "directory_smsotp"


def add_organization_to_keys(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: make the organization a part of the primary key (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_pkey, ADD PRIMARY KEY (id, organization_id)"
        )


class Migration(migrations.Migration):
    dependencies = [("directory", "0055_languages_of_emails")]

    operations = [
        migrations.CreateModel(
            name="SmsOtpRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("failed_attempts", models.PositiveIntegerField(default=0)),
                ("locked_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("phone_number", models.CharField(max_length=32)),
                ("request_id", models.UUIDField()),
                ("code_hash", models.BinaryField(max_length=32, null=True)),
                ("code_attempts", models.PositiveSmallIntegerField(default=0)),
                ("locale", models.CharField(blank=True, db_default="", default="", max_length=16)),
                ("expires_at", models.DateTimeField()),
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
                "db_table": "directory_smsotp",
                "constraints": [models.UniqueConstraint(fields=("member", "organization"), name="sms_otp_of_member")],
            },
        ),
        migrations.RunPython(add_organization_to_keys, migrations.RunPython.noop),
    ]
