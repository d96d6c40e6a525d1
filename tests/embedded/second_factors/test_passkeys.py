"""What an authenticator, a browser or another member may not do with passkeys."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from portal.directory.ids import public_id
from portal.directory.second_factors import SMS_OTP, TOTP, SecondFactorRequired, WrongCode
from portal.directory.sessions import Continuation, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.scope import Scope
from portal.embedded.second_factors import passkeys
from tests import factories
from tests.authenticators import ATTESTED, ORIGIN, PRESENT, VERIFIED, Authenticator, decoded, encoded
from tests.conftest import PASSWORD
from tests.embedded.second_factors.test_races import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _named_host(settings: Settings) -> None:
    settings.PUBLIC_URL = ORIGIN


@pytest.fixture
def acme() -> models.OrganizationRow:
    organization = factories.organization("acme")
    for name in ("ada", "max"):
        factories.member(organization, f"{name}@acme.example", password=PASSWORD)
    return organization


@pytest.fixture
def portal(acme: models.OrganizationRow) -> EmbeddedDirectory:
    return EmbeddedDirectory(Scope("acme", Origin(user_agent="curl/8")))


def entered(portal: EmbeddedDirectory, name: str = "ada") -> SignedIn:
    return portal.sessions.sign_in(email_address=f"{name}@acme.example", password=PASSWORD)


def waiting(portal: EmbeddedDirectory, name: str = "ada") -> tuple[str, Continuation]:
    """Return the member and the token of a sign-in that waits for a second factor."""
    with pytest.raises(SecondFactorRequired) as caught:
        entered(portal, name)
    pending = caught.value.pending
    return pending.member_id, Continuation(intermediate_session_token=pending.intermediate_session_token)


def added(portal: EmbeddedDirectory, own: Authenticator, name: str = "ada") -> SignedIn:
    signed_in = entered(portal, name)
    member_id, session = signed_in.member.member_id, Continuation(session=signed_in)
    response = own.create(portal.passkeys.creation_options(member_id, before=session))
    return portal.passkeys.add(member_id, response, name="", before=session).signed_in


def answer(
    portal: EmbeddedDirectory, own: Authenticator, change: Callable[[dict[str, Any]], object] | None = None
) -> SignedIn:
    """Confirm Ada's sign-in, with a response that `change` may change."""
    member_id, before = waiting(portal)
    response = json.loads(own.get(portal.passkeys.request_options(member_id, before=before)))
    if change:
        change(response)
    return portal.passkeys.authenticate(member_id, json.dumps(response), before=before)


LIES: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "https://portal.example.com.evil.example"},
    "another port": {"origin": f"{ORIGIN}:8443"},
    "plain http": {"origin": "http://portal.example.com"},
    "a subdomain": {"origin": "https://x.portal.example.com"},
    "nobody verified": {"flags": PRESENT},
    "nobody present": {"flags": VERIFIED},
    "another site's frame": {"client": {"crossOrigin": True}},
    "a word for it": {"client": {"crossOrigin": "yes"}},
    "a frame at the top": {"client": {"topOrigin": "https://evil.example"}},
    "another type": {"client": {"type": "payment.get"}},
    "an old challenge": {"client": {"challenge": encoded(bytes(32))}},
    "no challenge": {"client": {"challenge": ""}},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_when_it_is_used(portal: EmbeddedDirectory, lie: str) -> None:
    own = Authenticator()
    added(portal, own)
    for name, value in LIES[lie].items():
        setattr(own, name, value)
    with pytest.raises(WrongCode):
        answer(portal, own)


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found_when_it_is_created(portal: EmbeddedDirectory, lie: str) -> None:
    own = Authenticator()
    for name, value in LIES[lie].items():
        setattr(own, name, value)
    with pytest.raises(WrongCode):
        added(portal, own)
    assert not models.PasskeyRow.objects.exists()
    assert entered(portal).member.passkeys == 0


def test_a_key_of_a_copied_device_is_found(portal: EmbeddedDirectory) -> None:
    own = Authenticator(sign_count=5)
    added(portal, own)
    answer(portal, own)
    own.sign_count = 5
    with pytest.raises(WrongCode):
        answer(portal, own)
    assert models.PasskeyRow.objects.get().sign_count == 6


@pytest.mark.parametrize("flags", [PRESENT | VERIFIED | ATTESTED, 0xFF])
def test_flags_without_their_data_are_rejected(portal: EmbeddedDirectory, flags: int) -> None:
    own = Authenticator()
    added(portal, own)
    own.flags = flags
    with pytest.raises(WrongCode):
        answer(portal, own)


