"""Codes by text message in every directory (portal.directory.sms_otps)."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.errors import DirectoryError, Forbidden, Invalid, NotFound, StepUpRequired, Unauthenticated
from portal.directory.second_factors import Enrollment, MfaChoices, WrongCode
from portal.directory.sessions import Continuation, SignedIn
from portal.directory.step_up import require_recent_proof
from tests.contract.test_second_factors import before, code_of, waiting
from tests.contract.worlds import PASSWORD, World, opened

ADA, MAX = "ada@acme.example", "max@acme.example"
NUMBER, OTHER = "+12025550123", "+12025550199"
START = timezone.now().replace(microsecond=0)
ENROLL = MfaChoices(enrollment=Enrollment.ENROLL, is_default=True)


def add_number(world: World, email_address: str = ADA, number: str = NUMBER) -> SignedIn:
    """Sign a member in to an organization that requires a second factor, with a new phone number."""
    world.require_second_factor("acme")
    pending, sms_otps = waiting(world, email_address=email_address), opened(world).sms_otps
    sms_otps.send(pending.member_id, before=before(pending), phone_number=number)
    return sms_otps.authenticate(pending.member_id, world.texted_code(number), before=before(pending), choices=ENROLL)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_a_number_is_added_during_sign_in(world: World) -> None:
    world.require_second_factor("acme")
    pending, sms_otps = waiting(world), opened(world).sms_otps
    assert sms_otps.are_sent
    assert (pending.methods, pending.phone_ending, pending.initiated) == ((), "", "")
    assert "sms_otp" in pending.allowed_methods
    member = sms_otps.send(pending.member_id, before=before(pending), phone_number="+1 202 555-0123")
    assert (member.phone_ending, member.has_phone) == ("23", False)
    with pytest.raises(WrongCode):
        sms_otps.authenticate(pending.member_id, wrong(world.texted_code(NUMBER)), before=before(pending))

    signed_in = sms_otps.authenticate(
        pending.member_id, world.texted_code(NUMBER), before=before(pending), choices=ENROLL
    )

    member = opened(world).sessions.authenticate(signed_in.session_token).member
    assert (member.mfa_phone_number, member.has_phone, member.default_mfa_method) == (NUMBER, True, "sms_otp")
    assert [one.type for one in signed_in.session.other_factors] == ["otp"]


def test_the_default_is_sent_at_once(world: World) -> None:
    with time_machine.travel(START, tick=False):
        add_number(world)
    with time_machine.travel(START + timedelta(minutes=5), tick=False):
        pending = waiting(world)
        assert (pending.methods, pending.phone_ending, pending.initiated) == (("sms_otp",), "23", "sms_otp")

        signed_in = opened(world).sms_otps.authenticate(
            pending.member_id, world.texted_code(NUMBER), before=before(pending)
        )

        assert signed_in.member.email_address == ADA


def test_a_code_works_once_and_for_two_minutes(world: World) -> None:
    with time_machine.travel(START, tick=False):
        add_number(world)
    with time_machine.travel(START + timedelta(minutes=10), tick=False):
        pending = waiting(world)
        code = world.texted_code(NUMBER)
    with time_machine.travel(START + timedelta(minutes=12), tick=False), pytest.raises(WrongCode):
        opened(world).sms_otps.authenticate(pending.member_id, code, before=before(pending))
    with time_machine.travel(START + timedelta(minutes=13), tick=False):
        opened(world).sms_otps.send(pending.member_id, before=before(pending))
        code = world.texted_code(NUMBER)
        opened(world).sms_otps.authenticate(pending.member_id, code, before=before(pending))
        with pytest.raises(DirectoryError):
            opened(world).sms_otps.authenticate(pending.member_id, code, before=before(pending))


def test_a_number_that_was_never_confirmed_is_replaced(world: World) -> None:
    world.require_second_factor("acme")
    pending, sms_otps = waiting(world), opened(world).sms_otps
    sms_otps.send(pending.member_id, before=before(pending), phone_number=OTHER)

    sms_otps.send(pending.member_id, before=before(pending), phone_number=NUMBER)

    signed_in = sms_otps.authenticate(pending.member_id, world.texted_code(NUMBER), before=before(pending))
    assert signed_in.member.mfa_phone_number == NUMBER
    with pytest.raises(Invalid):
        sms_otps.send(pending.member_id, before=Continuation(session=signed_in), phone_number=OTHER)


def test_a_number_must_be_one_of_an_allowed_country(world: World) -> None:
    world.require_second_factor("acme")
    pending, sms_otps = waiting(world), opened(world).sms_otps
    with pytest.raises(Invalid):
        sms_otps.send(pending.member_id, before=before(pending), phone_number="123")
    with pytest.raises(Forbidden):
        sms_otps.send(pending.member_id, before=before(pending), phone_number="+4915123456789")
    with pytest.raises(NotFound):
        sms_otps.send(pending.member_id, before=before(pending))
    assert world.texted_code("+4915123456789") == ""


def test_another_members_sign_in_adds_nothing(world: World) -> None:
    add_number(world)
    theirs, ada = waiting(world, email_address=MAX), waiting(world)
    with pytest.raises(DirectoryError) as caught:
        opened(world).sms_otps.authenticate(ada.member_id, world.texted_code(NUMBER), before=before(theirs))
    assert not isinstance(caught.value, WrongCode)


def test_a_sign_in_that_ended_sends_nothing(world: World) -> None:
    add_number(world)
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=False):
        pending = waiting(world)
    with time_machine.travel(timezone.now() + timedelta(minutes=30), tick=False), pytest.raises(Unauthenticated):
        opened(world).sms_otps.send(pending.member_id, before=before(pending))


def test_step_up_takes_a_code_by_text_message(world: World) -> None:
    with time_machine.travel(START, tick=False):
        signed_in = add_number(world)
        require_recent_proof(signed_in)
    with time_machine.travel(START + timedelta(minutes=10), tick=False):
        signed_in = opened(world).sessions.authenticate(signed_in.session_token)
        ada, session = opened(world).acting_as(signed_in), Continuation(session=signed_in)
        with pytest.raises(StepUpRequired):
            require_recent_proof(ada.sessions.confirm_password(PASSWORD))
        ada.sms_otps.send(signed_in.member.member_id, before=session)

        require_recent_proof(
            ada.sms_otps.authenticate(signed_in.member.member_id, world.texted_code(NUMBER), before=session)
        )


def test_members_with_both_are_asked_for_the_default_first(world: World) -> None:
    signed_in = add_number(world)
    ada, session = opened(world).acting_as(signed_in), Continuation(session=signed_in)
    new = ada.totps.create(signed_in.member.member_id, before=session)
    ada.totps.authenticate(signed_in.member.member_id, code_of(new.secret), before=session)
    assert waiting(world).methods == ("sms_otp", "totp")
    ada.totps.authenticate(signed_in.member.member_id, code_of(new.secret, 1), before=session, choices=ENROLL)

    pending = waiting(world)

    assert (pending.methods, pending.initiated) == (("totp", "sms_otp"), "")


def test_members_remove_their_own_number(world: World) -> None:
    signed_in = opened(world).sessions.sign_in(email_address=MAX, password=PASSWORD)
    member_id, session, max_ = signed_in.member.member_id, Continuation(session=signed_in), opened(world)
    max_.sms_otps.send(member_id, before=session, phone_number=NUMBER)
    signed_in = max_.sms_otps.authenticate(member_id, world.texted_code(NUMBER), before=session, choices=ENROLL)
    assert waiting(world, email_address=MAX).methods == ("sms_otp",)

    member = opened(world).acting_as(signed_in).account.delete_phone_number()

    assert (member.mfa_phone_number, member.mfa_enrolled) == ("", False)
    again = opened(world).sessions.sign_in(email_address=MAX, password=PASSWORD)
    with pytest.raises(NotFound):
        opened(world).acting_as(again).account.delete_phone_number()


def test_removing_a_number_takes_a_recent_proof(world: World) -> None:
    with time_machine.travel(START, tick=False):
        signed_in = add_number(world)
    with time_machine.travel(START + timedelta(minutes=10), tick=False):
        ada = opened(world).acting_as(signed_in)
        for remove in (ada.account.delete_phone_number, lambda: ada.sms_otps.delete(signed_in.member.member_id)):
            with pytest.raises(StepUpRequired):
                remove()
    with pytest.raises(Unauthenticated):
        opened(world).account.delete_phone_number()


def test_an_admin_removes_a_number_that_was_lost(world: World) -> None:
    ada, max_ = add_number(world), add_number(world, MAX, OTHER)
    with pytest.raises(Forbidden):
        opened(world).acting_as(max_).sms_otps.delete(ada.member.member_id)

    assert not opened(world).acting_as(ada).sms_otps.delete(max_.member.member_id).mfa_phone_number

    assert waiting(world, email_address=MAX).methods == ()
    with pytest.raises(NotFound):
        opened(world).acting_as(ada).sms_otps.delete(max_.member.member_id)
