"""Invitations, and jobs that invite many people. The keys to other rows come with 0063."""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.bulk_invitations
import portal.directory.ids
import portal.embedded.models.fields

TABLES = ("directory_invitation", "directory_invitationjob", "directory_invitationline")


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


def reference(to: str) -> portal.embedded.models.fields.TenantKey:
    """Return a reference to a row of the same organization."""
    return portal.embedded.models.fields.TenantKey(
        db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to=to
    )


def organization() -> models.ForeignKey[object, object]:
    """Return the reference to the organization."""
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, to="directory.organizationrow"
    )


class Migration(migrations.Migration):
    dependencies = [("directory", "0061_sign_in_numbers")]

    operations = [
        migrations.CreateModel(
            name="InvitationRow",
            fields=[
                ("id", key()),
                ("invited_by", models.CharField(blank=True, max_length=64)),
                ("locale", models.CharField(blank=True, max_length=16)),
                ("sends", models.PositiveIntegerField(default=1)),
                ("sent_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("emailed_at", models.DateTimeField(blank=True, null=True)),
                ("member", reference("directory.memberrow")),
                ("organization", organization()),
            ],
            options={
                "db_table": "directory_invitation",
                "indexes": [models.Index(fields=["organization", "expires_at", "id"], name="invitation_expiry")],
                "constraints": [
                    models.UniqueConstraint(fields=("member", "organization"), name="invitation_of_member")
                ],
            },
        ),
        migrations.CreateModel(
            name="InvitationJobRow",
            fields=[
                ("id", key()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            (one, one)
                            for one in (
                                portal.directory.bulk_invitations.JobState.DRAFT,
                                portal.directory.bulk_invitations.JobState.RUNNING,
                                portal.directory.bulk_invitations.JobState.FINISHED,
                                portal.directory.bulk_invitations.JobState.CANCELED,
                            )
                        ],
                        default=portal.directory.bulk_invitations.JobState.DRAFT,
                        max_length=16,
                    ),
                ),
                ("created_by", models.CharField(max_length=64)),
                ("created_by_name", models.CharField(blank=True, max_length=256)),
                ("counts", models.JSONField(default=dict)),
                ("ip_address", models.CharField(blank=True, max_length=45)),
                ("user_agent", models.CharField(blank=True, max_length=256)),
                ("request_id", models.CharField(blank=True, max_length=100)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("organization", organization()),
            ],
            options={
                "db_table": "directory_invitationjob",
                "indexes": [
                    models.Index(fields=["organization", "-id"], name="invitation_job_listed"),
                    models.Index(fields=["created_at"], name="invitation_job_created"),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvitationLineRow",
            fields=[
                ("id", key()),
                ("number", models.PositiveIntegerField()),
                ("email_address", models.CharField(max_length=320)),
                ("name", models.CharField(blank=True, max_length=256)),
                ("roles", models.JSONField(default=list)),
                ("locale", models.CharField(blank=True, max_length=16)),
                ("state", models.CharField(max_length=16)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("job", reference("directory.invitationjobrow")),
                ("organization", organization()),
            ],
            options={
                "db_table": "directory_invitationline",
                "indexes": [models.Index(fields=["job", "state", "number"], name="invitation_line_state")],
                "constraints": [
                    models.UniqueConstraint(fields=("job", "number", "organization"), name="invitation_line_number")
                ],
            },
        ),
        migrations.RunPython(add_organization_to_keys, migrations.RunPython.noop),
    ]
