"""Codes by text message."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState

import portal.directory.ids
import portal.embedded.models.fields
from portal.embedded.database.postgresql.online import add_foreign_key

TABLE = "directory_smsotp"
KEY = "(organization_id, member_id) REFERENCES directory_member (organization_id, id)"


class CreateTable(migrations.CreateModel):
    """Creates a table in a transaction of its own, unless an interrupted run has created it."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Create the table. PostgreSQL: with the organization in its primary key (docs/decisions/0026)."""
        connection = schema_editor.connection
        if TABLE in connection.introspection.table_names():
            return
        with connection.schema_editor(atomic=True) as own:
            super().database_forwards(app_label, own, from_state, to_state)
            if connection.vendor == "postgresql":
                own.execute(
                    f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_pkey, ADD PRIMARY KEY (id, organization_id)"
                )


def add_foreign_key_to_members(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: have the reference to the member carry the organization, without a lock that writes wait for."""
    if schema_editor.connection.vendor == "postgresql":
        add_foreign_key(schema_editor.connection, TABLE, f"{TABLE}_member_id_tenant", KEY)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0055_languages_of_emails")]

    operations = [
        CreateTable(
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
        migrations.RunPython(add_foreign_key_to_members, migrations.RunPython.noop),
    ]
