"""Kept numbers of how members sign in: passwords, second factors and admins."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0060_email_templates")]

    operations = [
        migrations.AddField(
            model_name="dailycountrow", name="sign_in", field=models.JSONField(db_default={}, default=dict)
        )
    ]
