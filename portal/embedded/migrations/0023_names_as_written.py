"""Names and other texts of SCIM are compared by NFC and case, letter by letter, and no longer by NFKC."""

import unicodedata
from uuid import UUID

from django.db import migrations, transaction

import portal.embedded.models.fields

BATCH = 1000
NAMES = {"ScimUser": ("user_name", "user_name_folded"), "ScimGroup": ("display_name", "display_name_folded")}


def old_form(text):
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def new_form(text):
    composed = unicodedata.normalize("NFC", text)
    letters = (one.casefold() if len(one.casefold()) == 1 else one.lower() for one in composed)
    return unicodedata.normalize("NFC", "".join(letters))


def renewed(search, document):
    """Return what is searched of a value, in the new form where it is in the old one: what is exact stays."""
    if isinstance(search, dict) and isinstance(document, dict):
        return {name: renewed(one, document.get(name)) for name, one in search.items()}
    if isinstance(search, list) and isinstance(document, list) and len(search) == len(document):
        return [renewed(*both) for both in zip(search, document, strict=True)]
    is_folded = isinstance(search, str) and isinstance(document, str) and search not in (document, new_form(document))
    return new_form(document) if is_folded and search == old_form(document) else search


def renew(apps, schema_editor):
    """Fold again what differs, a batch and a transaction at a time. No two names become one: the new form is finer."""
    using = schema_editor.connection.alias
    for model_name, (name, folded) in NAMES.items():
        rows = apps.get_model("directory", model_name).objects.using(using).only(name, folded, "document", "search")
        last, is_end = UUID(int=0), False
        while not is_end:
            with transaction.atomic(using=using):
                batch = list(rows.filter(pk__gt=last).order_by("pk").select_for_update()[:BATCH])
                changed = [row for row in batch if is_renewed(row, name, folded)]
                rows.bulk_update(changed, [folded, "search"], batch_size=100)
            last, is_end = batch[-1].pk if batch else last, len(batch) < BATCH


def is_renewed(row, name, folded):
    before = (getattr(row, folded), row.search)
    setattr(row, folded, new_form(getattr(row, name)))
    row.search = renewed(row.search, row.document)
    return (getattr(row, folded), row.search) != before


class Migration(migrations.Migration):
    # Each batch is committed by itself, so that identity providers wait for one of them at most.
    atomic = False

    dependencies = [
        ('directory', '0022_scim_access'),
    ]

    operations = [
        # Nothing of the columns themselves changes.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='scimuser',
                    name='user_name_folded',
                    field=portal.embedded.models.fields.FoldedNameField(editable=False, max_length=512, of='user_name'),
                ),
                migrations.AlterField(
                    model_name='scimgroup',
                    name='display_name_folded',
                    field=portal.embedded.models.fields.FoldedNameField(editable=False, max_length=512, of='display_name'),
                ),
            ],
        ),
        migrations.RunPython(renew, migrations.RunPython.noop),
    ]
