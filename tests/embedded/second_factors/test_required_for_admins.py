"""A second factor that only admins need: at sign-in, in their sessions, and once a member becomes an admin."""

import pytest

from portal.directory.actor import Origin
from portal.directory.organizations import ALL_ALLOWED, EMAIL_OTP, NOT_ALLOWED, RESTRICTED, OrganizationChanges
from portal.directory.policy import ADMIN_ROLE
from portal.directory.second_factors import SecondFactorRequired
from portal.directory.sessions import SessionEndCause, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.scope import Scope
from tests import factories
from tests.conftest import PASSWORD
from tests.embedded.sessions.test_satisfied import as_project, end_of, start


def sign_in(member: models.MemberRow) -> SignedIn:
    directory = EmbeddedDirectory(Scope(member.organization.slug, Origin()))
    return directory.sessions.sign_in(email_address=member.email_address, password=PASSWORD)


def sign_in_by_code(member: models.MemberRow) -> SignedIn:
    other = models.MemberRow.objects.select_related("organization").get(pk=member.pk)
    return start(other, EMAIL_OTP)


def require(organization: models.OrganizationRow) -> None:
    as_project(organization).organization.update(OrganizationChanges(mfa_required_for_admins=True))


def test_it_ends_the_sessions_of_admins_and_asks_them_at_sign_in(
    acme: models.OrganizationRow, admin: models.MemberRow, member: models.MemberRow
) -> None:
    of_admin, of_member = sign_in(admin), sign_in(member)

    require(acme)

    assert (end_of(of_admin), end_of(of_member)) == (SessionEndCause.MFA, "")
    assert sign_in(member)
    with pytest.raises(SecondFactorRequired) as caught:
        sign_in(admin)
    assert caught.value.pending.methods == ()  # They set one up.


def test_a_member_who_becomes_an_admin_needs_one_from_then_on(
    acme: models.OrganizationRow, member: models.MemberRow
) -> None:
    require(acme)
    before = sign_in(member)
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=[ADMIN_ROLE])
    assert end_of(before) == SessionEndCause.MFA


def test_admins_by_group_and_by_domain_need_one(acme: models.OrganizationRow, member: models.MemberRow) -> None:
    domain = member.email_address.rpartition("@")[2]
    by_domain = [{"domain": domain, "role_id": ADMIN_ROLE}]
    models.OrganizationRow.objects.filter(pk=acme.pk).update(
        settings={"mfa_required_for_admins": True, "rbac_email_implicit_role_assignments": by_domain}
    )
    member.refresh_from_db()
    with pytest.raises(SecondFactorRequired):
        sign_in(member)

    models.OrganizationRow.objects.filter(pk=acme.pk).update(settings={"mfa_required_for_admins": True})
    connection = factories.scim_connection(acme)
    group = factories.scim_group(connection, "Admins")
    factories.put_in_group(group, [factories.scim_user(connection, member.email_address, member=member)])
    factories.group_role(group, ADMIN_ROLE)
    with pytest.raises(SecondFactorRequired):
        sign_in(member)


def test_an_exchanged_session_needs_one(
    acme: models.OrganizationRow, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    other = factories.member(globex, admin.email_address, password=PASSWORD)
    models.MemberRow.objects.update(email_address_verified=True)
    by_code = sign_in_by_code(other)
    assert as_project(acme).sessions.exchange(by_code, SessionTerms()).signed_in
    require(acme)
    outcome = as_project(acme).sessions.exchange(by_code, SessionTerms())
    assert (outcome.signed_in, bool(outcome.mfa_required)) == (None, True)


def test_requiring_it_of_everyone_replaces_it(acme: models.OrganizationRow) -> None:
    require(acme)
    changed = as_project(acme).organization.update(OrganizationChanges(mfa_policy="REQUIRED_FOR_ALL"))
    assert not changed.settings.mfa_required_for_admins


@pytest.mark.parametrize(
    ("passkeys", "of_restricted", "of_all"),
    [("", False, True), (ALL_ALLOWED, True, True), (NOT_ALLOWED, False, False)],
)
def test_passkeys_have_a_choice_of_their_own(
    acme: models.OrganizationRow, passkeys: str, of_restricted: bool, of_all: bool
) -> None:
    gateway = as_project(acme).organization
    restricted = OrganizationChanges(passkeys=passkeys, mfa_methods=RESTRICTED, allowed_mfa_methods=["totp"])
    assert gateway.update(restricted).settings.allows_passkeys is of_restricted
    assert gateway.update(OrganizationChanges(mfa_methods=ALL_ALLOWED)).settings.allows_passkeys is of_all
