"""Stytch's methods of passwords, called by its own SDK."""

import hashlib
from collections.abc import Callable

import bcrypt
import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer
from stytch import B2BClient
from stytch.b2b.models.passwords import MigrateRequestHashType

from portal.directory.configuration import Passwords, ProjectConfiguration
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.project_secrets import NewProjectSecret
from tests import factories
from tests.api.conftest import Caller, in_a_loop
from tests.api.test_scim import error_of
from tests.api.test_sessions import client_of
from tests.conftest import PASSWORD

PageOf = Callable[[models.MemberRow | None], Caller]
ADA = "ada@acme.example"
NEW = "twelve pelicans over Utrecht"


def test_a_password_is_authenticated(sdk: B2BClient, admin: models.MemberRow) -> None:
    answer = sdk.passwords.authenticate(
        "acme", email_address=ADA, password=PASSWORD, session_duration_minutes=20, session_custom_claims={"a": 1}
    )

    assert answer.member_authenticated
    assert (answer.organization_id, answer.organization.organization_slug) == (
        public_id("organization", admin.organization_id),
        "acme",
    )
    assert answer.member_session is not None
    assert answer.member_session.custom_claims == {"a": 1}
    assert (answer.intermediate_session_token, answer.mfa_required, answer.primary_required) == ("", None, None)
    went_on = sdk.passwords.authenticate(
        "acme", email_address=ADA, password=PASSWORD, session_token=answer.session_token
    )
    assert went_on.session_token == answer.session_token


def test_a_wrong_one_is_rejected_in_the_same_words_anyone_who_it_is(sdk: B2BClient, admin: models.MemberRow) -> None:
    for email_address, password in ((ADA, "wrong"), ("nobody@acme.example", PASSWORD), ("no address", "")):
        assert error_of(
            lambda email_address=email_address, password=password: sdk.passwords.authenticate(  # type: ignore[misc]  # -- a lambda with defaults
                "acme", email_address=email_address, password=password
            )
        ) == (401, "unauthorized_credentials")


