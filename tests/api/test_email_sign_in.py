"""Stytch's magic links, email codes, discovery and password resets, called by its own SDK and by pages."""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.core import mail
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from msgspec.structs import replace
from pytest_django import Settings
from stytch import B2BClient
from stytch.b2b.models.discovery import DiscoveredOrganization

from portal.directory.configuration import RedirectUrls, Sdk
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.sign_in import email_tokens
from tests import factories
from tests.api.conftest import Caller
from tests.api.test_scim import error_of
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

PageOf = Callable[[models.MemberRow | None], Caller]
ADA, NEW = "ada@acme.example", "new@acme.example"
STRONG = "twelve pelicans over Utrecht"
APP = "https://app.example.com"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@pytest.fixture(autouse=True)
def _project(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    urls = {name: (f"{APP}/{name}", f"{APP}/{name}/other") for name in RedirectUrls.__struct_fields__}
    configure(settings, redirect_urls=RedirectUrls(**urls))


def configure(settings: Settings, **more: Any) -> None:
    settings.PROJECT = replace(settings.PROJECT, **more)


def restrict(*methods: str) -> None:
    models.OrganizationRow.objects.update(
        settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": list(methods)}
    )


def let_join(organization: models.OrganizationRow, domain: str = "acme.example") -> None:
    models.OrganizationRow.objects.filter(pk=organization.pk).update(
        email_allowed_domains=[domain], settings={"email_jit_provisioning": "RESTRICTED"}
    )
    factories.proved_domain(organization, domain)


def sent() -> list[str]:
    """Send what waits, and return the texts of all emails."""
    run_tasks()
    return [str(message.body) for message in mail.outbox]


def url_in(text: str) -> str:
    return str(re.findall(r"https://app\S+", text)[0])


def token_in(text: str) -> str:
    return parse_qs(urlsplit(url_in(text)).query)["token"][0]


def code_in(text: str) -> str:
    return str(re.findall(r"^    (\d{6})$", text, re.MULTILINE)[0])


def slug_of(found: DiscoveredOrganization) -> str:
    assert found.organization is not None
    return found.organization.organization_slug


# --- Magic links ---------------------------------------------------------------------------------------------------


def test_a_link_signs_a_member_in_once(sdk: B2BClient, admin: models.MemberRow) -> None:
    asked = sdk.magic_links.email.login_or_signup("acme", ADA)
    (text,) = sent()
    assert (asked.member_created, asked.member.email_address) == (False, ADA)
    assert url_in(text).startswith(f"{APP}/login?stytch_token_type=multi_tenant_magic_links&token=")

    answer = sdk.magic_links.authenticate(token_in(text), session_duration_minutes=30)

    assert (answer.member_authenticated, answer.member.email_address, answer.reset_sessions) == (True, ADA, False)
    assert answer.member_session is not None
    (factor,) = answer.member_session.authentication_factors
    assert factor.email_factor is not None
    assert (factor.type, factor.delivery_method, factor.email_factor.email_address) == ("magic_link", "email", ADA)
    assert factor.email_factor.email_id == answer.method_id
    assert sdk.sessions.authenticate(session_token=answer.session_token).member.email_address == ADA
    assert error_of(lambda: sdk.magic_links.authenticate(token_in(text))) == (401, "unable_to_auth_magic_link")


def test_a_newer_link_replaces_the_older_one(sdk: B2BClient, admin: models.MemberRow) -> None:
    for _ in range(2):
        sdk.magic_links.email.login_or_signup("acme", ADA)
    first, second = sent()

    assert error_of(lambda: sdk.magic_links.authenticate(token_in(first))) == (401, "unable_to_auth_magic_link")
    assert sdk.magic_links.authenticate(token_in(second)).member_authenticated


def test_a_link_ends_in_time(sdk: B2BClient, admin: models.MemberRow) -> None:
    sdk.magic_links.email.login_or_signup("acme", ADA, login_expiration_minutes=5)
    (text,) = sent()
    with time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1)):
        assert error_of(lambda: sdk.magic_links.authenticate(token_in(text)))[0] == 401
    for minutes in (4, 10_081):
        assert error_of(
            lambda minutes=minutes: sdk.magic_links.email.login_or_signup("acme", ADA, login_expiration_minutes=minutes)  # type: ignore[misc]  # -- a lambda with a default
        ) == (400, "invalid_argument")


