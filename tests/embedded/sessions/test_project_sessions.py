"""Sessions of products (portal.directory.sessions)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from portal.directories import directories
from portal.directory.actor import Origin
from portal.directory.errors import Forbidden, Invalid, NotFound, Unauthenticated
from portal.directory.members import MemberStatus
from portal.directory.sessions import SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.project import EmbeddedProject
from portal.embedded.sessions import jwts
from portal.embedded.sessions.lifecycle import start_session
from tests import factories
from tests.embedded.conftest import Opened, api_session, row_of

pytestmark = pytest.mark.django_db


def held(known: EmbeddedProject, who: SignedIn) -> Any:
    """Return the directory that the session opens."""
    return known.open_session(who.session_token)[1]


def minutes_left(who: SignedIn) -> int:
    return round((who.session.expires_at - timezone.now()).total_seconds() / 60)


# --- How long ------------------------------------------------------------------------------------------------------------


def test_products_session_lasts_an_hour_by_default(known: EmbeddedProject, admin: models.MemberRow) -> None:
    assert minutes_left(api_session(admin)) == 60
    assert minutes_left(api_session(admin, SessionTerms(duration_minutes=5))) == 5


def test_session_is_extended_only_on_request(known: EmbeddedProject, ada: SignedIn) -> None:
    same = held(known, ada).sessions.extend(SessionTerms())
    longer = held(known, ada).sessions.extend(SessionTerms(duration_minutes=527_040))

    assert same.session.expires_at == ada.session.expires_at
    assert minutes_left(longer) == 527_040
    assert (longer.session_token, longer.session.member_session_id) == (
        ada.session_token,
        ada.session.member_session_id,
    )
    assert row_of(ada).expires_at == longer.session.expires_at


@pytest.mark.parametrize("minutes", [4, 0, -1, 527_041])
def test_invalid_duration_is_rejected(known: EmbeddedProject, ada: SignedIn, minutes: int) -> None:
    with pytest.raises(Invalid) as error:
        held(known, ada).sessions.extend(SessionTerms(duration_minutes=minutes))

    assert (error.value.field, error.value.error_type) == (
        "session_duration_minutes",
        "invalid_session_duration_minutes",
    )


def test_revoked_session_is_not_extended(known: EmbeddedProject, ada: SignedIn) -> None:
    directory = held(known, ada)
    models.MemberSessionRow.objects.update(revoked_at=timezone.now())

    with pytest.raises(Unauthenticated):
        directory.sessions.extend(SessionTerms(duration_minutes=60))


def test_products_session_does_not_time_out(known: EmbeddedProject, admin: models.MemberRow) -> None:
    products = api_session(admin, SessionTerms(duration_minutes=1440))

    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert held(known, products)


def test_portals_session_is_rejected_by_the_api(known: EmbeddedProject, admin: models.MemberRow) -> None:
    """By token or by JWT: it would get around the portal's step-up and its limits."""
    portals = start_session(admin, Origin(), password_entered_at=timezone.now())

    for credential in (portals.session_token, jwts.signed(portals)):
        with pytest.raises(Unauthenticated) as rejected:
            known.open_session(credential)
        assert rejected.value.error_type == "session_not_found"
    with time_machine.travel(timezone.now() + timedelta(minutes=6)), pytest.raises(Unauthenticated):
        known.open_session(jwts.signed(portals))


def test_products_session_has_the_portals_limits_on_its_pages(admin: models.MemberRow) -> None:
    """A session of a year, used by the product every day."""
    token, start = factories.product_session_token(admin, minutes=527_040), timezone.now()
    pages = EmbeddedProvider().open("acme", Origin()).sessions

    def uses_it(*, minutes: int) -> None:
        models.MemberSessionRow.objects.update(last_accessed_at=start + timedelta(minutes=minutes))

    assert pages.authenticate(token).member.email_address == "ada@acme.example"
    with time_machine.travel(start + timedelta(minutes=61)), pytest.raises(Unauthenticated):
        pages.authenticate(token)
    with time_machine.travel(start + timedelta(minutes=719)):
        uses_it(minutes=700)
        assert pages.authenticate(token)
    with time_machine.travel(start + timedelta(minutes=721)):
        uses_it(minutes=720)
        with pytest.raises(Unauthenticated):
            pages.authenticate(token)


def test_expired_session_is_rejected(known: EmbeddedProject, ada: SignedIn) -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=61)), pytest.raises(Unauthenticated) as error:
        held(known, ada)

    assert error.value.error_type == "session_not_found"


@pytest.mark.parametrize("credential", ["", "x", "x" * 5000, "é", "\0", "a.b.c"])
def test_invalid_credentials_are_rejected(known: EmbeddedProject, credential: str) -> None:
    with pytest.raises(Unauthenticated):
        known.open_session(credential)


