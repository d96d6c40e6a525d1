"""Since when and until when a member is locked after too many wrong passwords and codes."""

from django.db import migrations, models

from portal.embedded.database.online_fields import AddFieldOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0049_allowed_domain_index")]

    operations = [
        AddFieldOnline("memberrow", "lock_created_at", models.DateTimeField(blank=True, null=True)),
        AddFieldOnline("memberrow", "lock_expires_at", models.DateTimeField(blank=True, null=True)),
    ]
