import unicodedata
from uuid import UUID

from django.apps.registry import Apps
from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

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
    # Each batch is committed by itself, so that identity providers wait for one of them at most. The column is another
    # migration's, so that this one can run again after it was killed.
    atomic = False

    dependencies = [("directory", "0030_group_removals_on_hold")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
