"""When a user was added to a group. It isn't known of the memberships that exist."""

from django.db import migrations, models

from portal.embedded.database.online_fields import AddFieldOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0050_member_locks")]

    operations = [
        AddFieldOnline(model_name="scimmembershiprow", name="added_at", field=models.DateTimeField(null=True)),
    ]
