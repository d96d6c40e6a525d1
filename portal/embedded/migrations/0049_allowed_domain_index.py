"""PostgreSQL: an index of the domains whose people may join an organization. Discovery looks for one of them.

Built while the table is written to, and only where no one has built it yet.
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.embedded.database.postgresql.online import build_index, drop_index

NAME = "organization_allowed_domain"
DEFINITION = "directory_organization USING gin (email_allowed_domains)"


def build(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        build_index(schema_editor.connection, NAME, DEFINITION)


def drop(_: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        drop_index(schema_editor.connection, NAME)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("directory", "0048_email_updates")]

    operations = [migrations.RunPython(build, drop)]
