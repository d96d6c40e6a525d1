"""The fields of the deactivation safeguard get plain names. Their columns keep the old ones."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0032_names_of_rows")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("scimsafeguardrow", "people", "user_count"),
                migrations.AlterField("scimsafeguardrow", "user_count", models.PositiveIntegerField(db_column="people", default=0)),
                migrations.RenameField("scimsafeguardrow", "gone", "deactivated_count"),
                migrations.AlterField("scimsafeguardrow", "deactivated_count", models.PositiveIntegerField(db_column="gone", default=0)),
                migrations.RenameField("scimsafeguardrow", "removed", "removed_count"),
                migrations.AlterField("scimsafeguardrow", "removed_count", models.PositiveIntegerField(db_column="removed", db_default=0, default=0)),
                migrations.RemoveIndex("scimuserrow", "scim_user_waits_to_leave"),
                migrations.RenameField("scimuserrow", "deactivation_refused_at", "deactivation_held_at"),
                migrations.AlterField("scimuserrow", "deactivation_held_at", models.DateTimeField(db_column="deactivation_refused_at", null=True)),
                migrations.AddIndex(
                    "scimuserrow",
                    models.Index(
                        condition=models.Q(("deactivation_held_at__isnull", False)),
                        fields=["organization", "connection", "id"],
                        name="scim_user_waits_to_leave",
                    ),
                ),
                migrations.RemoveIndex("scimgrouprow", "scim_group_removal_on_hold"),
                migrations.RenameField("scimgrouprow", "removal_refused_at", "removal_held_at"),
                migrations.AlterField("scimgrouprow", "removal_held_at", models.DateTimeField(db_column="removal_refused_at", null=True)),
                migrations.RenameField("scimgrouprow", "removal_refused_people", "removal_held_count"),
                migrations.AlterField(
                    "scimgrouprow",
                    "removal_held_count",
                    models.PositiveIntegerField(db_column="removal_refused_people", db_default=0, default=0),
                ),
                migrations.AddIndex(
                    "scimgrouprow",
                    models.Index(
                        condition=models.Q(("removal_held_at__isnull", False)),
                        fields=["organization", "connection", "id"],
                        name="scim_group_removal_on_hold",
                    ),
                ),
            ]
        )
    ]
