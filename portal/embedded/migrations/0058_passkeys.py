"""Passkeys and their challenges. The keys to members, and what is added to these, come with 0059."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.ids
import portal.embedded.models.fields

TABLES = ("directory_passkey", "directory_passkeychallenge")


def add_organization_to_keys(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: make the organization a part of the primary keys (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        for table in TABLES:
            schema_editor.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (id, organization_id)"
            )


def key() -> models.UUIDField[object, object]:
    """Return the primary key of a table."""
    return models.UUIDField(default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False)


def member() -> portal.embedded.models.fields.TenantKey:
    """Return the reference to the member."""
    return portal.embedded.models.fields.TenantKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.CASCADE,
        related_name="+",
        to="directory.memberrow",
    )


def organization() -> models.ForeignKey[object, object]:
    """Return the reference to the organization."""
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="directory.organizationrow"
    )


class Migration(migrations.Migration):
    dependencies = [("directory", "0057_sms_otps_of_members")]

    operations = [
        migrations.CreateModel(
            name="PasskeyRow",
            fields=[
                ("id", key()),
                ("credential_id", models.BinaryField(max_length=1023)),
                ("public_key", models.BinaryField()),
                ("sign_count", models.BigIntegerField(default=0)),
                ("transports", models.JSONField(default=list)),
                ("is_synced", models.BooleanField(default=False)),
                ("name", models.CharField(max_length=60)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("member", member()),
                ("organization", organization()),
            ],
            options={
                "db_table": "directory_passkey",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("credential_id", "organization"), name="passkey_credential_of_organization"
                    )
                ],
                "indexes": [models.Index(fields=["member"], name="passkey_member")],
            },
        ),
        migrations.CreateModel(
            name="PasskeyChallengeRow",
            fields=[
                ("id", key()),
                ("challenge", models.BinaryField(max_length=32)),
                ("bound_to", models.UUIDField()),
                ("is_creation", models.BooleanField()),
                ("expires_at", models.DateTimeField()),
                ("member", member()),
                ("organization", organization()),
            ],
            options={
                "db_table": "directory_passkeychallenge",
                "indexes": [
                    models.Index(fields=["member"], name="passkey_challenge_member"),
                    models.Index(fields=["expires_at"], name="passkey_challenge_expires"),
                ],
            },
        ),
        migrations.RunPython(add_organization_to_keys, migrations.RunPython.noop),
    ]
