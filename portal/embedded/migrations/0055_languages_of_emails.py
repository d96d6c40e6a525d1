"""The language of emails: of members, of organizations, and the one that a request asked for."""

from django.db import migrations, models

from portal.embedded.database.online_fields import AddFieldOnline


def locale() -> models.CharField[str, str]:
    """Return the column, which has the same form in each table."""
    return models.CharField(blank=True, db_default="", default="", max_length=16)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0053_second_factors_of_members")]

    operations = [
        AddFieldOnline("memberrow", "locale", locale()),
        AddFieldOnline("organizationrow", "locale", locale()),
        AddFieldOnline("emailtokenrow", "locale", locale()),
        AddFieldOnline("discoverytokenrow", "locale", locale()),
    ]
