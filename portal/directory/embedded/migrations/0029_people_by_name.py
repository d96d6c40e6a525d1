import unicodedata
from uuid import UUID

from django.apps.registry import Apps
from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.directory.embedded.models.fields

BATCH = 1000


def folded(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    letters = (one.casefold() if len(one.casefold()) == 1 else one.lower() for one in composed)
    return unicodedata.normalize("NFC", "".join(letters))


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Fold the names that are there, a batch and a transaction at a time."""
    using = schema_editor.connection.alias
    rows = apps.get_model("directory", "ScimUser").objects.using(using).only("display_name", "display_name_folded")
    last, is_end = UUID(int=0), False
    while not is_end:
        with transaction.atomic(using=using):
            batch = list(rows.filter(pk__gt=last).order_by("pk").select_for_update()[:BATCH])
            changed = [row for row in batch if row.display_name_folded != folded(row.display_name)]
            for row in changed:
                row.display_name_folded = folded(row.display_name)
            rows.bulk_update(changed, ["display_name_folded"], batch_size=100)
        last, is_end = batch[-1].pk if batch else last, len(batch) < BATCH


class Migration(migrations.Migration):
    # Each batch is committed by itself, so that identity providers wait for one of them at most.
    atomic = False

    dependencies = [("directory", "0028_plain_slug_check")]

    operations = [
        migrations.AddField(
            model_name="scimuser",
            name="display_name_folded",
            field=portal.directory.embedded.models.fields.FoldedNameField(
                blank=True, db_default="", default="", editable=False, max_length=512, of="display_name"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
