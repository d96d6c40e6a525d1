import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models
from django.db.models import F, OuterRef, Subquery


def remember_groups(apps, schema_editor):
    roles = apps.get_model("directory", "ScimGroupRole").objects
    groups = apps.get_model("directory", "ScimGroup").objects.filter(pk=OuterRef("group_id"))
    roles.update(
        group_key=F("group_id"),
        group_name=Subquery(groups.values("display_name")),
        connection_id=Subquery(groups.values("connection_id")),
    )
    if schema_editor.connection.vendor == "postgresql":
        # What waits to be checked at the end would keep the table from being altered.
        schema_editor.execute("SET CONSTRAINTS ALL IMMEDIATE")


class Migration(migrations.Migration):
    dependencies = [("directory", "0006_scim_conflicts")]

    operations = [
        migrations.RemoveConstraint("scimgrouprole", "scim_group_role_unique"),
        migrations.AddField(
            "scimgrouprole", "created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)
        ),
        migrations.AddField("scimgrouprole", "group_key", models.UUIDField(null=True)),
        migrations.AddField("scimgrouprole", "group_name", models.CharField(default="", max_length=256)),
        migrations.AddField(
            "scimgrouprole",
            "connection",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="group_roles",
                to="directory.scimconnection",
            ),
        ),
        migrations.RunPython(remember_groups, migrations.RunPython.noop),
        migrations.AlterField("scimgrouprole", "group_key", models.UUIDField()),
        migrations.AlterField("scimgrouprole", "group_name", models.CharField(max_length=256)),
        migrations.AlterField(
            "scimgrouprole",
            "connection",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="group_roles",
                to="directory.scimconnection",
            ),
        ),
        migrations.AlterField(
            "scimgrouprole",
            "group",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="roles",
                to="directory.scimgroup",
            ),
        ),
        migrations.AddConstraint(
            "scimgrouprole",
            models.UniqueConstraint(fields=("organization", "group_key", "role_id"), name="scim_group_role_unique"),
        ),
    ]
