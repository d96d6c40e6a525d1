"""A change of password, address or allowed methods ends the sessions that it no longer satisfies, and no others."""

import pytest
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.ids import public_id
from portal.directory.members import MemberChanges
from portal.directory.organizations import EMAIL_OTP, MAGIC_LINK, PASSWORD, RESTRICTED, OrganizationChanges
from portal.directory.sessions import SessionEndCause, SessionEnded, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.project import EmbeddedProject
from portal.embedded.scope import Scope
from portal.embedded.sessions.lifecycle import start_session
from portal.embedded.sign_in.methods import email_factor

PROJECT = Actor(ActorType.PROJECT, "secret-live-1", "secret …abcd")


def start(member: models.MemberRow, *methods: str) -> SignedIn:
    """Return a session of the portal that a member started with these methods."""
    now = timezone.now()
    factors = [email_factor(one, member.email_address, member.pk, now) for one in methods if one != PASSWORD]
    entered_at = now if PASSWORD in methods else None
    return start_session(member, Origin(), password_entered_at=entered_at, factors=factors)


def end_of(who: SignedIn) -> str:
    """Return why a session ended, "" if it hasn't."""
    try:
        EmbeddedDirectory(Scope(who.organization.organization_slug, Origin())).sessions.authenticate(who.session_token)
    except SessionEnded as error:
        return str(error.end.cause) if error.end else "unknown"
    return ""


def as_project(organization: models.OrganizationRow) -> EmbeddedDirectory:
    return EmbeddedProject(Origin()).open(public_id("organization", organization.pk), PROJECT)


def restrict(organization: models.OrganizationRow, *methods: str) -> None:
    as_project(organization).organization.update(
        OrganizationChanges(auth_methods=RESTRICTED, allowed_auth_methods=list(methods))
    )


@pytest.mark.parametrize("remaining", [PASSWORD, EMAIL_OTP, MAGIC_LINK])
def test_methods_that_are_no_longer_allowed_end_their_sessions(
    acme: models.OrganizationRow, member: models.MemberRow, remaining: str
) -> None:
    sessions = {method: start(member, method) for method in (PASSWORD, EMAIL_OTP, MAGIC_LINK)}
    both = start(member, PASSWORD, EMAIL_OTP)

    restrict(acme, remaining)

    ends = {method: end_of(who) for method, who in sessions.items()}
    assert ends == {method: "" if method == remaining else SessionEndCause.METHODS for method in sessions}
    assert end_of(both) == ("" if remaining in {PASSWORD, EMAIL_OTP} else SessionEndCause.METHODS)


def test_other_organizations_and_emergency_admins_keep_their_sessions(
    acme: models.OrganizationRow, member: models.MemberRow, other_admin: models.MemberRow, admin: models.MemberRow
) -> None:
    models.MemberRow.objects.filter(pk=admin.pk).update(is_breakglass=True)
    admin.refresh_from_db()
    ended, elsewhere, emergency = start(member, PASSWORD), start(other_admin, PASSWORD), start(admin, PASSWORD)

    restrict(acme, EMAIL_OTP)

    assert (end_of(ended), end_of(elsewhere), end_of(emergency)) == (SessionEndCause.METHODS, "", "")


def test_the_end_of_emergency_access_ends_what_only_it_allowed(
    acme: models.OrganizationRow, admin: models.MemberRow
) -> None:
    models.MemberRow.objects.filter(pk=admin.pk).update(is_breakglass=True)
    admin.refresh_from_db()
    restrict(acme, EMAIL_OTP)
    by_password, by_code = start(admin, PASSWORD), start(admin, EMAIL_OTP)

    as_project(acme).members.update(public_id("member", admin.pk), MemberChanges(is_breakglass=False))

    assert (end_of(by_password), end_of(by_code)) == (SessionEndCause.METHODS, "")


def test_other_changes_of_an_organization_end_nothing(acme: models.OrganizationRow, member: models.MemberRow) -> None:
    who = start(member, PASSWORD)
    as_project(acme).organization.update(OrganizationChanges(organization_name="Acme Inc."))
    assert end_of(who) == ""


def test_another_address_ends_all_sessions(acme: models.OrganizationRow, member: models.MemberRow) -> None:
    """It deletes the password, and nobody has proved that they receive email at it."""
    sessions = [start(member, PASSWORD), start(member, EMAIL_OTP), start(member, PASSWORD, MAGIC_LINK)]

    as_project(acme).members.update(public_id("member", member.pk), MemberChanges(email_address="new@acme.example"))

    assert {end_of(who) for who in sessions} == {SessionEndCause.ADDRESS}


def test_the_same_address_in_other_letters_ends_nothing(acme: models.OrganizationRow, member: models.MemberRow) -> None:
    who = start(member, EMAIL_OTP)
    address = member.email_address.replace("@acme", "@ACME")
    as_project(acme).members.update(public_id("member", member.pk), MemberChanges(email_address=address))
    assert end_of(who) == ""


def test_a_products_session_ends_too(acme: models.OrganizationRow, member: models.MemberRow) -> None:
    terms = SessionTerms(duration_minutes=60)
    start_session(member, Origin(), password_entered_at=timezone.now(), terms=terms)

    restrict(acme, EMAIL_OTP)

    assert models.MemberSessionRow.objects.filter(member=member, revoked_at=None).count() == 0
