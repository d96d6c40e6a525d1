"""An index for the list of deactivated members by email address. PostgreSQL's part is 0041."""

from importlib import import_module

from django.db import migrations, models

OnSqlite = import_module("portal.embedded.migrations.0034_tenant_keys").OnSqlite

NAME = "member_deactivated"


class Migration(migrations.Migration):
    dependencies = [("directory", "0039_activity_indexes")]

    operations = [
        OnSqlite(
            [
                migrations.AddIndex(
                    "memberrow",
                    models.Index(
                        fields=["organization", "email_address_folded", "id"],
                        condition=models.Q(status="deleted"),
                        name=NAME,
                    ),
                )
            ]
        ),
    ]
