"""Second factors in every directory (portal.directory.totps, portal.directory.recovery_codes)."""

from datetime import timedelta

import pyotp
import pytest
import time_machine
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.errors import DirectoryError, Forbidden, Invalid, NotFound, StepUpRequired, Unauthenticated
from portal.directory.second_factors import Enrollment, MfaChoices, PendingSignIn, SecondFactorRequired, WrongCode
from portal.directory.sessions import Continuation, SignedIn
from portal.directory.step_up import require_recent_proof
from portal.directory.totps import NewTotp
from tests.contract.worlds import PASSWORD, World, opened

ADA = "ada@acme.example"
START = timezone.now().replace(microsecond=0)


def waiting(world: World, slug: str = "acme", email_address: str = ADA) -> PendingSignIn:
    """Enter the password, and return the sign-in that waits for a second factor."""
    with pytest.raises(SecondFactorRequired) as caught:
        opened(world, slug).sessions.sign_in(email_address=email_address, password=PASSWORD)
    return caught.value.pending


def before(pending: PendingSignIn) -> Continuation:
    return Continuation(intermediate_session_token=pending.intermediate_session_token)


def code_of(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(timezone.now() + timedelta(seconds=30 * steps))


def wrong_code(secret: str) -> str:
    right = {code_of(secret, steps) for steps in (-1, 0, 1)}
    return next(one for one in ("000000", "111111", "222222", "333333") if one not in right)


def set_up(world: World) -> tuple[SignedIn, NewTotp]:
    """Sign Ada in to an organization that requires a second factor, with a new app."""
    world.require_second_factor("acme")
    pending = waiting(world)
    new = opened(world).totps.create(pending.member_id, before=before(pending))
    signed_in = opened(world).totps.authenticate(pending.member_id, code_of(new.secret), before=before(pending))
    return signed_in, new


def test_an_app_is_set_up_during_sign_in(world: World) -> None:
    world.require_second_factor("acme")
    pending = waiting(world)
    assert (pending.organization_slug, pending.email_address, pending.methods) == ("acme", ADA, ())
    assert "totp" in pending.allowed_methods
    new = opened(world).totps.create(pending.member_id, before=before(pending))
    assert new.url.startswith("otpauth://totp/Acme:ada@acme.example?secret=")
    with pytest.raises(WrongCode):
        opened(world).totps.authenticate(pending.member_id, wrong_code(new.secret), before=before(pending))

    signed_in = opened(world).totps.authenticate(pending.member_id, code_of(new.secret), before=before(pending))

    assert opened(world).sessions.authenticate(signed_in.session_token).member.totp_registration_id
    assert [one.type for one in signed_in.session.other_factors] == ["totp"]
    assert signed_in.session.password_entered_at is not None
    assert len(new.recovery_codes) == 10


def test_a_member_with_an_app_is_asked_for_a_code(world: World) -> None:
    with time_machine.travel(START, tick=False):
        _, new = set_up(world)
    with time_machine.travel(START + timedelta(minutes=1), tick=False):
        pending = waiting(world)
        assert pending.methods == ("totp",)

        signed_in = opened(world).totps.authenticate(pending.member_id, code_of(new.secret), before=before(pending))

        assert signed_in.member.email_address == ADA
        with pytest.raises(WrongCode):
            opened(world).totps.authenticate(pending.member_id, code_of(new.secret), before=before(waiting(world)))


def test_a_sign_in_that_waited_is_used_up(world: World) -> None:
    with time_machine.travel(START, tick=False):
        _, new = set_up(world)
        pending = waiting(world)
    with time_machine.travel(START + timedelta(minutes=1), tick=False):
        opened(world).totps.authenticate(pending.member_id, code_of(new.secret), before=before(pending))
    with time_machine.travel(START + timedelta(minutes=2), tick=False), pytest.raises(Unauthenticated) as caught:
        opened(world).totps.authenticate(pending.member_id, code_of(new.secret), before=before(pending))
    assert not isinstance(caught.value, WrongCode)


def test_a_sign_in_that_waits_opens_no_page(world: World) -> None:
    world.require_second_factor("acme")
    with pytest.raises(Unauthenticated):
        opened(world).sessions.authenticate(waiting(world).intermediate_session_token)


def test_discovery_waits_for_the_second_factor_too(world: World) -> None:
    world.require_second_factor("acme")
    discovery = world.provider.discovery(Origin())
    found = discovery.authenticate(email_address=ADA, password=PASSWORD)
    acme = next(one for one in found.organizations if one.organization_slug == "acme")

    with pytest.raises(SecondFactorRequired) as caught:
        discovery.exchange(found.intermediate_session_token, organization_id=acme.organization_id)

    pending = caught.value.pending
    assert opened(world).totps.create(pending.member_id, before=before(pending)).secret


def test_a_recovery_code_replaces_the_app_once(world: World) -> None:
    _, new = set_up(world)
    code = new.recovery_codes[0]
    pending = waiting(world)

    signed_in, remaining = opened(world).recovery_codes.recover(pending.member_id, code, before=before(pending))

    assert (signed_in.member.email_address, remaining) == (ADA, 9)
    with pytest.raises(WrongCode):
        opened(world).recovery_codes.recover(pending.member_id, code, before=before(waiting(world)))


def test_new_recovery_codes_replace_the_old_ones(world: World) -> None:
    signed_in, new = set_up(world)
    _, codes = opened(world).acting_as(signed_in).recovery_codes.rotate(signed_in.member.member_id)
    pending = waiting(world)

    with pytest.raises(WrongCode):
        opened(world).recovery_codes.recover(pending.member_id, new.recovery_codes[0], before=before(pending))
    assert opened(world).recovery_codes.recover(pending.member_id, codes[0], before=before(pending))[1] == 9


def test_members_without_an_app_have_no_recovery_codes(world: World) -> None:
    who = opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD)
    with pytest.raises(NotFound):
        opened(world).acting_as(who).recovery_codes.rotate(who.member.member_id)


