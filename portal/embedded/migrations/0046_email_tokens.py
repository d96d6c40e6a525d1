"""Links and codes by email, and what a person proved in a session that isn't one yet."""

import django.core.serializers.json
import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.ids
import portal.embedded.models.fields

TABLE = "directory_emailtoken"


def add_organization_to_key(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: make the organization a part of the primary key (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_pkey, ADD PRIMARY KEY (id, organization_id)"
        )


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0045_counts"),
    ]

    operations = [
        migrations.AlterField(
            model_name="membersessionrow",
            name="exchanged_factors",
            field=models.JSONField(
                blank=True,
                db_column="exchanged_factors",
                db_default=[],
                default=list,
                encoder=django.core.serializers.json.DjangoJSONEncoder,
            ),
        ),
        migrations.RenameField(
            model_name="membersessionrow",
            old_name="exchanged_factors",
            new_name="factors",
        ),
        migrations.AddField(
            model_name="intermediatesessionrow",
            name="factors",
            field=models.JSONField(
                blank=True, db_default=[], default=list, encoder=django.core.serializers.json.DjangoJSONEncoder
            ),
        ),
        migrations.AddField(
            model_name="intermediatesessionrow",
            name="proves_address",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name="DiscoveryTokenRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email_address", models.EmailField(max_length=254)),
                (
                    "email_address_folded",
                    portal.embedded.models.fields.FoldedAddressField(
                        editable=False, max_length=512, of="email_address"
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("magic_link", "Magic Link"),
                            ("invitation", "Invitation"),
                            ("code", "Code"),
                            ("password_reset", "Password Reset"),
                        ],
                        max_length=16,
                    ),
                ),
                ("login_redirect_url", models.CharField(blank=True, max_length=2048)),
                ("signup_redirect_url", models.CharField(blank=True, max_length=2048)),
                ("login_minutes", models.PositiveIntegerField()),
                ("signup_minutes", models.PositiveIntegerField()),
                ("code_challenge", models.CharField(blank=True, max_length=64)),
                ("token_hash", models.BinaryField(max_length=32, null=True)),
                ("failed_attempts", models.PositiveSmallIntegerField(default=0)),
                ("ip_address", models.CharField(blank=True, max_length=45)),
                ("user_agent", models.CharField(blank=True, max_length=256)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "db_table": "directory_discoverytoken",
                "indexes": [
                    models.Index(fields=["email_address_folded", "purpose"], name="discovery_token_of_address"),
                    models.Index(fields=["expires_at"], name="discovery_token_expiry"),
                ],
                "constraints": [models.UniqueConstraint(fields=("token_hash",), name="discovery_token_key")],
            },
        ),
        migrations.CreateModel(
            name="EmailTokenRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email_address", models.EmailField(max_length=254)),
                (
                    "email_address_folded",
                    portal.embedded.models.fields.FoldedAddressField(
                        editable=False, max_length=512, of="email_address"
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("magic_link", "Magic Link"),
                            ("invitation", "Invitation"),
                            ("code", "Code"),
                            ("password_reset", "Password Reset"),
                        ],
                        max_length=16,
                    ),
                ),
                ("login_redirect_url", models.CharField(blank=True, max_length=2048)),
                ("signup_redirect_url", models.CharField(blank=True, max_length=2048)),
                ("login_minutes", models.PositiveIntegerField()),
                ("signup_minutes", models.PositiveIntegerField()),
                ("code_challenge", models.CharField(blank=True, max_length=64)),
                ("token_hash", models.BinaryField(max_length=32, null=True)),
                ("failed_attempts", models.PositiveSmallIntegerField(default=0)),
                ("ip_address", models.CharField(blank=True, max_length=45)),
                ("user_agent", models.CharField(blank=True, max_length=256)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("invited_by", models.CharField(blank=True, max_length=64)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="directory.organizationrow"
                    ),
                ),
            ],
            options={
                "db_table": "directory_emailtoken",
                "indexes": [
                    models.Index(
                        fields=["organization", "email_address_folded", "purpose"], name="email_token_of_address"
                    ),
                    models.Index(fields=["expires_at"], name="email_token_expiry"),
                ],
                "constraints": [models.UniqueConstraint(fields=("token_hash", "organization"), name="email_token_key")],
            },
        ),
        migrations.RunPython(add_organization_to_key, migrations.RunPython.noop),
    ]
