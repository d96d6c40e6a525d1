"""The templates that a request chose for its email. The defaults are constants, so the tables aren't rewritten."""

from django.db import migrations, models

from portal.embedded.database.online_fields import AddFieldOnline


def _template_id() -> models.CharField[str, str]:
    return models.CharField(blank=True, db_default="", default="", max_length=100)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0059_passkeys_of_members")]

    operations = [
        AddFieldOnline("emailtokenrow", "login_template_id", _template_id()),
        AddFieldOnline("emailtokenrow", "signup_template_id", _template_id()),
        AddFieldOnline("discoverytokenrow", "login_template_id", _template_id()),
        AddFieldOnline("discoverytokenrow", "signup_template_id", _template_id()),
    ]
