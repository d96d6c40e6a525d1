import hashlib

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_BATCH = 500


def one_row_per_contact(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Note for each of today's contacts what was sent to all of them in one email, so that nothing is sent again."""
    reminders = apps.get_model("directory", "ScimReminder").objects.using(schema_editor.connection.alias)
    contacts = apps.get_model("directory", "ScimContact").objects.using(schema_editor.connection.alias)
    for row in list(reminders.filter(contact_hash="").order_by("pk")):
        reminders.bulk_create(
            [
                reminders.model(
                    organization_id=row.organization_id,
                    connection_id=row.connection_id,
                    about=row.about,
                    contact_hash=hashlib.sha256(folded.encode()).hexdigest(),
                    claimed_at=row.claimed_at,
                    sent_at=row.sent_at,
                )
                for folded in contacts.filter(connection_id=row.connection_id).values_list(
                    "email_address_folded", flat=True
                )
            ],
            batch_size=_BATCH,
        )
    reminders.filter(contact_hash="").delete()


class Migration(migrations.Migration):
    dependencies = [("directory", "0019_scim_indexes")]

    operations = [
        migrations.AddField(
            model_name="scimreminder",
            name="contact_hash",
            field=models.CharField(db_default="", default="", max_length=64),
        ),
        migrations.RemoveConstraint(model_name="scimreminder", name="scim_reminder_once"),
        migrations.AddConstraint(
            model_name="scimreminder",
            constraint=models.UniqueConstraint(
                fields=("organization", "connection", "about", "contact_hash"), name="scim_reminder_once_per_contact"
            ),
        ),
        migrations.RunPython(one_row_per_contact, migrations.RunPython.noop),
    ]
