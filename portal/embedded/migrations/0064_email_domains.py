"""Email domains with what proves them. Domains that organizations have already count as set by the project."""

import secrets

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.ids
import portal.embedded.models.fields
from portal.directory.email_addresses import fold_domain

TABLE = "directory_emaildomain"
FINDINGS = [
    ("", "NONE_YET"),
    ("found", "FOUND"),
    ("missing", "MISSING"),
    ("other_value", "OTHER_VALUE"),
    ("taken", "TAKEN"),
    ("no_answer", "NO_ANSWER"),
]
PURPOSES = [
    ("magic_link", "Magic Link"),
    ("invitation", "Invitation"),
    ("code", "Code"),
    ("password_reset", "Password Reset"),
    ("email_update", "Email Update"),
    ("update_code", "Update Code"),
    ("domain_code", "Domain Code"),
]


def add_organization_to_key(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL: make the organization a part of the primary key (docs/decisions/0026)."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"ALTER TABLE {TABLE} DROP CONSTRAINT {TABLE}_pkey, ADD PRIMARY KEY (id, organization_id)")


def trust_what_is_there(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """Add a row for each domain of each organization. It's in one transaction with the tables."""
    organizations = apps.get_model("directory", "OrganizationRow").objects.exclude(email_allowed_domains=[])
    domains = apps.get_model("directory", "EmailDomainRow")
    rows = []
    for key, listed in organizations.order_by("pk").values_list("pk", "email_allowed_domains").iterator(500):
        rows += [
            domains(organization_id=key, domain=one, record_value=f"gatehouse-domain={secrets.token_hex(16)}", is_trusted=True)
            for one in dict.fromkeys(map(fold_domain, listed))
        ]
        if len(rows) >= 500:
            domains.objects.bulk_create(rows)
            rows = []
    domains.objects.bulk_create(rows)


class Migration(migrations.Migration):
    dependencies = [("directory", "0063_invitations_of_members")]

    operations = [
        migrations.AlterField("discoverytokenrow", "purpose", models.CharField(choices=PURPOSES, max_length=16)),
        migrations.AlterField("emailtokenrow", "purpose", models.CharField(choices=PURPOSES, max_length=16)),
        migrations.CreateModel(
            name="EmailDomainRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("domain", portal.embedded.models.fields.ComparedField(max_length=253)),
                ("record_value", models.CharField(max_length=64)),
                ("added_by", models.CharField(blank=True, default="", max_length=256)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("is_trusted", models.BooleanField(default=False)),
                ("affiliated_at", models.DateTimeField(null=True)),
                ("affiliated_address", models.CharField(blank=True, default="", max_length=254)),
                ("owned_at", models.DateTimeField(null=True)),
                ("missing_since", models.DateTimeField(null=True)),
                ("warned_at", models.DateTimeField(null=True)),
                ("lapsed_at", models.DateTimeField(null=True)),
                ("check_asked_at", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("next_check_at", models.DateTimeField(null=True)),
                ("finding", models.CharField(blank=True, choices=FINDINGS, default="", max_length=16)),
                ("found_value", models.CharField(blank=True, default="", max_length=128)),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="directory.organizationrow"
                    ),
                ),
            ],
            options={
                "db_table": TABLE,
                "constraints": [
                    models.UniqueConstraint(fields=("domain", "organization"), name="email_domain_of_organization")
                ],
                "indexes": [
                    models.Index(
                        fields=["next_check_at"],
                        name="email_domain_next_check",
                        condition=models.Q(("next_check_at__isnull", False)),
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="OwnedDomainRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("domain", portal.embedded.models.fields.ComparedField(max_length=253, unique=True)),
                ("owned_at", models.DateTimeField()),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="directory.organizationrow"
                    ),
                ),
            ],
            options={"db_table": "directory_owneddomain"},
        ),
        migrations.RunPython(add_organization_to_key, migrations.RunPython.noop),
        migrations.RunPython(trust_what_is_there, migrations.RunPython.noop),
    ]