@pytest.mark.parametrize(
    "credential",
    [
        "",
        "x",
        "[]",
        "null",
        "{}",
        '{"response": 1}',
        '{"rawId": "AA", "response": {"clientDataJSON": "W10"}}',
        "[" * 60_000,
        "x" * 70_000,
    ],
)
def test_nonsense_is_a_wrong_response(portal: EmbeddedDirectory, credential: str) -> None:
    added(portal, Authenticator())
    member_id, before = waiting(portal)
    with pytest.raises(WrongCode):
        portal.passkeys.authenticate(member_id, credential, before=before)


def test_the_signature_covers_everything(portal: EmbeddedDirectory) -> None:
    own = Authenticator()
    added(portal, own)

    def change(part: str, response: dict[str, Any]) -> None:
        value = bytearray(decoded(response["response"][part]))
        value[-1] ^= 1
        response["response"][part] = encoded(bytes(value))

    for part in ("signature", "authenticatorData"):
        with pytest.raises(WrongCode):
            answer(portal, own, partial(change, part))
    with pytest.raises(WrongCode):
        answer(portal, own, lambda one: one["response"].update(userHandle=encoded(bytes(16))))
    assert answer(portal, own).member.passkeys == 1


def test_another_members_passkey_opens_nothing(portal: EmbeddedDirectory) -> None:
    adas, maxs = Authenticator(), Authenticator()
    added(portal, adas)
    added(portal, maxs, "max")
    with pytest.raises(WrongCode):
        answer(portal, maxs)
    maxs.user_handle = adas.user_handle
    with pytest.raises(WrongCode):
        answer(portal, maxs)
    maxs.credential_id = adas.credential_id
    with pytest.raises(WrongCode):
        answer(portal, maxs)
    maxs_session = entered_with(portal, "max", Authenticator)
    with pytest.raises(NotFound):
        portal.acting_as(maxs_session).passkeys.rename(passkey_id("ada"), "Mine")
    with pytest.raises(NotFound):
        portal.acting_as(maxs_session).passkeys.remove(passkey_id("ada"))


def entered_with(portal: EmbeddedDirectory, name: str, own: Callable[[], Authenticator]) -> SignedIn:
    """Return a session of a member with a new passkey, after all others were removed."""
    member = models.MemberRow.objects.get(email_address=f"{name}@acme.example")
    models.PasskeyRow.objects.filter(member=member).delete()
    models.MemberRow.objects.filter(pk=member.pk).update(passkey_count=0)
    return added(portal, own(), name)


def passkey_id(name: str) -> str:
    row = models.PasskeyRow.objects.get(member__email_address=f"{name}@acme.example")
    return public_id("webauthn-registration", row.pk)


def test_a_credential_is_of_one_member_of_an_organization(portal: EmbeddedDirectory) -> None:
    own = Authenticator()
    added(portal, own)
    with pytest.raises(Conflict):
        added(portal, own, "max")

    globex = factories.organization("globex")
    factories.member(globex, "ada@acme.example", password=PASSWORD)
    other = EmbeddedDirectory(Scope("globex", Origin()))
    assert added(other, own).member.passkeys == 1
    assert added(portal, Authenticator(), "max").member.passkeys == 1


def test_a_challenge_is_for_one_session(portal: EmbeddedDirectory) -> None:
    own = Authenticator()
    added(portal, own)
    member_id, mine = waiting(portal)
    _, others = waiting(portal)
    response = own.get(portal.passkeys.request_options(member_id, before=mine))
    with pytest.raises(WrongCode):
        portal.passkeys.authenticate(member_id, response, before=others)
    assert portal.passkeys.authenticate(member_id, response, before=mine)


def test_a_challenge_of_one_kind_isnt_one_of_the_other(portal: EmbeddedDirectory) -> None:
    own = Authenticator()
    signed_in = added(portal, own)
    member_id, session = signed_in.member.member_id, Continuation(session=signed_in)
    created = portal.passkeys.creation_options(member_id, before=session)
    with pytest.raises(WrongCode):
        portal.passkeys.authenticate(member_id, own.get({**created, "rpId": created["rp"]["id"]}), before=session)


def test_a_challenge_is_used_up_by_a_wrong_response(portal: EmbeddedDirectory) -> None:
    own = Authenticator()
    added(portal, own)
    member_id, before = waiting(portal)
    options = portal.passkeys.request_options(member_id, before=before)
    with pytest.raises(WrongCode):
        portal.passkeys.authenticate(member_id, Authenticator().get(options), before=before)
    with pytest.raises(WrongCode):
        portal.passkeys.authenticate(member_id, own.get(options), before=before)


def test_a_challenge_works_for_five_minutes(portal: EmbeddedDirectory) -> None:
    own, start = Authenticator(), timezone.now()
    with time_machine.travel(start, tick=False) as clock:
        added(portal, own)
        member_id, before = waiting(portal)
        response = own.get(portal.passkeys.request_options(member_id, before=before))
        clock.shift(timedelta(minutes=5))
        with pytest.raises(WrongCode):
            portal.passkeys.authenticate(member_id, response, before=before)
        assert passkeys.prune() == models.PasskeyChallengeRow.objects.count() + 1
        response = own.get(portal.passkeys.request_options(member_id, before=before))
        clock.shift(timedelta(minutes=4, seconds=59))
        assert portal.passkeys.authenticate(member_id, response, before=before)