def test_an_organization_without_passwords_rejects_them(sdk: B2BClient, admin: models.MemberRow) -> None:
    models.OrganizationRow.objects.update(settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": ["sso"]})

    assert error_of(lambda: sdk.passwords.authenticate("acme", email_address=ADA, password=PASSWORD)) == (
        403,
        "operation_restricted_by_organization_auth_methods",
    )


def test_a_locked_member_says_so(sdk: B2BClient, admin: models.MemberRow, settings: Settings) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER = "1 per hour"
    for _ in range(2):
        error_of(lambda: sdk.passwords.authenticate("acme", email_address=ADA, password="wrong"))

    found = sdk.organizations.members.get("acme", email_address=ADA).member

    assert found.is_locked
    assert found.lock_created_at is not None
    assert found.lock_expires_at is not None
    assert found.lock_created_at < found.lock_expires_at


def test_attempts_are_counted_by_member_any_the_organization_is_called(
    sdk: B2BClient, admin: models.MemberRow, member: models.MemberRow, settings: Settings
) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER, settings.SIGN_IN_RATE_PER_ADDRESS = "2 per hour", "3 per hour"
    names = ["acme", public_id("organization", admin.organization_id), "acme"]

    answers = [
        error_of(lambda name=name: sdk.passwords.authenticate(name, email_address=ADA.upper(), password="wrong"))  # type: ignore[misc]  # -- a lambda with a default
        for name in names
    ]

    assert answers == [(401, "unauthorized_credentials")] * 2 + [(429, "user_lock_limit_reached")]
    assert error_of(
        lambda: sdk.passwords.existing_password.reset(
            organization_id="acme", email_address=ADA, existing_password=PASSWORD, new_password=NEW
        )
    ) == (429, "user_lock_limit_reached")
    # A product's backend has one IP address for all members.
    for _ in range(2):
        assert sdk.passwords.authenticate("acme", email_address="max@acme.example", password=PASSWORD)


def test_another_spelling_of_the_address_gives_no_second_allowance(
    backend: Caller, admin: models.MemberRow, settings: Settings
) -> None:
    settings.SIGN_IN_TOTAL_PER_MEMBER = "2 per hour"
    spellings = [ADA, ADA.upper(), ADA.title()]
    body = {"organization_id": "acme", "password": "wrong"}

    answers = [backend.post("passwords/authenticate", {**body, "email_address": one}) for one in spellings]

    assert [one.status for one in answers] == [401, 401, 429]


def test_attempts_from_pages_are_counted_by_address_too(
    page_of: PageOf, admin: models.MemberRow, settings: Settings
) -> None:
    settings.SIGN_IN_RATE_PER_ADDRESS = "2 per hour"
    page = page_of(None)
    bodies = [{"organization_id": "acme", "email_address": f"p{n}@acme.example", "password": "x"} for n in range(3)]

    answers = [page.post("b2b/passwords/authenticate", body) for body in bodies]

    assert [one.status for one in answers] == [401, 401, 429]
    assert int(answers[2].headers["Retry-After"]) > 0


def test_a_password_is_brought_along_and_good_at_once(sdk: B2BClient, acme: models.OrganizationRow) -> None:
    created = sdk.passwords.migrate(
        email_address="pia@acme.example",
        hash=bcrypt.hashpw(b"an old password", bcrypt.gensalt(4)).decode(),
        hash_type="bcrypt",
        organization_id="acme",
        name="Pia",
        roles=["stytch_admin"],
        trusted_metadata={"a": 1},
    )
    assert (created.member_created, created.member.name, created.member.email_address_verified) == (True, "Pia", True)
    assert created.member.trusted_metadata == {"a": 1}
    assert created.member.is_admin

    salted = sdk.passwords.migrate(
        email_address="max@acme.example",
        hash=hashlib.md5(b"abold oneyz", usedforsecurity=False).hexdigest(),
        hash_type="md_5",
        organization_id="acme",
        md_5_config={"prepend_salt": "ab", "append_salt": "yz"},
    )
    for member, password in ((created, "an old password"), (salted, "old one")):
        answer = sdk.passwords.authenticate("acme", email_address=member.member.email_address, password=password)
        assert answer.member_id == member.member_id
    assert error_of(
        lambda: sdk.passwords.migrate(
            email_address="pia@acme.example", hash="0" * 32, hash_type="md_5", organization_id="acme"
        )
    ) == (400, "member_password_exists")
    assert error_of(
        lambda: sdk.passwords.migrate(
            email_address="eve@acme.example", hash="x", hash_type="crypt", organization_id="acme"
        )
    ) == (400, "invalid_hash_type")
    assert error_of(
        lambda: sdk.passwords.migrate(
            email_address="eve@acme.example", hash="x", hash_type="bcrypt", organization_id="acme"
        )
    ) == (400, "invalid_bcrypt_hash")


def test_strength_is_judged_as_it_will_be_when_set(sdk: B2BClient, page_of: PageOf) -> None:
    weak = sdk.passwords.strength_check("Password1234", email_address=ADA)
    good = sdk.passwords.strength_check(NEW)

    assert (weak.valid_password, good.valid_password, good.score) == (False, True, 4)
    assert weak.zxcvbn_feedback is not None
    assert weak.zxcvbn_feedback.warning
    assert (weak.strength_policy, weak.breached_password, weak.breach_detection_on_create) == ("zxcvbn", False, False)
    assert page_of(None).post("b2b/passwords/strength_check", {"password": "x"})["valid_password"] is False


def test_strength_follows_the_rules_of_the_project(
    sdk: B2BClient, page_of: PageOf, project: NewProjectSecret, settings: Settings
) -> None:
    settings.PROJECT = ProjectConfiguration(passwords=Passwords(strength="luds", luds_complexity=4))

    weak = sdk.passwords.strength_check("Password1234")

    assert (weak.valid_password, weak.strength_policy, weak.zxcvbn_feedback) == (False, "luds", None)
    assert weak.luds_feedback is not None
    assert (weak.luds_feedback.has_symbol, weak.luds_feedback.missing_complexity) == (False, 1)
    bootstrap = page_of(None).get(f"projects/bootstrap/{project.public_token}")
    assert bootstrap["password_config"] == {"luds_complexity": 4, "luds_minimum_count": 12}


def test_a_password_is_replaced_by_the_existing_one(sdk: B2BClient, page_of: PageOf, admin: models.MemberRow) -> None:
    before = sdk.passwords.authenticate("acme", email_address=ADA, password=PASSWORD)
    reset = sdk.passwords.existing_password.reset

    weak = error_of(
        lambda: reset(organization_id="acme", email_address=ADA, existing_password=PASSWORD, new_password="short")
    )
    assert weak == (400, "weak_password")
    wrong = error_of(
        lambda: reset(organization_id="acme", email_address=ADA, existing_password="wrong", new_password=NEW)
    )
    assert wrong == (401, "unauthorized_credentials")

    after = sdk.passwords.existing_password.reset(
        email_address=ADA, existing_password=PASSWORD, new_password=NEW, organization_id="acme"
    )
    assert after.member_authenticated
    assert error_of(lambda: sdk.sessions.authenticate(session_token=before.session_token)) == (404, "session_not_found")
    body = {
        "organization_id": "acme",
        "email_address": ADA,
        "existing_password": NEW,
        "new_password": "seven otters under Ghent",
        "session_duration_minutes": 10,
    }
    answer = page_of(None).post("b2b/passwords/existing_password/reset", body)
    assert (answer.status, answer["member_session"]["organization_slug"]) == (200, "acme")


def test_a_password_is_replaced_in_a_session(
    sdk: B2BClient, page_of: PageOf, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    held = sdk.passwords.authenticate("acme", email_address=ADA, password=PASSWORD)
    reset = sdk.passwords.sessions.reset

    assert error_of(lambda: reset("acme", password=NEW)) == (400, "no_session_arguments")
    assert error_of(lambda: reset("globex", password=NEW, session_token=held.session_token)) == (
        403,
        "session_authorization_tenancy_error",
    )
    after = reset("acme", password=NEW, session_jwt=held.session_jwt)
    assert after.member_session is not None
    assert sdk.sessions.authenticate(session_token=held.session_token)
    page = page_of(admin)
    answer = page.post("b2b/passwords/session/reset", {"password": "seven otters under Ghent"})
    assert (answer.status, answer["session_token"]) == (200, page.password)
    assert error_of(lambda: sdk.sessions.authenticate(session_token=held.session_token)) == (404, "session_not_found")


def test_not_in_one_that_is_too_old(sdk: B2BClient, page_of: PageOf, admin: models.MemberRow) -> None:
    page = page_of(admin)
    factories.forget_password_entry()

    answer = page.post("b2b/passwords/session/reset", {"password": NEW})

    assert (answer.status, answer.error_type) == (403, "session_too_old_to_reset_password")


def test_a_page_signs_in(page_of: PageOf, admin: models.MemberRow) -> None:
    body = {
        "organization_id": "acme",
        "email_address": ADA,
        "password": PASSWORD,
        "session_duration_minutes": 30,
        "session_custom_claims": {"plan": "gold"},
    }

    answer = page_of(None).post("b2b/passwords/authenticate", body)

    assert answer.status == 200
    assert answer["session_token"]
    assert answer["session_jwt"]
    assert answer["member_session"]["custom_claims"] == {}


def test_the_asynchronous_sdk_does_the_same(
    live_server: LiveServer, transactional_db: None, project: NewProjectSecret, admin: models.MemberRow
) -> None:
    async def calls() -> None:
        passwords = client_of(live_server, project).passwords
        assert (await passwords.strength_check_async(NEW)).valid_password
        reset = await passwords.existing_password.reset_async(
            email_address=ADA, existing_password=PASSWORD, new_password=NEW, organization_id="acme"
        )
        again = await passwords.sessions.reset_async("acme", password=PASSWORD, session_token=reset.session_token)
        assert again.member_authenticated
        created = await passwords.migrate_async(
            email_address="pia@acme.example",
            hash=hashlib.sha1(b"an old one", usedforsecurity=False).hexdigest(),
            hash_type=MigrateRequestHashType.SHA_1,
            organization_id="acme",
        )
        held = await passwords.authenticate_async("acme", email_address="pia@acme.example", password="an old one")
        assert held.member_id == created.member_id

    in_a_loop(calls())


@pytest.mark.parametrize("path", ["passwords/authenticate", "passwords/existing_password/reset"])
def test_what_is_missing_is_named(backend: Caller, acme: models.OrganizationRow, path: str) -> None:
    answer = backend.post(path, {"organization_id": "acme"})

    assert answer.status == 400
    assert "email_address" in str(answer["error_message"])
