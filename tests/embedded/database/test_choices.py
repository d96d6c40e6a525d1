"""A choice between organizations, opened by a password, ends when the member's sessions are revoked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connections

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Unauthenticated
from portal.directory.ids import public_id
from portal.directory.members import MemberChanges
from portal.directory.organizations import OrganizationChanges
from portal.directory.sessions import SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory, EmbeddedProvider
from portal.embedded.members.sign_in_links import new_link
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.conftest import PASSWORD
from tests.scim_server.conftest import Idp

ADA = "ada@acme.example"
ANOTHER = "quartz lantern orbit meadow"


@pytest.fixture
def choice(admin: models.MemberRow, globex: models.OrganizationRow) -> str:
    """The token of a choice between Acme and Globex."""
    factories.member(globex, ADA, password=PASSWORD)
    return (
        EmbeddedProvider()
        .discovery(Origin())
        .authenticate(email_address=ADA, password=PASSWORD)
        .intermediate_session_token
    )


def organizations(choice: str) -> list[str]:
    try:
        found = EmbeddedProvider().discovery(Origin()).organizations(choice)
    except Unauthenticated:
        return []
    return [one.organization_slug for one in found.organizations]


def project() -> EmbeddedDirectory:
    return EmbeddedProject(Origin()).open("acme", Actor(ActorType.PROJECT, "secret-live-1"))


def signed_in(admin: models.MemberRow) -> SignedIn:
    return EmbeddedProject(Origin()).open_session(factories.product_session_token(admin))[0]


def sign_out(admin: models.MemberRow) -> None:
    EmbeddedProvider().open("acme", Origin()).sessions.revoke(factories.session_token(admin))


def revoke_session(admin: models.MemberRow) -> None:
    project().sessions.revoke_session(signed_in(admin).session.member_session_id)


def revoke_all(admin: models.MemberRow) -> None:
    """Also where no session is live."""
    project().sessions.revoke_for_member(public_id("member", admin.pk))


def replace_the_password(_: models.MemberRow) -> None:
    project().passwords.reset_by_existing_password(
        email_address=ADA, existing_password=PASSWORD, new_password=ANOTHER, terms=SessionTerms()
    )


def choose_a_password_by_link(admin: models.MemberRow) -> None:
    token = new_link(admin).url.partition("token=")[2]
    EmbeddedProvider().open("acme", Origin()).sign_in_links.redeem(token, password=ANOTHER)


def delete_the_password(admin: models.MemberRow) -> None:
    project().members.delete_password(public_id("member-password", admin.pk))


def change_the_address(admin: models.MemberRow) -> None:
    project().members.update(public_id("member", admin.pk), MemberChanges(email_address="eve@acme.example"))


ENDINGS = (
    sign_out,
    revoke_session,
    revoke_all,
    replace_the_password,
    choose_a_password_by_link,
    delete_the_password,
    change_the_address,
)


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_a_choice_ends_with_the_sessions(
    choice: str, admin: models.MemberRow, end: Callable[[models.MemberRow], None]
) -> None:
    assert organizations(choice) == ["acme", "globex"]

    end(admin)

    assert organizations(choice) == []


def test_a_deleted_member_who_returns_is_not_offered(
    choice: str, admin: models.MemberRow, acme: models.OrganizationRow
) -> None:
    factories.member(acme, "eve@acme.example", roles=["stytch_admin"])
    models.MemberRow.objects.update(email_address_verified=True)

    project().members.delete(public_id("member", admin.pk))
    project().members.reactivate(public_id("member", admin.pk))

    assert organizations(choice) == []


def test_an_organization_that_no_longer_allows_passwords_is_not_offered(choice: str) -> None:
    project().organization.update(OrganizationChanges(auth_methods="RESTRICTED", allowed_auth_methods=["sso"]))

    assert organizations(choice) == ["globex"]


def test_a_deleted_organization_is_not_offered(choice: str) -> None:
    project().organization.delete()

    assert organizations(choice) == ["globex"]


def test_a_deactivated_and_reactivated_person_has_no_open_choice(acme: models.OrganizationRow) -> None:
    idp = Idp(factories.scim_connection(acme), "scim_token-of-acme")
    user = idp.create_user("max@acme.example")
    models.MemberRow.objects.update(password=make_password(PASSWORD))
    found = EmbeddedProvider().discovery(Origin()).authenticate(email_address="max@acme.example", password=PASSWORD)
    assert organizations(found.intermediate_session_token) == ["acme"]

    for active in (False, True):
        operation = {"op": "replace", "path": "active", "value": active}
        assert idp.patch(f"/Users/{user}", operation).status_code == 200

    assert organizations(found.intermediate_session_token) == []


@pytest.mark.django_db(transaction=True)
def test_simultaneous_choices_open_one_organization(
    choice: str, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    def choose(organization: UUID) -> bool:
        try:
            EmbeddedProvider().discovery(Origin()).exchange(
                choice, organization_id=public_id("organization", organization)
            )
        except Unauthenticated:
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(choose, [admin.organization_id, globex.pk] * 2))

    assert opened.count(True) == models.MemberSessionRow.objects.count() == 1
