"""What a remembered device replaces, and what ends it."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pyotp
import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Forbidden, Invalid, NotFound, StepUpRequired, Unauthenticated
from portal.directory.ids import public_id
from portal.directory.organizations import OrganizationChanges
from portal.directory.second_factors import SecondFactorRequired
from portal.directory.sessions import Continuation, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.passwords.stored import change_password
from portal.embedded.scope import Scope
from portal.embedded.second_factors import remembered_devices
from portal.embedded.sessions.lifecycle import member_as_caller
from tests import factories
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
SECRET, CODES = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", ["first-code1", "other-code2"]
START = timezone.now().replace(microsecond=0)
PROJECT = Actor(ActorType.PROJECT, "secret")


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(START, tick=False):
        yield


@pytest.fixture
def ada() -> models.MemberRow:
    """A member of Acme, which requires a second factor and has devices remembered for 30 days."""
    acme = factories.organization("acme")
    acme.settings = {"mfa_policy": "REQUIRED_FOR_ALL", "remembered_device_days": 30}
    acme.save()
    row = factories.member(acme, "ada@acme.example", password=PASSWORD)
    give_app(row)
    return row


def give_app(row: models.MemberRow, secret: str = SECRET) -> None:
    project(row).totps.migrate(public_id("member", row.pk), secret=secret, recovery_codes=CODES)


def project(row: models.MemberRow) -> EmbeddedDirectory:
    return EmbeddedDirectory(Scope(row.organization.slug, Origin(), project=PROJECT))


def browser(row: models.MemberRow, token: str = "") -> EmbeddedDirectory:
    """The directory of the member's organization for a browser that sends a token."""
    tokens = ((public_id("organization", row.organization_id), token),) if token else ()
    return EmbeddedDirectory(Scope(row.organization.slug, Origin("192.0.2.7", "Firefox", device_tokens=tokens)))


def enter_password(directory: EmbeddedDirectory, row: models.MemberRow) -> SignedIn:
    return directory.sessions.sign_in(email_address=row.email_address, password=PASSWORD)


def with_second_factor(directory: EmbeddedDirectory, row: models.MemberRow) -> SignedIn:
    """Sign in with the password and a code of the app, which is another one 30 seconds later."""
    with pytest.raises(SecondFactorRequired) as caught:
        enter_password(directory, row)
    before = Continuation(intermediate_session_token=caught.value.pending.intermediate_session_token)
    code = pyotp.TOTP(SECRET).at(timezone.now())
    return directory.totps.authenticate(public_id("member", row.pk), code, before=before)


def remembered(row: models.MemberRow, before: str = "") -> tuple[str, EmbeddedDirectory]:
    """Return the token of a device that the member had remembered, and the directory with them as the caller."""
    directory = browser(row, before)
    acting = directory.acting_as(with_second_factor(directory, row))
    return acting.remembered_devices.remember().token, acting


def is_asked(row: models.MemberRow, token: str) -> bool:
    """Whether the second factor is asked for in the browser with this token."""
    try:
        enter_password(browser(row, token), row)
    except SecondFactorRequired:
        return True
    return False


def test_it_replaces_the_second_factor_until_it_expires(ada: models.MemberRow) -> None:
    token, _ = remembered(ada)
    assert is_asked(ada, "")

    with time_machine.travel(START + timedelta(days=29), tick=False):
        signed_in = enter_password(browser(ada, token), ada)
        # The session has no factor that no one proved, and is valid although the organization requires one.
        assert [one.type for one in signed_in.session.authentication_factors] == ["password"]
        again = browser(ada).sessions.authenticate(signed_in.session_token)
        (device,) = browser(ada).acting_as(again).remembered_devices.own()
        assert (device.user_agent, device.ip_address) == ("Firefox", "192.0.2.7")
        assert device.last_used_at == START + timedelta(days=29)
    with time_machine.travel(START + timedelta(days=30), tick=False):
        assert is_asked(ada, token)
        assert remembered_devices.prune() == 1
    # Only the hash is stored.
    assert token not in str(models.ActivityEntryRow.objects.values_list("after", "before"))


