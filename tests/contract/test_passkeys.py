"""Passkeys in every directory (portal.directory.passkeys): only the embedded one has them."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from portal.directory.directory import Directory
from portal.directory.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    StepUpRequired,
    Unauthenticated,
)
from portal.directory.passkeys import AddedPasskey, PasskeyGateway
from portal.directory.second_factors import PASSKEY, TOTP, PendingSignIn, SecondFactorRequired, WrongCode
from portal.directory.sessions import Continuation, SignedIn
from portal.directory.step_up import takes_second_factor
from tests.authenticators import ORIGIN, Authenticator
from tests.contract.test_second_factors import before, code_of, waiting
from tests.contract.worlds import EMBEDDED_ONLY, PASSWORD, STYTCH_ONLY, World, acting, opened

ADA, MAX = "ada@acme.example", "max@acme.example"


@pytest.fixture(autouse=True)
def _named_host(settings: Settings) -> None:
    settings.PUBLIC_URL = ORIGIN


def passkeys(directory: Directory) -> PasskeyGateway:
    assert directory.passkeys is not None
    return directory.passkeys


def add(
    world: World, own: Authenticator, *, email_address: str = ADA, slug: str = "acme", name: str = ""
) -> AddedPasskey:
    """Add a passkey on the account page, after the password was entered."""
    directory = opened(world, slug)
    signed_in = directory.sessions.sign_in(email_address=email_address, password=PASSWORD)
    return add_again(directory, own, signed_in, name=name)


def add_again(directory: Directory, own: Authenticator, signed_in: SignedIn, *, name: str = "") -> AddedPasskey:
    member_id, session = signed_in.member.member_id, Continuation(session=signed_in)
    gateway = passkeys(directory.acting_as(signed_in))
    options = gateway.creation_options(member_id, before=session)
    return gateway.add(member_id, own.create(options), name=name, before=session)


def confirm(world: World, own: Authenticator, pending: PendingSignIn, slug: str = "acme") -> SignedIn:
    gateway = passkeys(opened(world, slug))
    options = gateway.request_options(pending.member_id, before=before(pending))
    return gateway.authenticate(pending.member_id, own.get(options), before=before(pending))


@STYTCH_ONLY
def test_stytch_has_none(world: World) -> None:
    assert opened(world).passkeys is None


@EMBEDDED_ONLY
def test_a_passkey_is_asked_for_at_the_next_sign_in(world: World) -> None:
    own = Authenticator()
    added = add(world, own, name="  My   phone ")
    assert (added.passkey.name, len(added.recovery_codes)) == ("My phone", 10)
    assert [one.type for one in added.signed_in.session.other_factors] == ["webauthn"]
    factor = added.signed_in.session.other_factors[0].webauthn_factor
    assert factor is not None
    assert (factor.webauthn_registration_id, factor.domain) == (added.passkey.passkey_id, "portal.example.com")

    pending = waiting(world)
    signed_in = confirm(world, own, pending)

    assert pending.methods == (PASSKEY,)
    assert signed_in.member.passkeys == 1
    assert {one.type for one in signed_in.session.authentication_factors} == {"password", "webauthn"}
    assert takes_second_factor(signed_in)
    with pytest.raises(Unauthenticated):
        confirm(world, own, pending)


@EMBEDDED_ONLY
def test_a_passkey_is_added_during_sign_in_where_a_second_factor_is_required(world: World) -> None:
    world.require_second_factor("acme")
    own, pending, gateway = Authenticator(), waiting(world), passkeys(opened(world))
    assert pending.methods == ()
    assert PASSKEY in pending.allowed_methods

    options = gateway.creation_options(pending.member_id, before=before(pending))
    added = gateway.add(pending.member_id, own.create(options), name="Key", before=before(pending))

    assert added.signed_in.member.member_id == pending.member_id
    assert len(added.recovery_codes) == 10
    assert confirm(world, own, waiting(world)).session.member_id == pending.member_id


@EMBEDDED_ONLY
def test_recovery_codes_open_the_door_without_the_device(world: World) -> None:
    codes = add(world, Authenticator()).recovery_codes
    pending = waiting(world)

    signed_in, left = opened(world).recovery_codes.recover(pending.member_id, codes[0], before=before(pending))

    assert left == 9
    acted = passkeys(opened(world).acting_as(signed_in))
    acted.remove(acted.own()[0].passkey_id)
    assert opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD).member.passkeys == 0


@EMBEDDED_ONLY
def test_the_factor_used_last_is_offered_first(world: World) -> None:
    own = Authenticator()
    signed_in = add(world, own).signed_in
    directory, member_id, session = opened(world), signed_in.member.member_id, Continuation(session=signed_in)
    new = directory.totps.create(member_id, before=session)
    directory.totps.authenticate(member_id, code_of(new.secret), before=session)
    assert waiting(world).methods == (TOTP, PASSKEY)

    confirm(world, own, waiting(world))
    assert waiting(world).methods == (PASSKEY, TOTP)


@EMBEDDED_ONLY
def test_an_app_that_is_never_finished_leaves_the_recovery_codes(world: World) -> None:
    added = add(world, Authenticator())
    member_id, session = added.signed_in.member.member_id, Continuation(session=added.signed_in)
    opened(world).totps.create(member_id, before=session)

    pending = waiting(world)
    opened(world).recovery_codes.recover(pending.member_id, added.recovery_codes[0], before=before(pending))


@EMBEDDED_ONLY
def test_removing_the_app_leaves_the_codes_of_a_passkey(world: World) -> None:
    own = Authenticator()
    added = add(world, own)
    directory, session = opened(world).acting_as(added.signed_in), Continuation(session=added.signed_in)
    member_id = added.signed_in.member.member_id
    new = directory.totps.create(member_id, before=session)
    directory.totps.authenticate(member_id, code_of(new.secret), before=session)

    directory.account.delete_totp()

    assert waiting(world).methods == (PASSKEY,)
    pending = waiting(world)
    opened(world).recovery_codes.recover(pending.member_id, added.recovery_codes[0], before=before(pending))


@EMBEDDED_ONLY
def test_at_most_ten_each_with_a_name(world: World) -> None:
    signed_in = add(world, Authenticator(aaguid=bytes.fromhex("bada5566a7aa401fbd9645619a55120d"))).signed_in
    directory = opened(world)
    for number in range(9):
        assert add_again(directory, Authenticator(), signed_in, name=f"Key {number}").recovery_codes == ()
    with pytest.raises(Conflict):
        add_again(directory, Authenticator(), signed_in)
    gateway = passkeys(directory.acting_as(signed_in))
    assert [one.name for one in gateway.own()][:3] == ["1Password", "Key 0", "Key 1"]

    renamed = gateway.rename(gateway.own()[0].passkey_id, "Vault")

    assert renamed.name == gateway.own()[0].name == "Vault"
    for name in ("", " ", "x" * 61, "nul\0"):
        with pytest.raises(Invalid):
            gateway.rename(renamed.passkey_id, name)


@EMBEDDED_ONLY
def test_one_is_removed_with_a_recent_proof_only(world: World) -> None:
    own = Authenticator()
    start = timezone.now()
    with time_machine.travel(start, tick=False):
        signed_in = add(world, own).signed_in
    with time_machine.travel(start + timedelta(minutes=6), tick=False):
        again = opened(world).sessions.authenticate(signed_in.session_token)
        gateway = passkeys(opened(world).acting_as(again))
        with pytest.raises(StepUpRequired):
            gateway.remove(gateway.own()[0].passkey_id)
        with pytest.raises(StepUpRequired):
            add_again(opened(world), Authenticator(), again)
        options = gateway.request_options(again.member.member_id, before=Continuation(session=again))
        confirmed = gateway.authenticate(again.member.member_id, own.get(options), before=Continuation(session=again))

        gateway = passkeys(opened(world).acting_as(confirmed))
        gateway.remove(gateway.own()[0].passkey_id)

        assert gateway.own() == ()
        with pytest.raises(NotFound):
            gateway.remove(confirmed.session.member_session_id)
        with pytest.raises(NotFound):
            opened(world).acting_as(confirmed).recovery_codes.rotate(confirmed.member.member_id)


@EMBEDDED_ONLY
def test_an_admin_removes_all_of_a_member(world: World) -> None:
    signed_in = add(world, Authenticator(), email_address=MAX).signed_in
    member_id = signed_in.member.member_id
    with pytest.raises(Forbidden):
        passkeys(opened(world).acting_as(signed_in)).remove_all(member_id)

    member = passkeys(acting(world)).remove_all(member_id)

    assert member.passkeys == 0
    assert opened(world).sessions.sign_in(email_address=MAX, password=PASSWORD).member.member_id == member_id
    with pytest.raises(NotFound):
        passkeys(acting(world)).remove_all(member_id)


@EMBEDDED_ONLY
def test_a_response_counts_once(world: World) -> None:
    own = Authenticator()
    add(world, own)
    pending, gateway = waiting(world), passkeys(opened(world))
    response = own.get(gateway.request_options(pending.member_id, before=before(pending)))
    gateway.authenticate(pending.member_id, response, before=before(pending))

    with pytest.raises(SecondFactorRequired):
        opened(world).sessions.sign_in(email_address=ADA, password=PASSWORD)
    again = waiting(world)
    with pytest.raises(WrongCode):
        gateway.authenticate(again.member_id, response, before=before(again))