def test_a_link_of_a_deleted_member_or_for_another_address_is_of_no_use(
    sdk: B2BClient, admin: models.MemberRow
) -> None:
    sdk.magic_links.email.login_or_signup("acme", ADA)
    (text,) = sent()
    models.MemberRow.objects.filter(pk=admin.pk).update(
        email_address="eve@acme.example", email_address_folded="eve@acme.example"
    )

    assert error_of(lambda: sdk.magic_links.authenticate(token_in(text))) == (401, "unable_to_auth_magic_link")


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 64, "A" * 5000])
def test_a_made_up_token_is_rejected(sdk: B2BClient, admin: models.MemberRow, token: str) -> None:
    assert error_of(lambda: sdk.magic_links.authenticate(token))[0] == 401


def test_a_link_wants_the_verifier_of_its_challenge(sdk: B2BClient, admin: models.MemberRow) -> None:
    sdk.magic_links.email.login_or_signup("acme", ADA, pkce_code_challenge=CHALLENGE)
    (text,) = sent()
    token = token_in(text)

    assert error_of(lambda: sdk.magic_links.authenticate(token)) == (400, "pkce_expected_code_verifier")
    assert error_of(lambda: sdk.magic_links.authenticate(token, pkce_code_verifier="w" * 50)) == (400, "pkce_mismatch")
    assert sdk.magic_links.authenticate(token, pkce_code_verifier=VERIFIER).member_authenticated
    assert error_of(lambda: sdk.magic_links.email.login_or_signup("acme", ADA, pkce_code_challenge="plain")) == (
        400,
        "invalid_pkce_code_challenge",
    )


def test_only_configured_urls_are_linked_to(sdk: B2BClient, admin: models.MemberRow, settings: Settings) -> None:
    sdk.magic_links.email.login_or_signup("acme", ADA, login_redirect_url=f"{APP}/login/other")
    assert url_in(sent()[0]).startswith(f"{APP}/login/other?")

    settings.SIGN_IN_EMAIL_RATE = "100 per hour"
    for url in ("https://evil.example/login", f"{APP}/login?next=x", f"{APP}/LOGIN", f"{APP}/login@evil.example"):
        assert error_of(
            lambda url=url: sdk.magic_links.email.login_or_signup("acme", ADA, login_redirect_url=url)  # type: ignore[misc]  # -- a lambda with a default
        ) == (400, "no_match_for_provided_magic_link_url")
    configure(settings, redirect_urls=RedirectUrls())
    assert error_of(lambda: sdk.magic_links.email.login_or_signup("acme", ADA)) == (400, "no_login_redirect_urls_set")


def test_someone_joins_by_their_email_domain(
    sdk: B2BClient, admin: models.MemberRow, acme: models.OrganizationRow
) -> None:
    assert error_of(lambda: sdk.magic_links.email.login_or_signup("acme", NEW)) == (
        400,
        "invalid_email_for_jit_provisioning",
    )
    let_join(acme)
    asked = sdk.magic_links.email.login_or_signup("acme", NEW)
    assert (asked.member_created, asked.member.status) == (True, "pending")
    (text,) = sent()
    assert url_in(text).startswith(f"{APP}/signup?")

    answer = sdk.magic_links.authenticate(token_in(text))

    assert (answer.member.status, answer.member.email_address_verified) == ("active", True)


def test_a_visitor_joins_only_when_they_use_the_link(
    page_of: PageOf, admin: models.MemberRow, acme: models.OrganizationRow
) -> None:
    """Otherwise anyone could fill the organization with pending members."""
    let_join(acme)
    page = page_of(None)
    page.post("b2b/magic_links/email/login_or_signup", {"organization_id": "acme", "email_address": NEW})
    (text,) = sent()
    assert url_in(text).startswith(f"{APP}/signup?")
    assert not models.MemberRow.objects.filter(email_address=NEW).exists()

    answer = page.post(
        "b2b/magic_links/authenticate", {"magic_links_token": token_in(text), "session_duration_minutes": 5}
    )

    assert (answer.status, answer["member"]["status"]) == (200, "active")


