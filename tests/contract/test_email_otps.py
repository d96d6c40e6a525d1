"""Codes by email in every directory (portal.directory.email_otps)."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from portal.directory.email_otps import CodeRequest
from portal.directory.errors import Unauthenticated
from portal.directory.step_up import proof_is_recent
from tests.contract.worlds import PASSWORD, World, opened

ADA = "ada@acme.example"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


def code_for(world: World, email_address: str = ADA) -> str:
    opened(world).email_otps.request(CodeRequest(email_address=email_address))
    (code,) = world.emailed_codes(email_address)
    return code


def test_a_code_opens_the_portal_once(world: World) -> None:
    assert opened(world).email_otps.are_emailed
    code = code_for(world)

    who = opened(world).email_otps.sign_in(email_address=ADA, code=code)

    assert who.member.email_address == ADA
    assert opened(world).sessions.authenticate(who.session_token).member.email_address == ADA
    with pytest.raises(Unauthenticated):
        opened(world).email_otps.sign_in(email_address=ADA, code=code)


@pytest.mark.parametrize(
    ("slug", "email_address", "code"),
    [("acme", ADA, "000000"), ("acme", ADA, ""), ("acme", "nobody@acme.example", ""), ("globex", ADA, None)],
)
def test_a_wrong_code_opens_nothing(world: World, slug: str, email_address: str, code: str | None) -> None:
    right = code_for(world)
    wrong = right if code is None else code if code != right else "000001"
    with pytest.raises(Unauthenticated):
        opened(world, slug).email_otps.sign_in(email_address=email_address, code=wrong)


def test_asking_for_a_code_tells_nobody_who_is_a_member(world: World) -> None:
    opened(world).email_otps.request(CodeRequest(email_address="nobody@acme.example"))

    assert world.emailed_codes("nobody@acme.example") == []


def test_a_code_confirms_who_is_signed_in(world: World) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        who = opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD)

    with time_machine.travel(start + timedelta(minutes=10), tick=False):
        code = code_for(world)
        assert not proof_is_recent(opened(world).sessions.authenticate(who.session_token).session)
        confirmed = opened(world).acting_as(who).email_otps.confirm(code)

        assert proof_is_recent(confirmed.session)
        assert confirmed.session.member_session_id == who.session.member_session_id
        assert confirmed.session.expires_at == who.session.expires_at
        assert proof_is_recent(opened(world).sessions.authenticate(who.session_token).session)


def test_a_wrong_code_confirms_nobody(world: World) -> None:
    who = opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD)
    code_for(world)
    with pytest.raises(Unauthenticated):
        opened(world).acting_as(who).email_otps.confirm("wrong")
    assert opened(world).sessions.authenticate(who.session_token)


def test_a_code_of_another_member_confirms_nobody(world: World) -> None:
    world.add_member("acme", "eve@acme.example")
    who = opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD)
    code = code_for(world, "eve@acme.example")
    with pytest.raises(Unauthenticated):
        opened(world).acting_as(who).email_otps.confirm(code)