def test_challenges_of_a_member_are_bounded(portal: EmbeddedDirectory) -> None:
    added(portal, Authenticator())
    member_id, before = waiting(portal)
    for _ in range(25):
        portal.passkeys.request_options(member_id, before=before)
    assert models.PasskeyChallengeRow.objects.count() == 20


@pytest.mark.django_db(transaction=True)
def test_one_response_at_once_starts_one_session(portal: EmbeddedDirectory) -> None:
    own = Authenticator()
    added(portal, own)
    member_id, before = waiting(portal)
    response = own.get(portal.passkeys.request_options(member_id, before=before))

    results = at_once([lambda: portal.passkeys.authenticate(member_id, response, before=before)] * 3)

    assert results.count(None) == 1


def test_the_first_factor_alone_adds_no_other_second_factor(portal: EmbeddedDirectory) -> None:
    added(portal, Authenticator())
    member_id, before = waiting(portal)
    with pytest.raises(Unauthenticated):
        portal.passkeys.creation_options(member_id, before=before)
    with pytest.raises(Unauthenticated):
        portal.totps.create(member_id, before=before)
    api = EmbeddedDirectory(Scope("acme", Origin(), project=Actor(ActorType.PROJECT, "secret")))
    outcome = api.passwords.authenticate(email_address="ada@acme.example", password=PASSWORD, terms=SessionTerms())
    assert outcome.signed_in is not None
    with pytest.raises(Unauthenticated):
        api.totps.create(member_id, before=Continuation(session=outcome.signed_in))


def test_products_arent_told_of_passkeys(portal: EmbeddedDirectory, acme: models.OrganizationRow) -> None:
    """A passkey replaces neither an app nor a phone number for SDKs."""
    added(portal, Authenticator())
    models.OrganizationRow.objects.update(settings={"mfa_policy": "REQUIRED_FOR_ALL"})
    api = EmbeddedDirectory(Scope("acme", Origin(), project=Actor(ActorType.PROJECT, "secret")))

    outcome = api.passwords.authenticate(email_address="ada@acme.example", password=PASSWORD, terms=SessionTerms())

    assert outcome.signed_in is None
    assert outcome.mfa_required is not None
    assert (outcome.mfa_required.phone_number, outcome.mfa_required.totp_registration_id) == ("", "")
    assert not models.MemberRow.objects.get(email_address="ada@acme.example").mfa_enrolled


@pytest.mark.parametrize("methods", [[TOTP], [SMS_OTP], [TOTP, SMS_OTP]])
def test_a_restricted_organization_has_no_passkeys(portal: EmbeddedDirectory, methods: list[str]) -> None:
    own = Authenticator()
    signed_in = added(portal, own)
    member_id = signed_in.member.member_id
    models.OrganizationRow.objects.update(
        settings={"mfa_policy": "REQUIRED_FOR_ALL", "mfa_methods": "RESTRICTED", "allowed_mfa_methods": methods}
    )
    with pytest.raises(Unauthenticated):
        portal.sessions.authenticate(signed_in.session_token)
    with pytest.raises(SecondFactorRequired) as caught:
        entered(portal)
    assert caught.value.pending.methods == ()
    assert caught.value.pending.allowed_methods == (*sorted(methods, reverse=True),)
    before = Continuation(intermediate_session_token=caught.value.pending.intermediate_session_token)
    with pytest.raises(Forbidden):
        portal.passkeys.request_options(member_id, before=before)
    with pytest.raises(Forbidden):
        portal.passkeys.creation_options(member_id, before=before)


def test_an_ip_address_has_no_passkeys(portal: EmbeddedDirectory, settings: Settings) -> None:
    signed_in = added(portal, Authenticator())
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    assert not portal.passkeys.are_supported
    with pytest.raises(NotFound):
        portal.passkeys.creation_options(signed_in.member.member_id, before=Continuation(session=signed_in))


def test_a_deleted_members_passkeys_are_deleted(portal: EmbeddedDirectory) -> None:
    signed_in = added(portal, Authenticator())
    api = EmbeddedDirectory(Scope("acme", Origin(), project=Actor(ActorType.PROJECT, "secret")))
    api.members.delete(signed_in.member.member_id)
    assert not models.PasskeyRow.objects.exists()
    assert models.MemberRow.objects.get(email_address="ada@acme.example").passkey_count == 0


def test_names_are_bounded(portal: EmbeddedDirectory) -> None:
    signed_in = entered(portal)
    with pytest.raises(Invalid):
        portal.passkeys.add(signed_in.member.member_id, "", name="x" * 61, before=Continuation(session=signed_in))
