from django.db import migrations


def create(apps, schema_editor):
    """Let PostgreSQL find people by any of their e-mail addresses; SQLite has no index on what is in a list."""
    if schema_editor.connection.vendor == "postgresql":
        # Without a list of what is yet to be put in, which each look-up would read, and one unlucky call would put in.
        schema_editor.execute(
            """
            CREATE INDEX scim_user_emails ON directory_scimuser
            USING gin (jsonb_path_query_array(search, '$."emails"[*]."value"') jsonb_path_ops) WITH (fastupdate = off)
            """
        )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX scim_user_emails")


class Migration(migrations.Migration):

    dependencies = [
        ("directory", "0003_scim_tokens_and_requests"),
    ]

    operations = [
        migrations.RunPython(create, drop),
    ]