def test_a_sensitive_change_still_takes_the_second_factor(ada: models.MemberRow) -> None:
    token, _ = remembered(ada)
    signed_in = enter_password(browser(ada, token), ada)
    acting = browser(ada, token).acting_as(signed_in)
    with pytest.raises(StepUpRequired):
        acting.account.delete_totp()
    # Nor can it be passed on: the next device takes the factor itself.
    with pytest.raises(Unauthenticated):
        acting.remembered_devices.remember()


def test_products_ask_for_the_second_factor(ada: models.MemberRow) -> None:
    token, _ = remembered(ada)
    origin = Origin(device_tokens=((public_id("organization", ada.organization_id), token),))
    for caller in (PROJECT, None):
        directory = EmbeddedDirectory(Scope("acme", origin, project=caller))
        outcome = directory.passwords.authenticate(
            email_address=ada.email_address, password=PASSWORD, terms=SessionTerms()
        )
        assert outcome.signed_in is None
        assert outcome.mfa_required is not None


def test_it_is_of_one_member_and_one_organization(ada: models.MemberRow) -> None:
    token, acting = remembered(ada)
    eve = factories.member(ada.organization, "eve@acme.example", password=PASSWORD)
    give_app(eve)
    globex = factories.organization("globex")
    globex.settings = {"mfa_policy": "REQUIRED_FOR_ALL", "remembered_device_days": 30}
    globex.save()
    other = factories.member(globex, "ada@acme.example", password=PASSWORD)
    give_app(other)

    assert is_asked(eve, token)
    # Under another organization's name, and with both cookies swapped.
    assert is_asked(other, token)
    assert not is_asked(ada, token)
    # Someone else's token, which an attacker planted in the browser, isn't used for the new device.
    planted = "A" * 43
    assert remembered(eve, planted)[0] != planted
    (device,) = acting.remembered_devices.own()
    signed_in = enter_password(browser(ada, token), ada)
    (of_eve,) = models.RememberedDeviceRow.objects.filter(member=eve)
    with pytest.raises(NotFound):
        browser(ada).acting_as(with_time(ada, signed_in)).remembered_devices.forget(
            public_id("remembered-device", of_eve.pk)
        )
    assert device.device_id == public_id("remembered-device", models.RememberedDeviceRow.objects.get(member=ada).pk)


def with_time(row: models.MemberRow, signed_in: SignedIn) -> SignedIn:
    """Confirm a session with the second factor."""
    with time_machine.travel(START + timedelta(seconds=30), tick=False):
        code = pyotp.TOTP(SECRET).at(timezone.now())
        before = Continuation(session=signed_in)
        return browser(row).totps.authenticate(public_id("member", row.pk), code, before=before)


def test_ending_one_ends_the_sessions_that_began_with_it(ada: models.MemberRow) -> None:
    token, acting = remembered(ada)
    thief = enter_password(browser(ada, token), ada)
    (device,) = acting.remembered_devices.own()

    acting.remembered_devices.forget(device.device_id)

    assert is_asked(ada, token)
    with pytest.raises(Unauthenticated):
        browser(ada).sessions.authenticate(thief.session_token)
    entry = models.ActivityEntryRow.objects.get(action="member.forget_device")
    assert entry.target_name == ada.email_address


def test_a_member_has_ten_at_most_and_one_in_each_browser(ada: models.MemberRow) -> None:
    tokens: list[str] = []
    for number in range(12):
        with time_machine.travel(START + timedelta(minutes=number), tick=False):
            tokens.append(remembered(ada)[0])
    assert models.RememberedDeviceRow.objects.count() == 10
    assert [is_asked(ada, one) for one in (tokens[0], tokens[1], tokens[2])] == [True, True, False]
    with time_machine.travel(START + timedelta(minutes=20), tick=False):
        # Ticked again in the same browser after the factor was asked for again: it replaces the one before.
        directory = browser(ada)
        acting = EmbeddedDirectory(
            Scope("acme", Origin(device_tokens=((public_id("organization", ada.organization_id), tokens[5]),)))
        ).acting_as(with_second_factor(directory, ada))
        acting.remembered_devices.remember()
        assert is_asked(ada, tokens[5])
        assert models.RememberedDeviceRow.objects.count() == 10


def set_password(row: models.MemberRow) -> None:
    row.refresh_from_db()
    change_password(row, make_password(PASSWORD), member_as_caller(row, Origin()))