def test_opening_a_session_takes_one_query_or_two_if_provisioned(
    known: EmbeddedProject,
    ada: SignedIn,
    acme: models.OrganizationRow,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    held(known, ada)
    user = factories.provisioned(factories.scim_connection(acme), "pia@acme.example")
    assert user.member is not None
    pia = api_session(user.member)
    with django_assert_num_queries(1):
        held(known, ada)
    with django_assert_num_queries(2):
        held(known, pia)


# --- Custom claims ---------------------------------------------------------------------------------------------------------


def test_claims_are_merged_and_null_removes_one(known: EmbeddedProject, ada: SignedIn) -> None:
    for claims in ({"a": 1, "b": {"c": [True]}}, {"a": None, "d": "é"}, {}):
        now = held(known, ada).sessions.extend(SessionTerms(custom_claims=claims))

    assert now.session.custom_claims == {"b": {"c": [True]}, "d": "é"}
    assert held(known, ada).sessions.extend(SessionTerms()).session.custom_claims == now.session.custom_claims
    assert now.session.expires_at == ada.session.expires_at


@pytest.mark.parametrize(
    ("claims", "error_type"),
    [
        ({"iss": "me"}, "reserved_claims_in_custom_claims"),
        ({"sub": None}, "reserved_claims_in_custom_claims"),
        ({"https://stytch.com/session": {}}, "stytch_claims_in_custom_claims"),
        ({"a": "x" * 4096}, "custom_claims_too_large"),
        ({"a": "\ud800"}, "unable_to_represent_custom_claims_json"),
    ],
)
def test_reserved_claims_are_rejected(
    known: EmbeddedProject, ada: SignedIn, claims: dict[str, Any], error_type: str
) -> None:
    with pytest.raises(Invalid) as error:
        held(known, ada).sessions.extend(SessionTerms(custom_claims=claims))

    assert (error.value.field, error.value.error_type) == ("session_custom_claims", error_type)
    assert row_of(ada).custom_claims == {}


def test_limit_of_claims_includes_existing_ones(known: EmbeddedProject, ada: SignedIn) -> None:
    held(known, ada).sessions.extend(SessionTerms(custom_claims={"a": "x" * 3000}))

    with pytest.raises(Invalid):
        held(known, ada).sessions.extend(SessionTerms(custom_claims={"b": "x" * 3000}))

    held(known, ada).sessions.extend(SessionTerms(custom_claims={"a": None, "b": "x" * 3000}))


# --- Who has sessions, and their end ---------------------------------------------------------------------------------------


def test_project_lists_live_sessions(known: EmbeddedProject, opened: Opened, admin: models.MemberRow) -> None:
    sessions = [api_session(admin) for _ in range(3)]
    opened("acme").sessions.revoke_session(sessions[0].session.member_session_id)
    factories.session_token(admin)
    models.MemberSessionRow.objects.filter(ends_when_idle=True).update(
        last_accessed_at=timezone.now() - timedelta(days=1)
    )

    found = opened("acme").sessions.list_for_member(sessions[0].member.member_id)

    assert [one.member_session_id for one in found] == [s.session.member_session_id for s in sessions[:0:-1]]
    assert found[0].roles == {"stytch_admin", "stytch_member"}


def test_sessions_are_not_visible_in_another_organization(
    opened: Opened, ada: SignedIn, globex: models.OrganizationRow
) -> None:
    other = opened("globex").sessions

    with pytest.raises(NotFound):
        other.list_for_member(ada.member.member_id)
    with pytest.raises(NotFound):
        other.revoke_for_member(ada.member.member_id)
    with pytest.raises(NotFound):
        other.revoke_session(ada.session.member_session_id)

    assert row_of(ada).revoked_at is None


def test_admin_of_another_organization_cannot_revoke_sessions(
    known: EmbeddedProject, ada: SignedIn, other_admin: models.MemberRow
) -> None:
    gil = api_session(other_admin)

    with pytest.raises(NotFound):
        held(known, gil).sessions.revoke_for_member(ada.member.member_id)

    assert row_of(ada).revoked_at is None


def test_admins_revoke_sessions_and_members_only_their_own(
    known: EmbeddedProject, ada: SignedIn, max_: SignedIn, member: models.MemberRow
) -> None:
    second = api_session(member)
    with pytest.raises(Forbidden):
        held(known, max_).sessions.revoke_for_member(ada.member.member_id)
    with pytest.raises(Forbidden):
        held(known, max_).sessions.revoke_session(ada.session.member_session_id)

    held(known, max_).sessions.revoke_session(second.session.member_session_id)
    assert row_of(max_).revoked_at is None
    held(known, max_).sessions.revoke_for_member(max_.member.member_id)
    assert row_of(max_).revoked_at is not None
    again = api_session(member)
    held(known, ada).sessions.revoke_for_member(max_.member.member_id)
    assert row_of(again).revoked_at is not None
    assert row_of(ada).revoked_at is None


def test_revocation_is_in_the_activity_log(known: EmbeddedProject, opened: Opened, ada: SignedIn) -> None:
    opened("acme").sessions.revoke_for_member(ada.member.member_id)
    opened("acme").sessions.revoke_session(ada.session.member_session_id)

    entry = models.ActivityEntryRow.objects.get(action="member_session.revoke")
    assert (entry.actor_type, entry.actor_id, entry.target_id) == (
        "project",
        "secret-live-1",
        ada.session.member_session_id,
    )


# --- To another organization -----------------------------------------------------------------------------------------------


@pytest.fixture
def ada_of_globex(globex: models.OrganizationRow) -> models.MemberRow:
    return factories.member(globex, "Ada@acme.example", password="another one entirely")


@pytest.fixture
def verified(admin: models.MemberRow) -> SignedIn:
    models.MemberRow.objects.filter(pk=admin.pk).update(email_address_verified=True)
    admin.refresh_from_db()
    return api_session(admin)


def test_session_is_exchanged_for_one_in_another_organization(
    known: EmbeddedProject, opened: Opened, verified: SignedIn, ada_of_globex: models.MemberRow
) -> None:
    terms = SessionTerms(duration_minutes=30, custom_claims={"a": 1})

    outcome = opened("globex").sessions.exchange(verified, terms)

    signed_in = outcome.signed_in
    assert signed_in is not None
    assert signed_in.organization.organization_slug == "globex"
    assert signed_in.session.roles == {"stytch_member"}
    assert minutes_left(signed_in) == 30
    assert signed_in.session.custom_claims == {"a": 1}
    (factor,) = known.open_session(signed_in.session_token)[0].session.authentication_factors
    (before,) = verified.session.authentication_factors
    assert factor.type == "password"
    assert abs(factor.last_authenticated_at - before.last_authenticated_at) < timedelta(milliseconds=1)
    # The password of one organization is none of another's.
    assert signed_in.session.password_entered_at is None
    assert row_of(verified).revoked_at is None


def test_session_with_unverified_address_is_not_exchanged(
    opened: Opened, ada: SignedIn, globex: models.OrganizationRow
) -> None:
    """An admin of Acme or its identity provider may have given its member any address."""
    errors = []
    for make in (None, factories.member):
        if make:
            make(globex, "ada@acme.example")
        with pytest.raises(Forbidden) as error:
            opened("globex").sessions.exchange(ada, SessionTerms())
        errors.append((error.value.detail, error.value.error_type))

    assert errors[0] == errors[1]
    assert errors[0][1] == "insufficient_factors_for_session_exchange"


@pytest.mark.parametrize("status", [None, MemberStatus.DELETED])
def test_exchange_needs_a_member_in_the_other_organization(
    opened: Opened, verified: SignedIn, globex: models.OrganizationRow, status: MemberStatus | None
) -> None:
    if status:
        factories.member(globex, "ada@acme.example")
        models.MemberRow.objects.filter(organization=globex).update(status=status)

    with pytest.raises(NotFound) as error:
        opened("globex").sessions.exchange(verified, SessionTerms())

    assert error.value.error_type == "member_does_not_exist_in_organization"


def test_exchange_accepts_an_invitation(opened: Opened, verified: SignedIn, ada_of_globex: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=ada_of_globex.pk).update(status=MemberStatus.INVITED)

    assert opened("globex").sessions.exchange(verified, SessionTerms()).signed_in

    ada_of_globex.refresh_from_db()
    assert (ada_of_globex.status, ada_of_globex.email_address_verified) == (MemberStatus.ACTIVE, True)
    entry = models.ActivityEntryRow.objects.get(action="member.accept_invitation")
    assert (entry.before, entry.after) == ({"status": "invited"}, {"status": "active"})


def test_exchange_without_allowed_method_returns_no_session(
    known: EmbeddedProject, opened: Opened, verified: SignedIn, ada_of_globex: models.MemberRow
) -> None:
    restricted = {"auth_methods": "RESTRICTED", "allowed_auth_methods": ["sso"]}
    models.OrganizationRow.objects.filter(slug="globex").update(settings=restricted)

    outcome = opened("globex").sessions.exchange(verified, SessionTerms())

    assert outcome.signed_in is None
    assert outcome.allowed_auth_methods == ("sso",)
    assert outcome.intermediate_session_token
    assert isinstance(outcome.intermediate_session_token_expires_at, datetime)
    assert not models.MemberSessionRow.objects.filter(organization__slug="globex").exists()


def test_intermediate_session_of_an_exchange_opens_no_page(
    opened: Opened, verified: SignedIn, ada_of_globex: models.MemberRow
) -> None:
    restricted = {"auth_methods": "RESTRICTED", "allowed_auth_methods": ["sso"]}
    models.OrganizationRow.objects.filter(slug="globex").update(settings=restricted)
    outcome = opened("globex").sessions.exchange(verified, SessionTerms())

    with pytest.raises(Unauthenticated):
        directories().discovery(Origin()).exchange(
            outcome.intermediate_session_token, organization_id=outcome.organization.organization_id
        )
