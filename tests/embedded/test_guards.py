"""What the database itself refuses, whatever the code does."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ForeignKey, Model

from portal.directory.embedded import guards, models
from portal.directory.embedded.activity import Caller, record
from portal.directory.types import Actor, ActorType, Origin
from tests import factories

pytestmark = pytest.mark.django_db
JOINS = list(guards.same_organization())
# With which a row is not refused for what is taken already, but by the guard alone.
UNTAKEN: dict[type[Model], tuple[str, Any]] = {
    models.ScimUser: ("user_name", "another"),
    models.ScimGroup: ("display_name", "another"),
    models.ScimGroupRole: ("role_id", "another"),
    models.ScimToken: ("is_next", True),
}


@pytest.fixture
def entry(acme: models.Organization) -> models.ActivityEntry:
    record(Caller(Actor(ActorType.OPERATOR), Origin()), "x.create", organization_id=acme.pk, target_id="x")
    return models.ActivityEntry.objects.get()


def test_an_entry_of_the_log_cannot_be_changed(entry: models.ActivityEntry) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.ActivityEntry.objects.update(action="something else")
    assert models.ActivityEntry.objects.get().action == "x.create"


def test_an_entry_of_the_log_cannot_be_deleted(entry: models.ActivityEntry) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        entry.delete()
    assert models.ActivityEntry.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_log_cannot_be_truncated(entry: models.ActivityEntry) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {models.ActivityEntry._meta.db_table} CASCADE")
    assert models.ActivityEntry.objects.exists()


def test_the_guards_survive_another_migrate(entry: models.ActivityEntry) -> None:
    call_command("migrate", verbosity=0)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.ActivityEntry.objects.all().delete()


@pytest.fixture
def rows(acme: models.Organization, globex: models.Organization) -> dict[tuple[str, type[Model]], Any]:
    """One row of each table in each organization."""
    made: dict[tuple[str, type[Model]], Any] = {}
    for organization in (acme, globex):
        member = factories.member(organization, "ada@acme.example")
        factories.session_token(member)
        from portal.directory.embedded.sign_in_links import new_link  # noqa: PLC0415 -- for this row alone

        new_link(member)
        scim = factories.scim_connection(organization)
        group, user = factories.scim_group(scim, "Everyone"), factories.scim_user(scim, "ada")
        factories.put_in_group(group, [user])
        inner = factories.scim_group(scim, "Within")
        models.ScimNesting.objects.create(organization=organization, group=group, member=inner)
        factories.group_role(group, "stytch_admin")
        models.ScimConflict.objects.create(organization=organization, connection=scim, member=member, user_name="ada")
        models.ScimBrake.objects.create(organization=organization, connection=scim)
        models.ScimContact.objects.create(organization=organization, connection=scim, email_address="it@acme.example")
        models.ScimReminder.objects.create(organization=organization, connection=scim, about="brake/now")
        models.ScimUser.objects.filter(pk=user.pk).update(member=member)
        factories.scim_request(scim)
        for model in {m for join, _ in JOINS for m in (join, _.related_model)}:
            found = model._default_manager.filter(organization=organization).first()
            if found is not None:
                made[organization.slug, model] = found
    return made


def test_every_join_of_two_tables_is_known() -> None:
    assert {(model.__name__, field.name) for model, field in JOINS} >= {
        ("MemberSession", "member"),
        ("SignInLink", "member"),
        ("ScimToken", "connection"),
        ("ScimRequest", "connection"),
        ("ScimUser", "connection"),
        ("ScimGroup", "connection"),
        ("ScimMembership", "group"),
        ("ScimMembership", "user"),
    }


@pytest.mark.parametrize(
    ("model", "field"), JOINS, ids=lambda value: getattr(value, "__name__", getattr(value, "name", ""))
)
def test_no_row_joins_two_organizations(
    rows: dict[tuple[str, type[Model]], Any], model: type[Model], field: "ForeignKey[Model, Model]"
) -> None:
    foreign = rows["globex", field.related_model]

    with pytest.raises(IntegrityError, match="another organization"), transaction.atomic():
        model._default_manager.filter(pk=rows["acme", model].pk).update(**{field.name: foreign})

    copy = model._default_manager.get(pk=rows["acme", model].pk)
    copy.pk = None
    copy._state.adding = True
    for column in model._meta.concrete_fields:
        if column.primary_key and column.has_default():
            setattr(copy, column.attname, column.get_default())
        elif column.unique and not column.primary_key:
            setattr(copy, column.attname, None if column.is_relation else b"another")
    if model in UNTAKEN:
        setattr(copy, *UNTAKEN[model])
    if field.one_to_one:
        model._default_manager.filter(**{field.name: foreign}).update(**{field.name: None})
    setattr(copy, field.name, foreign)
    with pytest.raises(IntegrityError, match="another organization"), transaction.atomic():
        copy.save(force_insert=True)