def test_members_turn_it_on_for_themselves(world: World) -> None:
    who = opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD)
    ada = opened(world).acting_as(who)
    new = ada.totps.create(who.member.member_id, before=Continuation(session=who))
    choices = MfaChoices(enrollment=Enrollment.ENROLL, is_default=True)

    confirmed = ada.totps.authenticate(
        who.member.member_id, code_of(new.secret), before=Continuation(session=who), choices=choices
    )

    assert (confirmed.member.mfa_enrolled, confirmed.member.default_mfa_method) == (True, "totp")
    assert confirmed.session.member_session_id == who.session.member_session_id
    assert waiting(world).methods == ("totp",)


def test_step_up_takes_the_second_factor_of_members_who_have_one(world: World) -> None:
    with time_machine.travel(START, tick=False):
        signed_in, new = set_up(world)
        require_recent_proof(signed_in)
    with time_machine.travel(START + timedelta(minutes=10), tick=False):
        signed_in = opened(world).sessions.authenticate(signed_in.session_token)
        ada = opened(world).acting_as(signed_in)
        with pytest.raises(StepUpRequired):
            require_recent_proof(ada.sessions.confirm_password(PASSWORD))

        require_recent_proof(
            ada.totps.authenticate(
                signed_in.member.member_id, code_of(new.secret), before=Continuation(session=signed_in)
            )
        )


def test_another_members_sign_in_adds_nothing(world: World) -> None:
    _, new = set_up(world)
    theirs = waiting(world, email_address="max@acme.example")
    ada = waiting(world)

    with pytest.raises(DirectoryError) as caught:
        opened(world).totps.authenticate(ada.member_id, code_of(new.secret, 1), before=before(theirs))

    assert not isinstance(caught.value, WrongCode)


def test_an_admin_removes_an_app_that_was_lost(world: World) -> None:
    signed_in, _ = set_up(world)
    ada = opened(world).acting_as(signed_in)
    pending = waiting(world, email_address="max@acme.example")
    new = opened(world).totps.create(pending.member_id, before=before(pending))
    max_ = opened(world).totps.authenticate(pending.member_id, code_of(new.secret), before=before(pending))
    with pytest.raises(Forbidden):
        opened(world).acting_as(max_).totps.delete(signed_in.member.member_id)

    assert ada.totps.delete(max_.member.member_id).totp_registration_id == ""

    assert opened(world).sessions.authenticate(max_.session_token)
    assert waiting(world, email_address="max@acme.example").methods == ()
    with pytest.raises(NotFound):
        ada.totps.delete(max_.member.member_id)


def test_removing_an_app_takes_a_recent_proof(world: World) -> None:
    with time_machine.travel(START, tick=False):
        signed_in, _ = set_up(world)
    with time_machine.travel(START + timedelta(minutes=10), tick=False), pytest.raises(StepUpRequired):
        opened(world).acting_as(signed_in).totps.delete(signed_in.member.member_id)


def test_members_remove_their_own_app_and_are_asked_for_none(world: World) -> None:
    signed_in = opened(world).sessions.sign_in(email_address="max@acme.example", password=PASSWORD)
    member_id, session = signed_in.member.member_id, Continuation(session=signed_in)
    new = opened(world).totps.create(member_id, before=session)
    enroll = MfaChoices(enrollment=Enrollment.ENROLL, is_default=True)
    signed_in = opened(world).totps.authenticate(member_id, code_of(new.secret), before=session, choices=enroll)
    assert waiting(world, email_address="max@acme.example").methods == ("totp",)

    member = opened(world).acting_as(signed_in).account.delete_totp()

    assert (member.totp_registration_id, member.mfa_enrolled) == ("", False)
    again = opened(world).sessions.sign_in(email_address="max@acme.example", password=PASSWORD)
    with pytest.raises(NotFound):
        opened(world).acting_as(again).account.delete_totp()


def test_where_a_second_factor_is_required_another_app_is_set_up_at_the_next_sign_in(world: World) -> None:
    signed_in, _ = set_up(world)

    opened(world).acting_as(signed_in).account.delete_totp()

    assert waiting(world).methods == ()


def test_removing_ones_own_app_takes_a_recent_proof(world: World) -> None:
    with time_machine.travel(START, tick=False):
        signed_in, _ = set_up(world)
    with time_machine.travel(START + timedelta(minutes=10), tick=False):
        account = opened(world).acting_as(signed_in).account
        with pytest.raises(StepUpRequired):
            account.delete_totp()
    with pytest.raises(Unauthenticated):
        opened(world).account.delete_totp()


def test_members_choose_what_they_are_asked_for_first(world: World) -> None:
    signed_in, _ = set_up(world)
    ada, member_id = opened(world).acting_as(signed_in), signed_in.member.member_id
    with pytest.raises(Invalid):
        ada.account.change_default_method("sms_otp")
    session = Continuation(session=signed_in)
    ada.sms_otps.send(member_id, before=session, phone_number="+12025550123")
    signed_in = ada.sms_otps.authenticate(member_id, world.texted_code("+12025550123"), before=session)
    ada = opened(world).acting_as(signed_in)
    for unknown in ("", "webauthn"):
        with pytest.raises(Invalid):
            ada.account.change_default_method(unknown)

    assert ada.account.change_default_method("sms_otp").default_mfa_method == "sms_otp"

    assert waiting(world).methods == ("sms_otp", "totp")
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False), pytest.raises(StepUpRequired):
        ada.account.change_default_method("totp")