def replace_app(row: models.MemberRow) -> None:
    project(row).totps.delete(public_id("member", row.pk))
    give_app(row)


def add_passkey(row: models.MemberRow) -> None:
    models.PasskeyRow.objects.create(
        organization=row.organization, member=row, credential_id=b"one", public_key=b"key", name="iPhone"
    )
    models.MemberRow.objects.filter(pk=row.pk).update(passkey_count=1)


def verify_phone(row: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=row.pk).update(mfa_phone_number="+12025550123", mfa_phone_number_verified=True)


def change_days(row: models.MemberRow) -> None:
    for days in (7, 30):
        project(row).organization.update(OrganizationChanges(remembered_device_days=days))


def restrict_methods(row: models.MemberRow) -> None:
    for changes in (
        OrganizationChanges(mfa_methods="RESTRICTED", allowed_mfa_methods=["totp"]),
        OrganizationChanges(mfa_methods="ALL_ALLOWED"),
    ):
        project(row).organization.update(changes)


def sign_out_everywhere(row: models.MemberRow) -> None:
    with time_machine.travel(START + timedelta(seconds=30), tick=False):
        directory = browser(row)
        directory.acting_as(with_second_factor(directory, row)).account.revoke_other_sessions()


def end_sessions(row: models.MemberRow) -> None:
    project(row).sessions.revoke_for_member(public_id("member", row.pk))


def end_everyones_sessions(row: models.MemberRow) -> None:
    project(row).all_sessions.revoke()


@pytest.mark.parametrize(
    "change",
    [
        set_password,
        replace_app,
        add_passkey,
        verify_phone,
        change_days,
        restrict_methods,
        sign_out_everywhere,
        end_sessions,
        end_everyones_sessions,
    ],
)
def test_what_ends_it(ada: models.MemberRow, change: Callable[[models.MemberRow], None]) -> None:
    token, acting = remembered(ada)
    assert not is_asked(ada, token)
    with time_machine.travel(START + timedelta(seconds=1), tick=False):
        change(ada)
    with time_machine.travel(START + timedelta(minutes=1), tick=False):
        assert is_asked(ada, token)
        assert acting.remembered_devices.own() == ()


def test_deactivating_and_deleting_delete_it(ada: models.MemberRow) -> None:
    remembered(ada)
    project(ada).members.delete(public_id("member", ada.pk))
    assert not models.RememberedDeviceRow.objects.exists()


def test_deleting_the_organization_deletes_it(ada: models.MemberRow) -> None:
    remembered(ada)
    project(ada).organization.delete()
    assert not models.RememberedDeviceRow.objects.exists()


def test_a_policy_that_ends_devices_ends_sessions_without_a_second_factor(ada: models.MemberRow) -> None:
    token, acting = remembered(ada)
    by_device = enter_password(browser(ada, token), ada)
    with time_machine.travel(START + timedelta(seconds=1), tick=False):
        project(ada).organization.update(OrganizationChanges(remembered_device_days=0))
        with pytest.raises(Unauthenticated):
            browser(ada).sessions.authenticate(by_device.session_token)
        with pytest.raises(Forbidden):
            acting.remembered_devices.remember()
        # The session with the factor continues.
        assert acting.remembered_devices.own() == ()
        assert models.MemberSessionRow.objects.filter(revoked_at=None).count() == 1


def test_a_recovery_code_is_not_enough(ada: models.MemberRow) -> None:
    directory = browser(ada)
    with pytest.raises(SecondFactorRequired) as caught:
        enter_password(directory, ada)
    before = Continuation(intermediate_session_token=caught.value.pending.intermediate_session_token)
    signed_in, _ = directory.recovery_codes.recover(public_id("member", ada.pk), CODES[0], before=before)
    with pytest.raises(Unauthenticated):
        directory.acting_as(signed_in).remembered_devices.remember()


def test_the_operator_bounds_the_days(ada: models.MemberRow, settings: Settings) -> None:
    with pytest.raises(Invalid, match="from 1 to 30"):
        project(ada).organization.update(OrganizationChanges(remembered_device_days=31))
    token, _ = remembered(ada)
    bounded = settings.PROJECT.sessions
    bounded = type(bounded)(max_remembered_device_days=0)
    settings.PROJECT = type(settings.PROJECT)(sessions=bounded)
    assert is_asked(ada, token)
