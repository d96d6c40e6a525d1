"""Compare email addresses by lower case and domains by IDNA 2008, and no longer by case folding and NFKC."""

import structlog
from django.db import IntegrityError, migrations, transaction
from django.db.models import Q

import portal.embedded.models.fields
from portal.directory.email_addresses import fold_address, fold_domain
from portal.embedded.models.fields import fold

log = structlog.get_logger("gatehouse.migrations")

# All others have the form that they had.
CHANGED = Q(email_address__regex=r"[^\x00-\x7f]") | Q(email_address__icontains="xn--")


def fold_addresses(apps, schema_editor):
    """Store the new form of what is compared with addresses and domains."""
    member = apps.get_model("directory", "Member")
    for model in (member, apps.get_model("directory", "ScimContact")):
        # Unicode spellings first: they have no other spelling to give way to.
        for rows in (model.objects.filter(CHANGED, ~Q(email_address__icontains="xn--")), model.objects.filter(CHANGED)):
            for row in rows.order_by("pk").only("pk", "email_address", "email_address_folded").iterator(1000):
                fold_row(model, row)
    for row in member.objects.exclude(retired_email_addresses=None).iterator(1000):
        fold_retired(row)
    for row in apps.get_model("directory", "ScimUser").objects.exclude(awaited_address="").iterator(1000):
        fold_awaited(row)
    for row in apps.get_model("directory", "Organization").objects.iterator(1000):
        fold_domains(row)


def fold_row(model, row):
    """Store the new form of one address. One that another row has by now, in another spelling, stays as it is."""
    folded = fold_address(row.email_address)
    if folded == row.email_address_folded:
        return
    try:
        with transaction.atomic():
            model.objects.filter(pk=row.pk).update(email_address_folded=folded)
    except IntegrityError:
        log.warning("address_in_two_spellings", model=model.__name__, id=str(row.pk))


def fold_retired(row):
    """Store the new form of a member's former addresses."""
    retired = [{**one, "folded": fold_address(one["email_address"])} for one in row.retired_email_addresses]
    if retired != row.retired_email_addresses:
        type(row).objects.filter(pk=row.pk).update(retired_email_addresses=retired)


def fold_awaited(row):
    """Store the new form of the address that a person waits for, which the document has."""
    sent = [one.get("value") for one in row.document.get("emails", ()) if isinstance(one, dict)]
    for address in [*sent, row.document.get("userName")]:
        stripped = str(address or "").strip()
        if fold(stripped) == row.awaited_address:
            type(row).objects.filter(pk=row.pk).update(awaited_address=fold_address(stripped))
            return


def fold_domains(row):
    """Store the domains of an organization's settings in the form in which those of addresses are."""
    allowed, settings = row.email_allowed_domains, dict(row.settings or {})
    for name in {"claimed_email_domains"} & settings.keys():
        settings[name] = list(dict.fromkeys(map(fold_domain, settings[name])))
    for name in {"rbac_email_implicit_role_assignments"} & settings.keys():
        settings[name] = [{**one, "domain": fold_domain(one["domain"])} for one in settings[name]]
    changed = {
        "email_allowed_domains": list(dict.fromkeys(map(fold_domain, allowed))),
        "settings": settings or row.settings,
    }
    if changed != {"email_allowed_domains": allowed, "settings": row.settings}:
        type(row).objects.filter(pk=row.pk).update(**changed)


class Migration(migrations.Migration):

    dependencies = [
        ('directory', '0024_former_slugs'),
    ]

    operations = [
        migrations.AlterField(
            model_name='member',
            name='email_address_folded',
            field=portal.embedded.models.fields.FoldedAddressField(editable=False, max_length=512, of='email_address'),
        ),
        migrations.AlterField(
            model_name='scimcontact',
            name='email_address_folded',
            field=portal.embedded.models.fields.FoldedAddressField(editable=False, max_length=512, of='email_address'),
        ),
        migrations.RunPython(fold_addresses, migrations.RunPython.noop),
    ]
