"""Discovery by a code or link to an email address in every directory (portal.directory.discovery.EmailDiscovery)."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from msgspec.structs import replace
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.directory.configuration import Sdk
from portal.directory.discovery import DiscoveredOrganizations, EmailDiscovery, MembershipType
from portal.directory.errors import DirectoryError, Forbidden, InvalidLink, Unauthenticated
from tests.contract.worlds import World, opened

ADA, NEW = "ada@acme.example", "new@acme.example"
INTERMEDIATE = timedelta(minutes=10, seconds=1)


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    settings.PUBLIC_URL = "https://portal.example.com"


def discovery(world: World) -> EmailDiscovery:
    return world.provider.email_discovery(Origin())


def by_code(world: World, email_address: str = ADA) -> DiscoveredOrganizations:
    discovery(world).request_code(email_address)
    (code,) = world.emailed_codes(email_address)
    return discovery(world).authenticate_code(email_address=email_address, code=code)


def slugs(found: DiscoveredOrganizations) -> set[str]:
    return {one.organization.organization_slug for one in found.organizations}


def chosen(found: DiscoveredOrganizations, slug: str) -> str:
    (one,) = [one for one in found.organizations if one.organization.organization_slug == slug]
    return one.organization.organization_id


def test_a_code_opens_every_organization_of_an_address_once_each(world: World) -> None:
    assert discovery(world).are_emailed
    found = by_code(world)

    assert (found.email_address, slugs(found), len(found.organizations)) == (ADA, {"acme", "globex"}, 2)
    assert {one.membership_type for one in found.organizations} == {MembershipType.ACTIVE_MEMBER}
    assert all(one.is_authenticated for one in found.organizations)
    outcome = discovery(world).exchange(found.intermediate_session_token, organization_id=chosen(found, "globex"))

    assert outcome.signed_in is not None
    who = opened(world, "globex").sessions.authenticate(outcome.signed_in.session_token)
    assert who.member.email_address == ADA
    with pytest.raises(Unauthenticated):
        discovery(world).organizations(found.intermediate_session_token)


def test_a_code_works_once(world: World) -> None:
    discovery(world).request_code(ADA)
    (code,) = world.emailed_codes(ADA)
    discovery(world).authenticate_code(email_address=ADA, code=code)
    for wrong in (code, "000000", ""):
        with pytest.raises(Unauthenticated):
            discovery(world).authenticate_code(email_address=ADA, code=wrong)


def test_a_link_works_once_and_in_any_browser(world: World) -> None:
    discovery(world).request_link(ADA)
    (token,) = world.emailed_links(ADA)
    for _ in range(3):
        assert discovery(world).preview(token).email_address in {"", ADA}

    found = discovery(world).authenticate_link(token)

    assert slugs(found) == {"acme", "globex"}
    with pytest.raises(InvalidLink):
        discovery(world).authenticate_link(token)


@pytest.mark.parametrize("token", ["", "x", "é" * 20, "A" * 64])
def test_a_made_up_link_opens_nothing(world: World, token: str) -> None:
    with pytest.raises(InvalidLink):
        discovery(world).authenticate_link(token)


def test_any_address_can_be_proved_and_opens_nothing_of_others(world: World) -> None:
    found = by_code(world, "nobody@other.example")
    assert found.organizations == ()
    acme = opened(world).organization.get().organization_id
    with pytest.raises(DirectoryError):
        discovery(world).exchange(found.intermediate_session_token, organization_id=acme)


def test_an_organization_that_lets_an_address_join_is_joined(world: World) -> None:
    world.let_join("acme", "acme.example")
    found = by_code(world, NEW)
    (one,) = found.organizations
    assert (one.membership_type, one.member) == (MembershipType.ELIGIBLE_TO_JOIN_BY_EMAIL_DOMAIN, None)

    outcome = discovery(world).exchange(
        found.intermediate_session_token, organization_id=one.organization.organization_id
    )

    assert outcome.signed_in is not None
    assert (outcome.member.email_address, outcome.member.status) == (NEW, "active")


def test_a_choice_ends_after_ten_minutes(world: World) -> None:
    found = by_code(world)
    with time_machine.travel(timezone.now() + INTERMEDIATE, tick=False):
        with pytest.raises(Unauthenticated):
            discovery(world).organizations(found.intermediate_session_token)
        with pytest.raises(Unauthenticated):
            discovery(world).exchange(found.intermediate_session_token, organization_id=chosen(found, "acme"))


def test_without_a_token_there_is_no_choice(world: World) -> None:
    with pytest.raises(Unauthenticated):
        discovery(world).organizations("")
    with pytest.raises(Unauthenticated):
        discovery(world).exchange("", organization_id=opened(world).organization.get().organization_id)


def test_organizations_are_created_only_where_the_project_allows_it(world: World, settings: Settings) -> None:
    found = by_code(world, NEW)
    assert not discovery(world).can_create
    with pytest.raises(Forbidden):
        discovery(world).create_organization(found.intermediate_session_token, organization_name="Initech")

    settings.PROJECT = replace(settings.PROJECT, sdk=Sdk(create_organizations=True))
    assert discovery(world).can_create
    outcome = discovery(world).create_organization(found.intermediate_session_token, organization_name="Initech")

    assert outcome.signed_in is not None
    assert outcome.organization.organization_name == "Initech"
    assert outcome.member.is_admin
    assert opened(world, "initech").sessions.authenticate(outcome.signed_in.session_token)
