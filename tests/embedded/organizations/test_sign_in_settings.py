"""Numbers of how members sign in, what needs attention, and two admins who change the methods at once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.directory import Directory
from portal.directory.errors import Conflict
from portal.directory.members import MemberStatus
from portal.directory.organizations import organization_version
from portal.directory.policy import ADMIN_ROLE
from portal.directory.sign_in_settings import SignInAttention
from portal.embedded import models
from portal.embedded.counts import count_organization
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.organizations import sign_in_settings
from portal.embedded.organizations.sign_in_settings import EmbeddedSignInSettings
from portal.embedded.scope import Scope, rows_of
from tests import factories
from tests.embedded.second_factors.test_races import at_once


def acting(admin: models.MemberRow) -> Directory:
    directory = EmbeddedProvider().open(admin.organization.slug, Origin())
    return directory.acting_as(directory.sessions.authenticate(factories.session_token(admin)))


def gateway(admin: models.MemberRow) -> EmbeddedSignInSettings:
    found = acting(admin).sign_in_settings
    assert isinstance(found, EmbeddedSignInSettings)
    return found


def test_numbers_are_live_while_small_and_kept_afterwards(
    acme: models.OrganizationRow, admin: models.MemberRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.member(acme, "one@acme.example", roles=[ADMIN_ROLE])
    for status in (MemberStatus.INVITED, MemberStatus.DELETED):
        row = factories.member(acme, f"{status}@acme.example")
        models.MemberRow.objects.filter(pk=row.pk).update(status=status)
    models.MemberRow.objects.filter(pk=admin.pk).update(mfa_phone_number="+15550100", mfa_phone_number_verified=True)

    live = gateway(admin).numbers()
    assert live
    assert (live.members, live.with_password, live.with_second_factor) == (2, 1, 1)
    assert live.by_factor == {"totp": 0, "sms_otp": 1, "passkey": 0}
    assert (live.admins, live.admins_without_second_factor) == (2, 1)

    monkeypatch.setattr(sign_in_settings, "MAX_COUNTED", 2)
    assert gateway(admin).numbers() is None
    count_organization(acme.pk)
    factories.member(acme, "two@acme.example")
    with CaptureQueriesContext(connection) as queries:
        asked = gateway(admin)
        before = len(queries)
        kept = asked.numbers()
    assert (kept and kept.members, len(queries) - before) == (2, 2)
    assert kept
    assert kept.counted_at


def test_what_needs_attention(acme: models.OrganizationRow, admin: models.MemberRow, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    client = factories.signed_in(admin)
    assert gateway(admin).attention() == SignInAttention(0, True, ())
    assert "Signing in" not in client.get("/o/acme/").content.decode()

    allowed = {"auth_methods": "RESTRICTED", "allowed_auth_methods": ["password", "email_otp", "sso"]}
    models.OrganizationRow.objects.update(settings=allowed)
    html = factories.signed_in(admin).get("/o/acme/").content.decode()
    assert [f"No one can use “{one}”" in html for one in ("Email code", "Single sign-on", "Password")] == [
        True,
        True,
        False,
    ]
    factories.member(acme, "one@acme.example")
    models.OrganizationRow.objects.update(settings={"mfa_policy": "REQUIRED_FOR_ALL"})
    # As the project: the admin has no second factor, either.
    of_project = Scope("acme", Origin(), project=Actor(ActorType.PROJECT, "secret"))
    assert EmbeddedSignInSettings(of_project).attention() == SignInAttention(2, False, ())


@pytest.mark.django_db(transaction=True)
def test_of_two_admins_at_once_one_changes_the_methods() -> None:
    acme = factories.organization("acme")
    admins = [factories.member(acme, f"{one}@acme.example", roles=[ADMIN_ROLE], password="x") for one in "ab"]
    directories = [acting(one) for one in admins]
    seen = organization_version(directories[0].organization.get(), "auth_methods", "allowed_auth_methods")

    def save(directory: Directory, *methods: str) -> None:
        assert directory.sign_in_settings
        directory.sign_in_settings.save_methods(methods, version=seen)

    results = at_once(
        [
            lambda: save(directories[0], "password", "email_otp"),
            lambda: save(directories[1], "password", "magic_link"),
        ]
    )

    assert [type(one) for one in results if one] == [Conflict]
    assert rows_of(acme.pk, models.ActivityEntryRow).filter(action="organization.update").count() == 1
