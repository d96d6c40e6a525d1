"""Deleting an organization, restoring it, and what is left after that (docs/decisions/0045)."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Conflict, NotFound, Unauthenticated
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.directory.organizations import OrganizationChanges
from portal.embedded import models
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.organizations.deletion import prune
from portal.embedded.project import EmbeddedProject
from portal.embedded.scim import deletion as scim_deletion
from portal.embedded.sessions.lifecycle import session_of_token
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
BACKEND = Actor(ActorType.PROJECT, "secret-1", "secret …abcd")


def delete(slug: str = "acme") -> None:
    EmbeddedProject(Origin()).open(slug, BACKEND).organization.delete()


def restore(slug: str = "acme") -> None:
    call_command("restoreorganization", slug)


def create(**names: Any) -> None:
    new = OrganizationChanges(organization_name="Other", **names)
    EmbeddedProject(Origin()).organizations(BACKEND).create(new)


def scim_status(connection: models.ScimConnectionRow, token: str) -> int:
    url = f"/v1/b2b/scim/{public_id('scim-connection', connection.pk)}/Users"
    return Client(headers={"Authorization": f"Bearer {token}"}).get(url).status_code


def sign_in(slug: str = "acme") -> bool:
    directory = EmbeddedProvider().open(slug, Origin())
    try:
        directory.sessions.sign_in(email_address="ada@acme.example", password=PASSWORD)
    except (NotFound, Unauthenticated):
        return False
    return True


def discovers() -> bool:
    try:
        EmbeddedProvider().discovery(Origin()).authenticate(email_address="ada@acme.example", password=PASSWORD)
    except Unauthenticated:
        return False
    return True


def test_sessions_tokens_and_discovery_end_at_once(admin: models.MemberRow) -> None:
    connection = factories.scim_connection(admin.organization, bearer_token="scim_of-acme")
    token, client = factories.product_session_token(admin), factories.signed_in(admin)
    assert scim_status(connection, "scim_of-acme") == 200
    assert discovers()

    delete()

    assert scim_status(connection, "scim_of-acme") == 401
    assert session_of_token(token) is None
    assert client.get("/o/acme/").status_code == 404
    assert not discovers()
    assert not sign_in()
    # One that was started at the same moment.
    assert session_of_token(factories.product_session_token(admin)) is None


def test_an_operator_restores_members_roles_and_the_connection(admin: models.MemberRow) -> None:
    connection = factories.scim_connection(admin.organization, bearer_token="scim_of-acme")
    models.OrganizationRow.objects.update(external_id="crm-1")
    token = factories.product_session_token(admin)
    delete()

    restore()

    acme = models.OrganizationRow.objects.get()
    assert (acme.slug, acme.external_id, acme.deleted_at) == ("acme", "crm-1", None)
    assert sign_in()
    admin.refresh_from_db()
    assert (admin.status, admin.direct_roles) == (MemberStatus.ACTIVE, ["stytch_admin"])
    assert scim_status(connection, "scim_of-acme") == 200
    assert session_of_token(token) is None
    assert models.ActivityEntryRow.objects.filter(action="organization.restore").count() == 1
    with pytest.raises(CommandError):
        restore()


def test_a_connection_that_was_deleted_before_stays_deleted(admin: models.MemberRow) -> None:
    connection = factories.scim_connection(admin.organization, bearer_token="scim_of-acme")
    models.ScimConnectionRow.objects.update(status="deleted", deleted_at=timezone.now() - timedelta(days=1))
    delete()

    restore()

    assert scim_status(connection, "scim_of-acme") == 401


def test_slug_and_external_id_are_reserved_until_it_is_too_late(
    admin: models.MemberRow, globex: models.OrganizationRow, settings: Settings
) -> None:
    settings.ORGANIZATION_SLUG_DAYS = 0
    models.OrganizationRow.objects.filter(slug="acme").update(external_id="crm-1")
    delete()
    cases: list[dict[str, Any]] = [{"organization_slug": "acme"}, {"organization_external_id": "crm-1"}]
    other = EmbeddedProject(Origin()).open("globex", BACKEND).organization

    for names in cases:
        with pytest.raises(Conflict):
            create(**names)
        with pytest.raises(Conflict):
            other.update(OrganizationChanges(**names))
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        with pytest.raises(CommandError):
            restore()
        create(organization_slug="acme", organization_external_id="crm-1")


def test_after_that_roles_passwords_and_factors_are_deleted(
    admin: models.MemberRow, other_admin: models.MemberRow
) -> None:
    connection = factories.scim_connection(admin.organization)
    models.OrganizationLogoRow.objects.create(organization=admin.organization, content=b"x", digest="0")
    delete()
    assert prune() == 0

    with time_machine.travel(timezone.now() + timedelta(days=29, hours=23)):
        assert scim_deletion.prune() == 0
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert (prune(), prune()) == (1, 0)
        assert scim_deletion.prune() == 1
    assert not models.ScimConnectionRow.objects.filter(pk=connection.pk).exists()
    admin.refresh_from_db()
    assert (admin.status, admin.password, admin.direct_roles) == (MemberStatus.DELETED, "", [])
    assert not models.OrganizationLogoRow.objects.exists()
    other_admin.refresh_from_db()
    assert (other_admin.status, other_admin.direct_roles) == (MemberStatus.ACTIVE, ["stytch_admin"])
