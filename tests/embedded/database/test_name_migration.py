"""Names that were stored before are found as names are compared now."""

import sys
from importlib import import_module
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from django.db import connection

from portal.embedded import models
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.filter.comparison import searchable
from portal.embedded.scim.protocol.schemas import ENTERPRISE_USER as ENTERPRISE
from portal.embedded.scim.protocol.schemas import GROUP, USER
from tests import factories
from tests.historical import apps_at


@pytest.mark.django_db
def test_stored_names_are_folded_letter_by_letter(acme: models.OrganizationRow) -> None:
    """As the migration before left them: by NFKC, in which a ligature and a circled digit are others."""
    migration = import_module("portal.embedded.migrations.0023_names_as_written")
    okta = factories.scim_connection(acme)
    names = ["Weiß", "Ann FIn", "ÅSA", "Team ①", "plain"]
    for name in names:
        factories.scim_user(okta, name)
    document = {
        "userName": "Weiß",
        "active": True,
        "externalId": "ﬁX",
        "title": "STRAẞE",
        "emails": [{"value": "ANN@Weiß.example", "type": "work", "primary": True}],
        "profileUrl": "https://idp.example/Ⅳ",
        ENTERPRISE: {"department": "№ 5", "manager": {"value": "Ⅳ"}},
    }
    models.ScimUserRow.objects.filter(user_name="Weiß").update(document=document)
    users, groups = models.ScimUserRow.objects.all(), factories.scim_groups(okta, names)
    with patch("portal.embedded.scim.filter.comparison.fold_name", migration.old_form):
        for row in users:
            old = {"user_name_folded": migration.old_form(row.user_name), "search": searchable(USER, row.document)}
            models.ScimUserRow.objects.filter(pk=row.pk).update(**old)
        for group in groups:
            old = {
                "display_name_folded": migration.old_form(group.display_name),
                "search": searchable(GROUP, group.document),
            }
            models.ScimGroupRow.objects.filter(pk=group.pk).update(**old)

    with patch.object(migration, "BATCH", 2):
        for _ in range(2):  # again changes nothing
            migration.renew(apps_at("0023_names_as_written"), SimpleNamespace(connection=connection))

    for row in models.ScimUserRow.objects.all():
        assert row.user_name_folded == fold_name(row.user_name)
        assert row.search == searchable(USER, row.document)
    for group in models.ScimGroupRow.objects.all():
        assert group.display_name_folded == fold_name(group.display_name)
        assert group.search == searchable(GROUP, group.document)
    assert models.ScimUserRow.objects.get(user_name="Weiß").search["title"] == "straße"


def test_no_two_names_become_equal() -> None:
    """What is equal by NFC and case, letter by letter, was equal by NFKC: of every code point."""
    migration = import_module("portal.embedded.migrations.0023_names_as_written")
    for point in range(sys.maxunicode + 1):
        if not 0xD800 <= point <= 0xDFFF:
            letter = chr(point)
            assert fold_name(letter) == migration.new_form(letter) == fold_name(fold_name(letter))
            assert migration.old_form(fold_name(letter)) == migration.old_form(letter)
