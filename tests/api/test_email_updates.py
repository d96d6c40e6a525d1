"""Stytch's start_email_update, called by its own SDK and by pages."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail
from msgspec.structs import replace
from pytest_django import Settings
from stytch import B2BClient

from portal.directory.configuration import RedirectUrls
from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories
from tests.api.conftest import Caller
from tests.api.test_scim import error_of
from tests.tasks import run_tasks

PageOf = Callable[[models.MemberRow | None], Caller]
NEW = "new@acme.example"
LOGIN = "https://app.example.com/login"


@pytest.fixture(autouse=True)
def _project(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    settings.PROJECT = replace(settings.PROJECT, redirect_urls=RedirectUrls(login=(LOGIN,)))


@pytest.fixture
def ada(admin: models.MemberRow) -> models.MemberRow:
    models.MemberRow.objects.filter(pk=admin.pk).update(email_address_verified=True)
    admin.refresh_from_db()
    return admin


def to_new() -> str:
    run_tasks()
    return next(str(one.body) for one in reversed(mail.outbox) if one.to == [NEW])


def token() -> str:
    (url,) = map(str, re.findall(r"https://app\S+", to_new()))
    assert url.startswith(f"{LOGIN}?stytch_token_type=multi_tenant_magic_links&token=")
    return parse_qs(urlsplit(url).query)["token"][0]


def test_a_link_changes_the_address_and_signs_in(sdk: B2BClient, ada: models.MemberRow) -> None:
    old = ada.email_address
    asked = sdk.organizations.members.start_email_update("acme", public_id("member", ada.pk), NEW)
    assert asked.member.email_address == old

    answer = sdk.magic_links.authenticate(token())

    assert (answer.member_authenticated, answer.member.email_address) == (True, NEW)
    assert [one.email_address for one in answer.member.retired_email_addresses] == [old]
    assert answer.member.email_address_verified
    run_tasks()
    assert [one.to for one in mail.outbox].count([old]) == 2


def test_a_link_works_once(sdk: B2BClient, ada: models.MemberRow) -> None:
    sdk.organizations.members.start_email_update("acme", public_id("member", ada.pk), NEW)
    link = token()
    sdk.magic_links.authenticate(link)

    assert error_of(lambda: sdk.magic_links.authenticate(link)) == (401, "unable_to_auth_magic_link")


def test_a_code_changes_the_address(sdk: B2BClient, ada: models.MemberRow) -> None:
    sdk.organizations.members.start_email_update("acme", public_id("member", ada.pk), NEW, delivery_method="EMAIL_OTP")
    (code,) = re.findall(r"^    (\d{6})$", to_new(), re.MULTILINE)

    answer = sdk.otps.email.authenticate("acme", NEW, code)

    assert answer.member.email_address == NEW


def test_the_session_of_the_request_continues(sdk: B2BClient, ada: models.MemberRow) -> None:
    sdk.organizations.members.start_email_update("acme", public_id("member", ada.pk), NEW)
    session_token = factories.product_session_token(ada)

    answer = sdk.magic_links.authenticate(token(), session_token=session_token)

    assert (answer.session_token, answer.member.email_address) == (session_token, NEW)


def test_a_member_changes_their_own_address_and_no_other(
    page_of: PageOf, ada: models.MemberRow, member: models.MemberRow
) -> None:
    models.MemberRow.objects.filter(pk=member.pk).update(email_address_verified=True)
    page = page_of(member)
    own = page.post("b2b/organizations/members/start_email_update", {"email_address": NEW})
    assert own.status == 200
    other = page.post(
        f"b2b/organizations/members/{public_id('member', ada.pk)}/start_email_update",
        {"email_address": "third@acme.example"},
    )
    assert other.status == 403


def test_addresses_that_are_not_free_are_rejected(
    sdk: B2BClient, ada: models.MemberRow, member: models.MemberRow
) -> None:
    models.MemberRow.objects.filter(pk=member.pk).update(email_address_verified=True)
    member_id, other_id = public_id("member", ada.pk), public_id("member", member.pk)
    start = sdk.organizations.members.start_email_update

    assert error_of(lambda: start("acme", member_id, member.email_address)) == (400, "duplicate_member_email")
    assert error_of(lambda: start("acme", member_id, ada.email_address))[0] == 400
    start("acme", member_id, NEW)
    assert error_of(lambda: start("acme", other_id, NEW)) == (400, "desired_email_updating_for_different_member")


def test_only_a_verified_address_is_replaced(sdk: B2BClient, admin: models.MemberRow) -> None:
    assert error_of(
        lambda: sdk.organizations.members.start_email_update("acme", public_id("member", admin.pk), NEW)
    ) == (400, "email_updates_available_only_for_active_members")
