"""Stytch's passwords.email.require_reset, called by its own SDK."""

from collections.abc import Callable

import pytest
from stytch import B2BClient

from portal.directory.actor import Origin
from portal.directory.errors import Unauthenticated
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.directory import EmbeddedProvider
from tests import factories
from tests.api.conftest import Caller
from tests.api.test_scim import error_of
from tests.conftest import PASSWORD

PageOf = Callable[[models.MemberRow | None], Caller]
ADA = "ada@acme.example"


def test_a_password_no_longer_signs_in(sdk: B2BClient, admin: models.MemberRow) -> None:
    answer = sdk.passwords.email.require_reset(ADA, organization_id="acme")
    assert answer.member_id == public_id("member", admin.pk)

    assert error_of(lambda: sdk.passwords.authenticate("acme", ADA, PASSWORD)) == (400, "member_reset_password")
    assert error_of(lambda: sdk.passwords.authenticate("acme", ADA, "wrong")) == (401, "unauthorized_credentials")
    with pytest.raises(Unauthenticated, match="has to be replaced"):
        EmbeddedProvider().open("acme", Origin()).sessions.sign_in(email_address=ADA, password=PASSWORD)
    with pytest.raises(Unauthenticated, match="Incorrect"):
        EmbeddedProvider().open("acme", Origin()).sessions.sign_in(email_address=ADA, password="wrong")
    with pytest.raises(Unauthenticated):
        EmbeddedProvider().discovery(Origin()).authenticate(email_address=ADA, password=PASSWORD)
    assert error_of(
        lambda: sdk.passwords.existing_password.reset(ADA, PASSWORD, "twelve pelicans over Utrecht", "acme")
    ) == (400, "member_reset_password")


def test_sessions_continue_until_the_password_is_replaced(sdk: B2BClient, admin: models.MemberRow) -> None:
    token = factories.product_session_token(admin)
    sdk.passwords.email.require_reset(ADA, organization_id="acme")
    assert sdk.sessions.authenticate(session_token=token).member.email_address == ADA


def test_requiring_it_twice_is_requiring_it_once(sdk: B2BClient, admin: models.MemberRow) -> None:
    for _ in range(2):
        sdk.passwords.email.require_reset(ADA, organization_id="acme")
    admin.refresh_from_db()
    assert admin.password.startswith("!md5$")
    assert models.ActivityEntryRow.objects.filter(action="member.require_password_reset").count() == 1


def test_without_an_organization_it_is_for_all(
    sdk: B2BClient, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    other = factories.member(globex, ADA, password=PASSWORD)
    sdk.passwords.email.require_reset(ADA)

    for one in (admin, other):
        one.refresh_from_db()
        assert one.password.startswith("!")
    assert error_of(lambda: sdk.passwords.email.require_reset("nobody@acme.example")) == (404, "email_not_found")


def test_the_member_must_have_the_address(sdk: B2BClient, admin: models.MemberRow, member: models.MemberRow) -> None:
    require = sdk.passwords.email.require_reset
    assert error_of(lambda: require(ADA, organization_id="acme", member_id=public_id("member", member.pk))) == (
        404,
        "email_not_found",
    )
    assert require(ADA, member_id=public_id("member", admin.pk)).member_id == public_id("member", admin.pk)


def test_a_member_requires_it_within_their_rights(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow, other_admin: models.MemberRow
) -> None:
    def require(who: models.MemberRow, **more: str) -> int:
        session = factories.product_session_token(who)
        body = {"email_address": ADA, **more}
        return backend.post("passwords/email/require_reset", body, **{"X-Stytch-Member-Session": session}).status

    assert require(member) == 403
    assert require(other_admin, organization_id="acme") == 403
    assert require(other_admin) == 404
    assert require(admin) == 200


def test_an_imported_password_is_rehashed_only_if_it_signs_in(sdk: B2BClient, admin: models.MemberRow) -> None:
    """Otherwise the attempt would lift the requirement."""
    models.MemberRow.objects.filter(pk=admin.pk).update(password="!pbkdf2_sha256$1000$salt$" + "x" * 43 + "=")
    assert error_of(lambda: sdk.passwords.authenticate("acme", ADA, PASSWORD))[0] == 401
    admin.refresh_from_db()
    assert admin.password.startswith("!")
