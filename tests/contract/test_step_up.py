"""Step-up by password in every directory (portal.directory.step_up)."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.errors import StepUpRequired, Unauthenticated
from portal.directory.step_up import proof_is_recent, require_recent_proof
from tests.contract.worlds import PASSWORD, World, opened

ADA = "ada@acme.example"


def test_sign_in_counts_as_recent_password_for_five_minutes(world: World) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        who = opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD)

    with time_machine.travel(start + timedelta(minutes=4, seconds=59), tick=False):
        again = opened(world).sessions.authenticate(who.session_token)
        require_recent_proof(again)
    with time_machine.travel(start + timedelta(minutes=5, seconds=1), tick=False):
        again = opened(world).sessions.authenticate(who.session_token)
        assert not proof_is_recent(again.session)
        with pytest.raises(StepUpRequired):
            require_recent_proof(again)


def test_discovery_counts_from_the_password_entry(world: World) -> None:
    start = timezone.now()
    discovery = world.provider.discovery(Origin())
    with time_machine.travel(start, tick=False):
        discovered = discovery.authenticate(email_address="gil@globex.example", password=PASSWORD)

    with time_machine.travel(start + timedelta(minutes=6), tick=False):
        who = discovery.exchange(
            discovered.intermediate_session_token, organization_id=discovered.organizations[0].organization_id
        )
        assert not proof_is_recent(who.session)


def test_confirmation_counts_only_for_this_session(world: World) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        who, elsewhere = (opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD) for _ in range(2))

    with time_machine.travel(start + timedelta(minutes=10), tick=False):
        confirmed = opened(world).acting_as(who).sessions.confirm_password(PASSWORD)

        assert proof_is_recent(confirmed.session)
        assert confirmed.session.member_session_id == who.session.member_session_id
        assert confirmed.session.expires_at == who.session.expires_at
        assert proof_is_recent(opened(world).sessions.authenticate(confirmed.session_token).session)
        assert not proof_is_recent(opened(world).sessions.authenticate(elsewhere.session_token).session)


@pytest.mark.parametrize("password", ["wrong", "", PASSWORD.upper()])
def test_wrong_password_neither_confirms_nor_ends_the_session(world: World, password: str) -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        who = opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD)

    with time_machine.travel(start + timedelta(minutes=10), tick=False):
        with pytest.raises(Unauthenticated) as error:
            opened(world).acting_as(who).sessions.confirm_password(password)
        assert error.value.detail == "Incorrect password."
        assert not proof_is_recent(opened(world).sessions.authenticate(who.session_token).session)


def test_ended_session_cannot_be_confirmed(world: World) -> None:
    who = opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD)
    opened(world).sessions.revoke(who.session_token)

    with pytest.raises(Unauthenticated):
        opened(world).acting_as(who).sessions.confirm_password(PASSWORD)


def test_confirmation_needs_a_session(world: World) -> None:
    with pytest.raises(Unauthenticated):
        opened(world).sessions.confirm_password(PASSWORD)
    with pytest.raises(Unauthenticated):
        require_recent_proof(None)
