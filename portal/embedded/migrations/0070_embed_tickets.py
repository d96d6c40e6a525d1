"""Tickets of frames. Their key to members, and what is added to other tables, come with 0071."""

import django.db.models.deletion
import django.utils.timezone
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.ids
import portal.embedded.models.fields

TABLE = "directory_embedticket"


def add_organization_to_key(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: make the organization a part of the primary key (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_pkey, ADD PRIMARY KEY (id, organization_id)"
        )


class Migration(migrations.Migration):
    dependencies = [("directory", "0069_deleted_slugs")]

    operations = [
        migrations.CreateModel(
            name="EmbedTicketRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("token_hash", models.BinaryField(max_length=32)),
                ("embedding", models.JSONField()),
                ("product_session", models.UUIDField(blank=True, null=True)),
                ("shares_lifetime", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("session", models.UUIDField(blank=True, null=True)),
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
                    models.Index(fields=["organization", "-id"], name="embed_ticket_listed"),
                    models.Index(fields=["member"], name="embed_ticket_member"),
                    models.Index(fields=["expires_at"], name="embed_ticket_expires"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("token_hash", "organization"), name="embed_ticket_token_key")
                ],
            },
        ),
        migrations.RunPython(add_organization_to_key, migrations.RunPython.noop),
    ]