def test_a_deactivated_member_does_not_come_back_by_their_domain(
    sdk: B2BClient, admin: models.MemberRow, acme: models.OrganizationRow
) -> None:
    let_join(acme)
    factories.member(acme, NEW)
    models.MemberRow.objects.filter(email_address=NEW).update(status=MemberStatus.DELETED)

    assert error_of(lambda: sdk.magic_links.email.login_or_signup("acme", NEW))[0] == 400


def test_an_organization_without_links_sends_none(sdk: B2BClient, page_of: PageOf, admin: models.MemberRow) -> None:
    restrict("password")

    assert error_of(lambda: sdk.magic_links.email.login_or_signup("acme", ADA)) == (
        403,
        "operation_restricted_by_organization_auth_methods",
    )
    assert (
        page_of(None)
        .post("b2b/magic_links/email/login_or_signup", {"organization_id": "acme", "email_address": ADA})
        .status
        == 200
    )
    assert sent() == []


def test_a_link_from_before_the_organization_disallowed_links_says_what_is_missing(
    sdk: B2BClient, admin: models.MemberRow
) -> None:
    sdk.magic_links.email.login_or_signup("acme", ADA)
    (text,) = sent()
    restrict("password")

    answer = sdk.magic_links.authenticate(token_in(text))
    assert (answer.member_authenticated, answer.session_token, answer.member_session) == (False, "", None)
    assert answer.primary_required is not None
    assert answer.primary_required.allowed_auth_methods == ["password"]

    entered = sdk.passwords.authenticate(
        "acme", ADA, PASSWORD, intermediate_session_token=answer.intermediate_session_token
    )
    assert entered.member_session is not None
    assert {one.type for one in entered.member_session.authentication_factors} == {"magic_link", "password"}


def test_a_page_learns_nothing_from_asking_for_a_link(
    page_of: PageOf, admin: models.MemberRow, acme: models.OrganizationRow
) -> None:
    """The same answer, the same rows and the same task for a member and for nobody."""
    page = page_of(None)
    written = []
    for address in (ADA, "nobody@acme.example"):
        answer = page.post(
            "b2b/magic_links/email/login_or_signup", {"organization_id": "acme", "email_address": address}
        )
        assert (answer.status, set(answer.fields)) == (200, {"status_code", "request_id"})
        written.append((models.EmailTokenRow.objects.count(), DBTaskResult.objects.count()))
    assert written == [(1, 1), (2, 2)]

    assert len(sent()) == 1
    assert models.EmailTokenRow.objects.count() == 1
    assert not models.MemberRow.objects.filter(email_address="nobody@acme.example").exists()


