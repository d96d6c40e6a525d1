"""Indexes for each filter of the activity page, in the place of one that nothing read (docs/decisions/0033).

This is what the models say, and SQLite's part. PostgreSQL's part is 0041.
"""

from importlib import import_module

from django.db import migrations, models

OnSqlite = import_module("portal.embedded.migrations.0034_tenant_keys").OnSqlite

NOT_SCIM = ~models.Q(actor_type="scim")
ROUTINE = (
    "scim_user.create",
    "scim_user.update",
    "scim_user.delete",
    "scim_group.create",
    "scim_group.update",
    "scim_group.delete",
    "member.create",
    "member.update",
    "member.link_scim_user",
    "member.deactivate",
    "member.reactivate",
    "member_session.create",
    "member_session.revoke",
)


class Migration(migrations.Migration):
    dependencies = [("directory", "0038_tasks")]

    operations = [
        OnSqlite(
            [
                migrations.AddIndex(
                    "activityentryrow", models.Index(fields=["organization", "-id"], name="activity_listed")
                ),
                migrations.AddIndex(
                    "activityentryrow",
                    models.Index(fields=["organization", "target_id", "-id"], name="activity_of_target"),
                ),
                migrations.AddIndex(
                    "activityentryrow",
                    models.Index(
                        fields=["organization", "actor_id", "-id"], condition=NOT_SCIM, name="activity_by_actor"
                    ),
                ),
                migrations.AddIndex(
                    "activityentryrow",
                    models.Index(
                        fields=["organization", "actor_type", "-id"], condition=NOT_SCIM, name="activity_by_actor_type"
                    ),
                ),
                migrations.AddIndex(
                    "activityentryrow",
                    models.Index(
                        fields=["organization", "-id"],
                        condition=~models.Q(action__in=ROUTINE),
                        name="activity_not_routine",
                    ),
                ),
                migrations.RemoveIndex("activityentryrow", "activity_newest_first"),
            ]
        ),
    ]
