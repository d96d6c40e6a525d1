"""The limits of the deactivation safeguard that an organization chose: nullable columns, which lock the table for an instant."""

from django.db import migrations, models

from portal.embedded.database.online_fields import AddFieldOnline


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0041_list_indexes")]

    operations = [
        AddFieldOnline("scimconnectionrow", "safeguard_minimum", models.PositiveIntegerField(blank=True, null=True)),
        AddFieldOnline("scimconnectionrow", "safeguard_share", models.PositiveSmallIntegerField(blank=True, null=True)),
    ]