def test_no_secret_or_address_is_in_a_task_or_a_table(
    sdk: B2BClient, admin: models.MemberRow, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        sdk.magic_links.email.login_or_signup("acme", ADA)
        queued = str(DBTaskResult.objects.values())
        (text,) = sent()

    stored = str(models.EmailTokenRow.objects.values()) + str(DBTaskResult.objects.values()) + caplog.text
    assert token_in(text) not in queued + stored
    assert ADA not in queued


def test_an_email_that_is_sent_twice_has_the_same_link(sdk: B2BClient, admin: models.MemberRow) -> None:
    """A worker was killed after it sent the email, and before it said so."""
    sdk.magic_links.email.login_or_signup("acme", ADA)
    sent()
    DBTaskResult.objects.update(status="READY", run_after=timezone.now())
    first, second = sent()

    assert token_in(first) == token_in(second)
    assert sdk.magic_links.authenticate(token_in(first)).member_authenticated


def test_emails_to_one_address_are_limited(sdk: B2BClient, admin: models.MemberRow) -> None:
    for _ in range(5):
        sdk.magic_links.email.login_or_signup("acme", ADA)
    assert error_of(lambda: sdk.magic_links.email.login_or_signup("acme", "ADA@acme.example")) == (
        429,
        "too_many_requests",
    )


def test_without_email_there_is_none(sdk: B2BClient, admin: models.MemberRow, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    assert error_of(lambda: sdk.magic_links.email.login_or_signup("acme", ADA)) == (404, "email_settings_not_found")


# --- Invitations ---------------------------------------------------------------------------------------------------


def test_an_invited_person_becomes_active_by_the_link(sdk: B2BClient, admin: models.MemberRow) -> None:
    asked = sdk.magic_links.email.invite(
        "acme", NEW, name="Nia New", roles=["stytch_admin"], invited_by_member_id=public_id("member", admin.pk)
    )
    assert (asked.member.status, asked.member.name) == ("invited", "Nia New")
    (text,) = sent()
    assert "Ada Admin" in text
    assert url_in(text).startswith(f"{APP}/invite?")

    answer = sdk.magic_links.authenticate(token_in(text))

    assert (answer.member_authenticated, answer.member.status) == (True, "active")
    assert error_of(lambda: sdk.magic_links.email.invite("acme", NEW)) == (400, "duplicate_member_email")


def test_nobody_is_invited_who_could_not_use_the_link(sdk: B2BClient, admin: models.MemberRow) -> None:
    restrict("password", "email_otp")
    assert error_of(lambda: sdk.magic_links.email.invite("acme", NEW)) == (
        403,
        "operation_restricted_by_organization_auth_methods",
    )
    assert not models.MemberRow.objects.filter(email_address=NEW).exists()
    restrict("magic_link")
    assert sdk.magic_links.email.invite("acme", NEW).member.status == "invited"


def test_a_member_invites_within_their_rights(
    page_of: PageOf, admin: models.MemberRow, member: models.MemberRow
) -> None:
    assert page_of(member).post("b2b/magic_links/email/invite", {"email_address": NEW}).status == 403
    assert (
        page_of(admin).post("b2b/magic_links/email/invite", {"email_address": NEW, "trusted_metadata": {}}).status
        == 403
    )
    assert page_of(admin).post("b2b/magic_links/email/invite", {"email_address": NEW}).status == 200
    assert "Ada Admin invited you" in sent()[0].replace("\n", " ")


@pytest.mark.parametrize(("rule", "status"), [("NOT_ALLOWED", 400), ("RESTRICTED", 400), ("ALL_ALLOWED", 200)])
def test_the_organization_says_who_may_be_invited(
    backend: Caller, admin: models.MemberRow, rule: str, status: int
) -> None:
    models.OrganizationRow.objects.update(email_allowed_domains=["acme.example"], settings={"email_invites": rule})

    answer = backend.post("magic_links/email/invite", {"organization_id": "acme", "email_address": "x@other.example"})

    assert answer.status == status
    assert models.MemberRow.objects.filter(email_address="x@other.example").exists() is (status == 200)


# --- Codes ---------------------------------------------------------------------------------------------------------


def test_a_code_signs_a_member_in_once(sdk: B2BClient, admin: models.MemberRow) -> None:
    sdk.otps.email.login_or_signup("acme", ADA)
    (text,) = sent()
    code = f"{code_in(text)[:3]} {code_in(text)[3:]}"

    answer = sdk.otps.email.authenticate("acme", ADA, code)

    assert answer.member_authenticated
    assert answer.member_session is not None
    assert [one.type for one in answer.member_session.authentication_factors] == ["email_otp"]
    assert error_of(lambda: sdk.otps.email.authenticate("acme", ADA, code)) == (404, "otp_code_not_found")


def test_five_wrong_codes_end_the_right_one(sdk: B2BClient, admin: models.MemberRow) -> None:
    sdk.otps.email.login_or_signup("acme", ADA)
    (text,) = sent()
    wrong = f"{(int(code_in(text)) + 1) % 10**6:06}"
    for code in (wrong, "", "12345", "١٢٣٤٥٦", wrong):
        assert error_of(lambda code=code: sdk.otps.email.authenticate("acme", ADA, code)) == (404, "otp_code_not_found")  # type: ignore[misc]  # -- a lambda with a default

    assert error_of(lambda: sdk.otps.email.authenticate("acme", ADA, code_in(text))) == (404, "otp_code_not_found")


def test_a_code_is_of_one_organization_and_one_address(
    sdk: B2BClient, admin: models.MemberRow, member: models.MemberRow, globex: models.OrganizationRow
) -> None:
    factories.member(globex, ADA, password=PASSWORD)
    sdk.otps.email.login_or_signup("acme", ADA)
    (text,) = sent()

    for organization, address in (("globex", ADA), ("acme", "max@acme.example"), ("acme", "nobody@acme.example")):
        assert error_of(
            lambda organization=organization, address=address: sdk.otps.email.authenticate(  # type: ignore[misc]  # -- a lambda with defaults
                organization, address, code_in(text)
            )
        ) == (404, "otp_code_not_found")
    assert sdk.otps.email.authenticate("acme", ADA, code_in(text)).member_authenticated


def test_attempts_with_codes_are_limited_like_those_with_passwords(
    page_of: PageOf, admin: models.MemberRow, settings: Settings
) -> None:
    settings.SIGN_IN_RATE_PER_MEMBER = "2 per hour"
    body = {"organization_id": "acme", "email_address": ADA, "code": "123456"}

    answers = [page_of(None).post("b2b/otps/email/authenticate", body).status for _ in range(3)]

    assert answers == [404, 404, 429]


# --- Discovery -----------------------------------------------------------------------------------------------------


def test_a_link_discovers_every_organization_of_the_address(
    sdk: B2BClient, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    factories.member(globex, ADA, password="")
    umbrella = factories.organization("umbrella")
    let_join(umbrella)
    sdk.magic_links.email.discovery.send(ADA)
    (text,) = sent()
    assert url_in(text).startswith(f"{APP}/discovery?stytch_token_type=discovery&token=")

    found = sdk.magic_links.discovery.authenticate(token_in(text))

    assert [(slug_of(one), one.membership and one.membership.type) for one in found.discovered_organizations] == [
        ("acme", "active_member"),
        ("globex", "active_member"),
        ("umbrella", "eligible_to_join_by_email_domain"),
    ]
    token = found.intermediate_session_token
    assert len(sdk.discovery.organizations.list(intermediate_session_token=token).discovered_organizations) == 3
    answer = sdk.discovery.intermediate_sessions.exchange(token, "umbrella")
    assert (answer.member_authenticated, answer.member.status) == (True, "active")
    assert error_of(lambda: sdk.discovery.intermediate_sessions.exchange(token, "acme")) == (
        404,
        "intermediate_session_not_found",
    )


def test_a_code_discovers_too(sdk: B2BClient, admin: models.MemberRow) -> None:
    sdk.otps.email.discovery.send(ADA)
    (text,) = sent()

    found = sdk.otps.email.discovery.authenticate(ADA, code_in(text))

    assert [slug_of(one) for one in found.discovered_organizations] == ["acme"]
    assert sdk.discovery.intermediate_sessions.exchange(found.intermediate_session_token, "acme").member_authenticated


def test_a_password_discovers_only_where_it_is_right(
    sdk: B2BClient, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    factories.member(globex, ADA, password="another password of hers")
    found = sdk.passwords.discovery.authenticate(ADA, PASSWORD)

    assert [slug_of(one) for one in found.discovered_organizations] == ["acme"]
    token = found.intermediate_session_token
    assert error_of(lambda: sdk.discovery.intermediate_sessions.exchange(token, "globex")) == (
        404,
        "member_does_not_exist_in_organization",
    )
    assert sdk.discovery.intermediate_sessions.exchange(token, "acme").member_authenticated


def test_a_chosen_organization_with_other_methods_says_what_is_missing(sdk: B2BClient, admin: models.MemberRow) -> None:
    restrict("password")
    sdk.magic_links.email.discovery.send(ADA)
    found = sdk.magic_links.discovery.authenticate(token_in(sent()[0]))
    (one,) = found.discovered_organizations
    assert one.primary_required is not None
    assert (one.member_authenticated, one.primary_required.allowed_auth_methods) == (False, ["password"])

    answer = sdk.discovery.intermediate_sessions.exchange(found.intermediate_session_token, "acme")
    assert not answer.member_authenticated
    done = sdk.passwords.authenticate(
        "acme", ADA, PASSWORD, intermediate_session_token=answer.intermediate_session_token
    )
    assert done.member_authenticated


def test_a_password_of_another_organization_does_not_count_here(
    sdk: B2BClient, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    """Someone who reads the mailbox could choose a password in an organization of their own."""
    factories.member(globex, ADA, password="a password of globex")
    sdk.magic_links.email.login_or_signup("acme", ADA)
    (text,) = sent()
    found = sdk.passwords.discovery.authenticate(ADA, "a password of globex")
    restrict("password")

    answer = sdk.magic_links.authenticate(token_in(text), intermediate_session_token=found.intermediate_session_token)

    assert not answer.member_authenticated


def test_an_address_of_nobody_gets_its_email_and_finds_nothing(page_of: PageOf, admin: models.MemberRow) -> None:
    page = page_of(None)
    assert page.post("b2b/magic_links/email/discovery/send", {"email_address": "x@nowhere.example"}).status == 200
    (text,) = sent()

    answer = page.post("b2b/magic_links/discovery/authenticate", {"discovery_magic_links_token": token_in(text)})

    assert (answer.status, answer["discovered_organizations"]) == (200, [])


def test_a_person_creates_an_organization_and_is_its_admin(sdk: B2BClient, admin: models.MemberRow) -> None:
    sdk.magic_links.email.discovery.send("zoe@zoo.example")
    found = sdk.magic_links.discovery.authenticate(token_in(sent()[0]))

    answer = sdk.discovery.organizations.create(found.intermediate_session_token, session_duration_minutes=30)

    assert (answer.organization.organization_name, answer.organization.organization_slug) == ("Zoo", "zoo")
    assert (answer.member.email_address, answer.member.email_address_verified) == ("zoe@zoo.example", True)
    assert answer.member_session is not None
    assert "stytch_admin" in answer.member_session.roles


def test_a_person_who_gave_a_password_creates_an_organization_with_it(sdk: B2BClient, admin: models.MemberRow) -> None:
    found = sdk.passwords.discovery.authenticate(ADA, PASSWORD)

    answer = sdk.discovery.organizations.create(found.intermediate_session_token, organization_name="Zoo")

    assert (answer.member_authenticated, answer.member.email_address_verified) == (True, False)
    assert sdk.passwords.authenticate("zoo", ADA, PASSWORD).member_authenticated


def test_nobody_creates_an_organization_in_a_claimed_domain(sdk: B2BClient, admin: models.MemberRow) -> None:
    models.OrganizationRow.objects.update(settings={"claimed_email_domains": ["zoo.example"]})
    sdk.magic_links.email.discovery.send("zoe@zoo.example")
    found = sdk.magic_links.discovery.authenticate(token_in(sent()[0]))

    assert error_of(lambda: sdk.discovery.organizations.create(found.intermediate_session_token)) == (
        403,
        "action_not_allowed_email_domain_is_claimed",
    )


def test_a_page_creates_an_organization_only_if_the_project_lets_it(
    page_of: PageOf, admin: models.MemberRow, settings: Settings
) -> None:
    page = page_of(None)
    page.post("b2b/magic_links/email/discovery/send", {"email_address": "zoe@zoo.example"})
    found = page.post("b2b/magic_links/discovery/authenticate", {"discovery_magic_links_token": token_in(sent()[0])})
    body = {"intermediate_session_token": found["intermediate_session_token"], "session_duration_minutes": 30}
    assert page.post("b2b/discovery/organizations/create", body).error_type == "endpoint_not_authorized_for_sdk"

    configure(settings, sdk=Sdk(create_organizations=True))
    assert page.post("b2b/discovery/organizations/create", body | {"trusted_metadata": {"a": 1}}).status == 403
    assert page.post("b2b/discovery/organizations/create", body).status == 200


def test_a_session_lists_the_organizations_of_its_member(
    sdk: B2BClient, page_of: PageOf, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    factories.member(globex, ADA)
    entered = sdk.passwords.authenticate("acme", ADA, PASSWORD)
    models.MemberRow.objects.filter(pk=admin.pk).update(email_address_verified=False)

    assert page_of(admin).post("b2b/discovery/organizations", {}).status == 200

    def listed() -> list[str]:
        found = sdk.discovery.organizations.list(session_token=entered.session_token)
        return [slug_of(one) for one in found.discovered_organizations]

    assert listed() == ["acme"]
    models.MemberRow.objects.filter(pk=admin.pk).update(email_address_verified=True)
    assert listed() == ["acme", "globex"]


# --- Password resets -----------------------------------------------------------------------------------------------


def test_a_forgotten_password_is_replaced_by_a_link(sdk: B2BClient, admin: models.MemberRow) -> None:
    before = sdk.passwords.authenticate("acme", ADA, PASSWORD)
    asked = sdk.passwords.email.reset_start("acme", ADA)
    (text,) = sent()
    assert url_in(text).startswith(f"{APP}/reset_password?stytch_token_type=multi_tenant_passwords&token=")
    assert sdk.passwords.authenticate("acme", ADA, PASSWORD).member_authenticated
    assert error_of(lambda: sdk.passwords.email.reset(token_in(text), "short")) == (400, "weak_password")

    answer = sdk.passwords.email.reset(token_in(text), STRONG)

    assert (answer.member_authenticated, answer.member_email_id) == (True, asked.member_email_id)
    assert error_of(lambda: sdk.sessions.authenticate(session_token=before.session_token))[0] == 404
    assert error_of(lambda: sdk.passwords.authenticate("acme", ADA, PASSWORD))[0] == 401
    assert sdk.passwords.authenticate("acme", ADA, STRONG).member_authenticated
    assert error_of(lambda: sdk.passwords.email.reset(token_in(text), STRONG)) == (401, "unable_to_auth_magic_link")


def test_a_reset_link_does_not_sign_in_as_a_magic_link(sdk: B2BClient, admin: models.MemberRow) -> None:
    sdk.passwords.email.reset_start("acme", ADA)
    sdk.magic_links.email.login_or_signup("acme", ADA)
    reset, link = sent()

    assert error_of(lambda: sdk.magic_links.authenticate(token_in(reset)))[0] == 401
    assert error_of(lambda: sdk.passwords.email.reset(token_in(link), STRONG))[0] == 401


def test_a_page_resets_with_pkce_where_the_project_wants_it(
    page_of: PageOf, admin: models.MemberRow, settings: Settings
) -> None:
    configure(settings, sdk=Sdk(pkce_required=("password_resets",)))
    page, body = page_of(None), {"organization_id": "acme", "email_address": ADA}
    assert page.post("b2b/passwords/email/reset/start", body).error_type == "pkce_required"
    assert page.post("b2b/passwords/email/reset/start", body | {"code_challenge": CHALLENGE}).status == 200
    token = token_in(sent()[0])

    answer = page.post(
        "b2b/passwords/email/reset", {"password_reset_token": token, "password": STRONG, "code_verifier": VERIFIER}
    )

    assert (answer.status, answer["member_authenticated"]) == (200, True)


def test_a_page_does_not_learn_whose_password_it_asks_to_reset(page_of: PageOf, admin: models.MemberRow) -> None:
    body = {"organization_id": "acme", "email_address": "nobody@acme.example"}
    answer = page_of(None).post("b2b/passwords/email/reset/start", body)

    assert (answer.status, set(answer.fields)) == (200, {"status_code", "request_id"})
    assert sent() == []


def test_a_password_is_reset_in_every_organization_of_the_address(
    sdk: B2BClient, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    factories.member(globex, ADA, password="another password of hers")
    umbrella = factories.organization("umbrella")
    restricted = factories.member(umbrella, ADA, password=PASSWORD)
    models.OrganizationRow.objects.filter(pk=umbrella.pk).update(
        settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": ["sso"]}
    )
    sdk.passwords.discovery.email.reset_start("nobody@acme.example")
    sdk.passwords.discovery.email.reset_start(ADA)
    (text,) = sent()
    assert error_of(lambda: sdk.passwords.discovery.email.reset(token_in(text), "short")) == (400, "weak_password")

    found = sdk.passwords.discovery.email.reset(token_in(text), STRONG)

    assert [slug_of(one) for one in found.discovered_organizations if one.member_authenticated] == [
        "acme",
        "globex",
    ]
    for organization in ("acme", "globex"):
        assert sdk.passwords.authenticate(organization, ADA, STRONG).member_authenticated
    before = restricted.password
    restricted.refresh_from_db()
    assert restricted.password == before


# --- All -----------------------------------------------------------------------------------------------------------


def test_pages_use_only_the_methods_that_the_project_allows(
    page_of: PageOf, admin: models.MemberRow, settings: Settings
) -> None:
    configure(settings, sdk=Sdk(methods=("passwords",)))
    body = {"organization_id": "acme", "email_address": ADA}
    page = page_of(None)

    for path in ("magic_links/email/login_or_signup", "otps/email/login_or_signup"):
        assert page.post(f"b2b/{path}", body).error_type == "endpoint_not_authorized_for_sdk"
    assert page.post("b2b/passwords/email/reset/start", body).status == 200


def test_expired_rows_are_deleted(sdk: B2BClient, admin: models.MemberRow) -> None:
    sdk.magic_links.email.login_or_signup("acme", ADA)
    sdk.otps.email.discovery.send(ADA)
    sent()
    assert email_tokens.prune() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert email_tokens.prune() == 2
