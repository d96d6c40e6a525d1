from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import migrations, models

from portal.embedded.models.fields import ComparedField, fold


def note_who_cannot_sign_in(apps, schema_editor):
    """Note the active people who have no member, or a deleted one, and which address the first of these wait for."""
    users = apps.get_model("directory", "ScimUser").objects.filter(active=True)
    deleted = apps.get_model("directory", "Member").objects.filter(status="deleted")
    users.filter(member__in=deleted).update(cannot_sign_in=True)
    without = users.filter(member=None)
    without.update(cannot_sign_in=True)
    waiting = []
    for row in without.only("document").iterator(1000):
        row.awaited_address = fold(address_of(row.document))
        if row.awaited_address:
            waiting.append(row)
    users.model.objects.bulk_update(waiting, ["awaited_address"], batch_size=500)


def address_of(document):
    """Return the address that a person would sign in with, as provisioning chose it at this version."""
    emails = sorted(
        (one for one in document.get("emails", ()) if isinstance(one, dict)),
        key=lambda one: (one.get("primary") is not True, fold(str(one.get("type", ""))) != "work"),
    )
    for candidate in [*(str(one.get("value", "")).strip() for one in emails), str(document.get("userName", "")).strip()]:
        try:
            validate_email(candidate)
        except ValidationError:
            continue
        return candidate
    return ""


class Migration(migrations.Migration):

    dependencies = [
        ('directory', '0021_sign_in_link_address'),
    ]

    operations = [
        migrations.AddField(
            model_name='scimuser',
            name='awaited_address',
            field=ComparedField(blank=True, db_default='', default='', max_length=512),
        ),
        migrations.AddField(
            model_name='scimuser',
            name='cannot_sign_in',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name='scimuser',
            index=models.Index(condition=models.Q(('cannot_sign_in', True)), fields=['organization', 'connection', 'user_name_folded'], name='scim_user_cannot_sign_in'),
        ),
        migrations.AddIndex(
            model_name='scimuser',
            index=models.Index(condition=models.Q(('awaited_address', ''), _negated=True), fields=['awaited_address', 'organization', 'id'], name='scim_user_awaits_address'),
        ),
        migrations.RunPython(note_who_cannot_sign_in, migrations.RunPython.noop),
    ]
