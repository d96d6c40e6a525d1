"""Rows that are made without Django's constructor are those that it makes."""

from typing import Any

import pytest
from django.db.models import Model
from django.utils import timezone

from portal.embedded import models
from portal.embedded.database.made_rows import inserted, new_row, stored_row
from tests import factories

pytestmark = pytest.mark.django_db
TEXTS = {
    models.MemberRow: {"email_address": "Ada@Acme.example"},
    models.ScimUserRow: {"user_name": "Ada"},
    models.ScimGroupRow: {"display_name": "Everyone"},
}


@pytest.fixture
def scim(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture(params=TEXTS, ids=lambda model: model.__name__)
def made(request: pytest.FixtureRequest, scim: models.ScimConnectionRow) -> tuple[type[Model], dict[str, Any]]:
    """A model, and the values of a row of it."""
    values: dict[str, Any] = {"organization_id": scim.organization_id, **TEXTS[request.param]}
    if request.param is not models.MemberRow:
        values |= {"connection_id": scim.pk, "updated_at": timezone.now()}
    return request.param, values


def comparable(values: Any) -> dict[str, Any]:
    """Return the values without those that differ from row to row."""
    return {name: value for name, value in values.items() if name not in {"_state", "id", "created_at", "updated_at"}}


def test_a_new_row_has_the_defaults_of_the_constructor(made: tuple[type[Model], dict[str, Any]]) -> None:
    model, values = made
    row, another = new_row(model, **values), new_row(model, **values)

    assert comparable(vars(row)) == comparable(vars(model(**values)))
    assert row._state.adding
    # What may be changed in one is not another's.
    assert row.pk != another.pk
    for name, value in vars(row).items():
        assert not isinstance(value, list | dict) or value is not vars(another)[name]


def test_what_is_inserted_is_what_saving_would_insert(made: tuple[type[Model], dict[str, Any]]) -> None:
    model, values = made
    row, saved = new_row(model, **values), model(**values)
    saved.save(force_insert=True)

    assert comparable(inserted(row)) == comparable({f.attname: vars(saved)[f.attname] for f in model._meta.fields})
    assert not row._state.adding


def test_a_stored_row_reads_what_was_left_out(scim: models.ScimConnectionRow) -> None:
    user = factories.scim_user(scim, "Ada", member=factories.member(scim.organization, "ada@acme.example"))

    row = stored_row(models.ScimUserRow, ("id", "user_name", "member_id"), (user.pk, "Ada", user.member_id))

    assert row == user
    assert row.get_deferred_fields() >= {"document", "search"}
    assert row.document == user.document
    assert row.member == user.member
    row.display_name = "Ada"
    row.save(update_fields=["display_name"])
    assert models.ScimUserRow.objects.get().display_name == "Ada"
