"""Stytch's second factors, called by its own SDK and by pages: authenticator apps, recovery codes, and who needs one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings
from stytch import B2BClient

from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.second_factors import stored
from tests import factories
from tests.api.conftest import Answer, Caller
from tests.api.test_scim import error_of
from tests.conftest import PASSWORD

PageOf = Callable[[models.MemberRow | None], Caller]
ADA = "ada@acme.example"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CODES = ["first-code1", "other-code2"]
START = timezone.now().replace(microsecond=0)


def at(seconds: float = 0) -> time_machine.travel:
    return time_machine.travel(START + timedelta(seconds=seconds), tick=False)


def code_at(seconds: float = 0, secret: str = SECRET) -> str:
    return pyotp.TOTP(secret).at(START + timedelta(seconds=seconds))


def wrong_at(seconds: float = 0) -> str:
    right = {code_at(seconds + step * 30) for step in (-2, -1, 0, 1, 2)}
    return next(one for one in ("000000", "111111", "222222", "333333", "444444", "555555") if one not in right)


def require(slug: str = "acme", **more: Any) -> None:
    models.OrganizationRow.objects.filter(slug=slug).update(settings={"mfa_policy": "REQUIRED_FOR_ALL", **more})


def set_up(backend: Caller, member: models.MemberRow, secret: str = SECRET) -> str:
    """Give a member an app, and return their ID."""
    member_id = public_id("member", member.pk)
    body = {
        "organization_id": member.organization.slug,
        "member_id": member_id,
        "secret": secret,
        "recovery_codes": CODES,
    }
    assert backend.post("totp/migrate", body).status == 200
    return member_id


def enter_password(caller: Caller, slug: str = "acme", address: str = ADA, **more: Any) -> Answer:
    body = {"organization_id": slug, "email_address": address, "password": PASSWORD, **more}
    return caller.post("passwords/authenticate" if caller.prefix == "/v1/b2b/" else "b2b/passwords/authenticate", body)


@dataclass
class Waiting:
    """A member who entered their password and has an app."""

    backend: Caller
    member_id: str
    token: str

    def enter(self, code: str, *, slug: str = "acme", **more: Any) -> Answer:
        body = {
            "organization_id": slug,
            "member_id": self.member_id,
            "intermediate_session_token": self.token,
            "code": code,
            **more,
        }
        return self.backend.post("totp/authenticate", body)

    def recover(self, code: str, **more: Any) -> Answer:
        body = {
            "organization_id": "acme",
            "member_id": self.member_id,
            "intermediate_session_token": self.token,
            "recovery_code": code,
            **more,
        }
        return self.backend.post("recovery_codes/recover", body)


@pytest.fixture
def waiting(backend: Caller, admin: models.MemberRow) -> Waiting:
    require()
    member_id = set_up(backend, admin)
    return Waiting(backend, member_id, enter_password(backend)["intermediate_session_token"])


# --- Who needs a second factor -------------------------------------------------------------------------------------


def test_without_a_policy_a_password_is_enough(backend: Caller, admin: models.MemberRow) -> None:
    set_up(backend, admin)

    answer = enter_password(backend)

    assert (answer["member_authenticated"], answer["mfa_required"]) == (True, None)


def test_a_policy_asks_everyone(sdk: B2BClient, admin: models.MemberRow) -> None:
    require()

    answer = sdk.passwords.authenticate("acme", ADA, PASSWORD)

    assert (answer.member_authenticated, answer.session_token, answer.session_jwt) == (False, "", "")
    assert (answer.member_session, answer.primary_required) == (None, None)
    assert answer.intermediate_session_token
    assert answer.mfa_required is not None
    assert (answer.mfa_required.member_options, answer.mfa_required.secondary_auth_initiated) == (None, None)


def test_a_member_who_enrolled_is_asked(backend: Caller, admin: models.MemberRow) -> None:
    member_id = set_up(backend, admin)
    backend.put(f"organizations/acme/members/{member_id}", {"mfa_enrolled": True})

    answer = enter_password(backend)

    assert not answer["member_authenticated"]
    registration = answer["member"]["totp_registration_id"]
    assert registration.startswith("totp-registration-live-")
    assert answer["mfa_required"]["member_options"] == {"mfa_phone_number": "", "totp_registration_id": registration}


def test_an_emergency_admin_is_asked_too(backend: Caller, admin: models.MemberRow) -> None:
    require()
    models.MemberRow.objects.update(is_breakglass=True)

    assert not enter_password(backend)["member_authenticated"]


def test_a_first_factor_that_is_not_allowed_is_missing_before_the_second(
    backend: Caller, admin: models.MemberRow
) -> None:
    require(auth_methods="RESTRICTED", allowed_auth_methods=["magic_link"])
    session = factories.product_session_token(factories.member(factories.organization("globex"), ADA))
    models.MemberRow.objects.update(email_address_verified=True)
    require(auth_methods="RESTRICTED", allowed_auth_methods=["magic_link"])

    answer = backend.post("sessions/exchange", {"organization_id": "acme", "session_token": session})

    assert answer["primary_required"] == {"allowed_auth_methods": ["magic_link"]}
    assert answer["mfa_required"] is None
    waiting = Waiting(backend, answer["member_id"], answer["intermediate_session_token"])
    assert waiting.enter("000000").error_type == "action_available_only_once_primary_authentication_is_met"


# --- Authenticator apps --------------------------------------------------------------------------------------------


def test_an_app_is_set_up_during_sign_in(sdk: B2BClient, admin: models.MemberRow) -> None:
    require()
    with at():
        token = sdk.passwords.authenticate("acme", ADA, PASSWORD).intermediate_session_token
        member_id = public_id("member", admin.pk)
        new = sdk.totps.create("acme", member_id, intermediate_session_token=token)
        assert new.qr_code.startswith("data:image/png;base64,")
        assert (len(new.recovery_codes), new.member.totp_registration_id) == (10, "")

        answer = sdk.totps.authenticate(
            "acme", member_id, code_at(secret=new.secret), intermediate_session_token=token, session_duration_minutes=30
        )

    assert answer.member.totp_registration_id == new.totp_registration_id
    assert answer.member.default_mfa_method == "totp"
    assert answer.member_session is not None
    password, app = sorted(answer.member_session.authentication_factors, key=lambda one: one.type.value)
    assert (password.type.value, app.type.value, app.delivery_method.value) == ("password", "totp", "authenticator_app")
    assert app.authenticator_app_factor is not None
    assert app.authenticator_app_factor.totp_id == new.totp_registration_id
    with at():
        assert sdk.sessions.authenticate(session_token=answer.session_token).member.email_address == ADA
    assert sdk.recovery_codes.get("acme", member_id).recovery_codes == new.recovery_codes


def test_a_code_signs_in_once(waiting: Waiting) -> None:
    with at():
        assert waiting.enter(code_at())["member_session"]["member_id"] == waiting.member_id
        waiting.token = enter_password(waiting.backend)["intermediate_session_token"]

        assert waiting.enter(code_at()).error_type == "totp_code_already_authenticated"
    with at(30):
        # An older code doesn't work either, although its time isn't over.
        assert waiting.enter(code_at()).error_type == "totp_code_already_authenticated"
        assert waiting.enter(code_at(30)).status == 200


def test_an_intermediate_session_is_used_up(waiting: Waiting) -> None:
    with at():
        waiting.enter(code_at())
    with at(30):
        assert waiting.enter(code_at(30)).error_type == "intermediate_session_not_found"


@pytest.mark.parametrize(("seconds", "is_right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_off_by_a_step(waiting: Waiting, seconds: int, is_right: bool) -> None:
    start = START - timedelta(seconds=START.timestamp() % 30)
    with time_machine.travel(start, tick=False):
        token = enter_password(waiting.backend)["intermediate_session_token"]
        waiting.token = token
        code = pyotp.TOTP(SECRET).at(start + timedelta(seconds=seconds))

        assert (waiting.enter(code).status == 200) is is_right


@pytest.mark.parametrize("code", ["", "1", "0" * 7, "abcdef", "٠٠٠٠٠٠"])
def test_a_malformed_code_is_wrong(waiting: Waiting, code: str) -> None:
    assert waiting.enter(code).error_type == "unable_to_authenticate_totp"


def test_an_app_that_is_not_finished_counts_for_nothing(backend: Caller, admin: models.MemberRow) -> None:
    member_id = public_id("member", admin.pk)
    with at():
        new = backend.post("totp", {"organization_id": "acme", "member_id": member_id, "expiration_minutes": 5})
        assert backend.get(f"organizations/acme/member?member_id={member_id}")["member"]["totp_registration_id"] == ""
        assert backend.get(f"recovery_codes/acme/{member_id}").error_type == "recovery_codes_not_found"
        require()
        answer = enter_password(backend)
        assert answer["mfa_required"]["member_options"] is None
    waiting = Waiting(backend, member_id, answer["intermediate_session_token"])
    assert waiting.recover(new["recovery_codes"][0]).error_type == "recovery_codes_not_found"
    with at(301):
        assert waiting.enter(code_at(301, new["secret"])).error_type == "totp_not_found"


def test_a_second_app_needs_the_first_one_deleted(waiting: Waiting) -> None:
    body = {"organization_id": "acme", "member_id": waiting.member_id}
    assert waiting.backend.post("totp", body).error_type == "active_totp_exists"
    assert waiting.backend.post("totp/migrate", {**body, "secret": SECRET, "recovery_codes": []}).status == 400

    deleted = waiting.backend.delete(f"organizations/acme/members/{waiting.member_id}/totp")

    assert (deleted["member"]["totp_registration_id"], deleted["member"]["default_mfa_method"]) == ("", "")
    assert waiting.backend.get(f"recovery_codes/acme/{waiting.member_id}").error_type == "recovery_codes_not_found"
    assert waiting.enter("000000").error_type == "totp_not_found"
    assert waiting.backend.post("totp", body).status == 200


def test_deleting_an_app_ends_no_session(waiting: Waiting) -> None:
    with at():
        token = waiting.enter(code_at())["session_token"]
        waiting.backend.delete(f"organizations/acme/members/{waiting.member_id}/totp")

        assert waiting.backend.post("sessions/authenticate", {"session_token": token}).status == 200


def test_the_secret_is_stored_encrypted(waiting: Waiting) -> None:
    row = models.TotpRow.objects.get()
    assert SECRET.encode() not in bytes(row.secret)
    assert stored.get(row) == SECRET.encode()
    assert CODES[0].encode() not in bytes(models.RecoveryCodesRow.objects.get().codes)


@pytest.mark.parametrize("secret", ["", "JBSWY3DPEHPK3PXP"[:8], "not base32!", "A" * 300])
def test_a_secret_that_is_none_is_rejected(backend: Caller, admin: models.MemberRow, secret: str) -> None:
    body = {"organization_id": "acme", "member_id": public_id("member", admin.pk), "recovery_codes": []}
    assert backend.post("totp/migrate", {**body, "secret": secret}).error_type == "invalid_argument"


def test_a_method_that_is_not_allowed_is_rejected(backend: Caller, admin: models.MemberRow) -> None:
    member_id = set_up(backend, admin)
    require(mfa_methods="RESTRICTED", allowed_mfa_methods=["sms_otp"])

    answer = enter_password(backend)

    assert answer["mfa_required"]["member_options"] is None
    waiting = Waiting(backend, member_id, answer["intermediate_session_token"])
    with at():
        assert waiting.enter(code_at()).error_type == "operation_restricted_by_organization_mfa_methods"


@pytest.mark.parametrize(("value", "is_enrolled"), [("enroll", True), ("unenroll", False), (None, False)])
def test_a_member_enrolls_with_a_code(
    backend: Caller, admin: models.MemberRow, value: str | None, is_enrolled: bool
) -> None:
    member_id = set_up(backend, admin)
    session = enter_password(backend)["session_token"]
    body = {"organization_id": "acme", "member_id": member_id, "session_token": session}
    with at():
        answer = backend.post("totp/authenticate", {**body, "code": code_at(), "set_mfa_enrollment": value})

    assert answer["member"]["mfa_enrolled"] is is_enrolled
    assert {one["type"] for one in answer["member_session"]["authentication_factors"]} == {"password", "totp"}
    assert answer["session_token"] == session


def test_an_unknown_enrollment_is_rejected(waiting: Waiting) -> None:
    assert waiting.enter("1", set_mfa_enrollment="maybe").error_type == "invalid_set_mfa_enrollment"


# --- Recovery codes ------------------------------------------------------------------------------------------------


def test_a_recovery_code_works_once(sdk: B2BClient, backend: Caller, admin: models.MemberRow) -> None:
    require()
    member_id = set_up(backend, admin)
    token = sdk.passwords.authenticate("acme", ADA, PASSWORD).intermediate_session_token

    answer = sdk.recovery_codes.recover("acme", member_id, "  FIRST code1 ", intermediate_session_token=token)

    assert answer.recovery_codes_remaining == 1
    assert answer.member_session is not None
    assert {one.type.value for one in answer.member_session.authentication_factors} == {"password", "recovery_codes"}
    assert sdk.sessions.authenticate(session_token=answer.session_token).member.email_address == ADA
    assert sdk.recovery_codes.get("acme", member_id).recovery_codes == CODES[1:]
    again = sdk.passwords.authenticate("acme", ADA, PASSWORD).intermediate_session_token
    used = lambda: sdk.recovery_codes.recover("acme", member_id, CODES[0], intermediate_session_token=again)  # noqa: E731
    assert error_of(used) == (401, "unable_to_authenticate_recovery_code")

    rotated = sdk.recovery_codes.rotate("acme", member_id).recovery_codes

    assert (len(rotated), len(set(rotated)), set(rotated) & set(CODES)) == (10, 10, set())


@pytest.mark.parametrize("code", ["", "-", "first-code"])
def test_a_wrong_recovery_code_is_rejected(waiting: Waiting, code: str) -> None:
    assert waiting.recover(code).error_type == "unable_to_authenticate_recovery_code"


# --- Guessing ------------------------------------------------------------------------------------------------------


def test_after_ten_wrong_codes_the_right_one_waits(waiting: Waiting) -> None:
    with at():
        for _ in range(10):
            assert waiting.enter(wrong_at()).status == 401
        assert waiting.enter(code_at()).status == 429
        # From another sign-in, too: the count is the member's.
        waiting.token = enter_password(waiting.backend)["intermediate_session_token"]
        assert waiting.enter(code_at()).status == 429
        # The way out.
        assert waiting.recover(CODES[0]).status == 200
    with at(15 * 60 + 1):
        waiting.token = enter_password(waiting.backend)["intermediate_session_token"]
        assert waiting.enter(code_at(15 * 60 + 1)).status == 200
        assert models.TotpRow.objects.get().failed_attempts == 0


def test_the_wait_doubles(waiting: Waiting) -> None:
    now = START
    for minutes in (15, 30, 60):
        with time_machine.travel(now, tick=False):
            waiting.token = enter_password(waiting.backend)["intermediate_session_token"]
            for _ in range(10):
                waiting.enter("x")
            until = models.TotpRow.objects.get().locked_until
            assert isinstance(until, datetime)
            assert until - timezone.now() == timedelta(minutes=minutes)
        now = until


def test_an_admin_unlocks_a_member_by_deleting_the_app(waiting: Waiting) -> None:
    with at():
        for _ in range(10):
            waiting.enter("x")
        waiting.backend.delete(f"organizations/acme/members/{waiting.member_id}/totp")
        body = {"organization_id": "acme", "member_id": waiting.member_id, "intermediate_session_token": waiting.token}
        new = waiting.backend.post("totp", body)

        assert waiting.enter(code_at(secret=new["secret"])).status == 200


def test_after_ten_wrong_recovery_codes_the_right_one_waits(waiting: Waiting) -> None:
    with at():
        for _ in range(10):
            assert waiting.recover("wrong").status == 401
        assert waiting.recover(CODES[0]).status == 429
        assert waiting.enter(code_at()).status == 200


# --- Other people's --------------------------------------------------------------------------------------------------


def test_a_token_of_another_member_opens_nothing(waiting: Waiting, member: models.MemberRow) -> None:
    theirs = enter_password(waiting.backend, address="max@acme.example")["intermediate_session_token"]
    with at():
        for member_id in (waiting.member_id, public_id("member", admin_like()), "nobody"):
            stranger = Waiting(waiting.backend, member_id, theirs)
            expected = "invalid_intermediate_session_token_for_organization"
            assert stranger.enter(code_at()).error_type == expected
            assert stranger.recover(CODES[0]).error_type == expected
    assert models.TotpRow.objects.get().failed_attempts == 0


def admin_like() -> Any:
    from portal.directory.ids import uuid7  # noqa: PLC0415

    return uuid7()


def test_a_token_of_another_organization_opens_nothing(waiting: Waiting, globex: models.OrganizationRow) -> None:
    require("globex")
    factories.member(globex, ADA, password=PASSWORD)
    theirs = enter_password(waiting.backend, "globex")["intermediate_session_token"]
    with at():
        answer = Waiting(waiting.backend, waiting.member_id, theirs).enter(code_at())
    assert answer.error_type == "invalid_intermediate_session_token_for_organization"
    exchange = {"organization_id": "acme", "intermediate_session_token": theirs}
    answer = waiting.backend.post("discovery/intermediate_sessions/exchange", exchange)
    assert answer.error_type == "invalid_intermediate_session_token_for_organization"
    created = waiting.backend.post("discovery/organizations/create", {"intermediate_session_token": theirs})
    assert created.error_type == "invalid_intermediate_session_token_for_organization"


def test_a_session_of_another_organization_lacks_the_second_factor(
    waiting: Waiting, globex: models.OrganizationRow
) -> None:
    gil = factories.member(globex, ADA, password=PASSWORD)
    models.MemberRow.objects.update(email_address_verified=True)
    other = "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU"
    set_up(waiting.backend, gil, other)
    with at():
        session = enter_password(waiting.backend, "globex")["session_token"]
        body = {"organization_id": "globex", "member_id": public_id("member", gil.pk), "session_token": session}
        assert waiting.backend.post("totp/authenticate", {**body, "code": code_at(secret=other)}).status == 200

        answer = waiting.backend.post("sessions/exchange", {"organization_id": "acme", "session_token": session})

        # Their app of the other organization isn't this member's.
        assert not answer["member_authenticated"]
        assert answer["mfa_required"]["member_options"]["totp_registration_id"]
        waiting.token = answer["intermediate_session_token"]
        assert waiting.enter(code_at(secret=other)).status == 401
        entered = waiting.enter(code_at())
        factors = entered["member_session"]["authentication_factors"]
        assert [one["authenticator_app_factor"]["totp_id"] for one in factors if one["type"] == "totp"] == [
            entered["member"]["totp_registration_id"]
        ]


def test_a_second_factor_alone_signs_nobody_in(waiting: Waiting) -> None:
    body = {"organization_id": "acme", "member_id": waiting.member_id, "code": code_at()}
    with at():
        assert waiting.backend.post("totp/authenticate", body).error_type == "no_session_arguments"


def test_discovery_says_what_is_missing(waiting: Waiting) -> None:
    body = {"email_address": ADA, "password": PASSWORD}
    found = waiting.backend.post("passwords/discovery/authenticate", body)
    (one,) = found["discovered_organizations"]
    assert (one["member_authenticated"], one["primary_required"]) == (False, None)
    assert one["mfa_required"]["member_options"]["totp_registration_id"]

    exchange = {"organization_id": "acme", "intermediate_session_token": found["intermediate_session_token"]}
    answer = waiting.backend.post("discovery/intermediate_sessions/exchange", exchange)

    assert not answer["member_authenticated"]
    waiting.token = answer["intermediate_session_token"]
    with at():
        assert waiting.enter(code_at()).status == 200


# --- On pages, and on behalf of members ----------------------------------------------------------------------------


def test_a_page_adds_a_factor_only_to_what_it_proved(
    backend: Caller, page_of: PageOf, admin: models.MemberRow, member: models.MemberRow
) -> None:
    page, visitor = page_of(admin), page_of(None)
    mine = {"organization_id": "acme", "member_id": public_id("member", admin.pk)}
    theirs = {"organization_id": "acme", "member_id": public_id("member", member.pk)}
    assert visitor.post("b2b/totp", mine).error_type == "no_session_arguments"
    assert page.post("b2b/totp", theirs).error_type == "member_session_member_id_mismatch"
    assert page.post("b2b/totp", mine)["secret"]
    assert visitor.get("b2b/recovery_codes").error_type == "user_unauthenticated"


def test_a_password_alone_changes_no_factor(backend: Caller, page_of: PageOf, admin: models.MemberRow) -> None:
    page, member_id = page_of(admin), set_up(backend, admin)
    one = f"b2b/organizations/members/{member_id}"
    for answer in (
        page.get("b2b/recovery_codes"),
        page.post("b2b/recovery_codes/rotate", {}),
        page.delete("b2b/organizations/members/deleteTOTP"),
        page.put(one, {"mfa_enrolled": False}),
        page.put(one, {"mfa_phone_number": "+12025550123"}),
        page.delete("b2b/organizations/members/deletePhoneNumber"),
    ):
        assert (answer.status, answer.error_type) == (401, "insufficient_factors")

    with at():
        entered = page.post(
            "b2b/totp/authenticate", {"organization_id": "acme", "member_id": member_id, "code": code_at()}
        )
        assert entered["member_session"]
        assert page.get("b2b/recovery_codes")["recovery_codes"] == CODES
        assert len(page.post("b2b/recovery_codes/rotate", {})["recovery_codes"]) == 10
        assert page.delete("b2b/organizations/members/deleteTOTP").status == 200


def test_members_read_no_one_elses_recovery_codes(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow
) -> None:
    theirs = set_up(backend, member)
    header = {"X-Stytch-Member-Session": factories.product_session_token(admin)}
    for answer in (
        backend.get(f"recovery_codes/acme/{theirs}", **header),
        backend.post("recovery_codes/rotate", {"organization_id": "acme", "member_id": theirs}, **header),
        backend.post(
            "totp/migrate",
            {"organization_id": "acme", "member_id": theirs, "secret": SECRET, "recovery_codes": []},
            **header,
        ),
    ):
        assert (answer.status, answer.error_type) == (403, "session_authorization_error")


# --- Changes of the policy ------------------------------------------------------------------------------------------


def test_a_policy_ends_the_sessions_that_lack_a_second_factor(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow
) -> None:
    member_id = set_up(backend, admin)
    session = enter_password(backend)["session_token"]
    theirs = enter_password(backend, address="max@acme.example")["session_token"]
    with at():
        body = {"organization_id": "acme", "member_id": member_id, "session_token": session, "code": code_at()}
        assert backend.post("totp/authenticate", body).status == 200

        backend.put("organizations/acme", {"mfa_policy": "REQUIRED_FOR_ALL"})
        assert backend.post("sessions/authenticate", {"session_token": session}).status == 200
        assert backend.post("sessions/authenticate", {"session_token": theirs}).error_type == "session_not_found"

        backend.put("organizations/acme", {"mfa_methods": "RESTRICTED", "allowed_mfa_methods": ["sms_otp"]})
        assert backend.post("sessions/authenticate", {"session_token": session}).error_type == "session_not_found"
    causes = models.MemberSessionRow.objects.values_list("revoked_because", flat=True)
    assert set(causes) == {"mfa"}


def test_a_session_that_began_while_the_policy_changed_ends_too(backend: Caller, admin: models.MemberRow) -> None:
    session = enter_password(backend)["session_token"]
    require()  # without the update's own look at the sessions

    assert backend.post("sessions/authenticate", {"session_token": session}).error_type == "session_not_found"


def test_a_deleted_member_loses_the_app(waiting: Waiting, member: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["stytch_admin"])
    waiting.backend.delete(f"organizations/acme/members/{waiting.member_id}")

    assert not models.TotpRow.objects.exists()
    assert not models.RecoveryCodesRow.objects.exists()


def test_members_are_found_by_their_app(waiting: Waiting, member: models.MemberRow) -> None:
    for has_app, address in ((True, ADA), (False, "max@acme.example")):
        query = {
            "operator": "AND",
            "operands": [{"filter_name": "member_totp_exists", "filter_value": has_app}],
        }
        found = waiting.backend.post("organizations/members/search", {"organization_ids": ["acme"], "query": query})
        assert [one["email_address"] for one in found["members"]] == [address]


def test_secrets_are_encrypted_again(waiting: Waiting, settings: Settings) -> None:
    old, settings.ENCRYPTION_KEY = settings.ENCRYPTION_KEY or settings.SECRET_KEY, "another-key" * 8
    settings.ENCRYPTION_KEY_FALLBACKS = [old]
    assert stored.under_fallbacks() == 2

    assert (stored.reencrypt(), stored.under_fallbacks()) == (2, 0)

    settings.ENCRYPTION_KEY_FALLBACKS, settings.SECRET_KEY = [], "x" * 60
    with at():
        assert stored.get(models.TotpRow.objects.get()) == SECRET.encode()
