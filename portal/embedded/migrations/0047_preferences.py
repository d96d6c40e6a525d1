"""The time zone and the theme that a member chose. The defaults are constants, so the table isn't rewritten."""

from django.db import migrations, models

from portal.embedded.database.online_fields import AddFieldOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0046_email_tokens")]

    operations = [
        AddFieldOnline("memberrow", "theme", models.CharField(blank=True, db_default="", default="", max_length=8)),
        AddFieldOnline(
            "memberrow", "time_zone", models.CharField(blank=True, db_default="", default="", max_length=64)
        ),
    ]
