"""Trusted auth tokens through Stytch's SDK and in browsers."""

from collections.abc import Callable

import msgspec
import pytest
from pytest_django import Settings
from stytch import B2BClient

from portal.embedded import models
from tests import factories
from tests.api.conftest import Caller
from tests.api.test_scim import error_of
from tests.embedded.test_trusted_tokens import KEY, profile_with, token

ADA = "ada@acme.example"


@pytest.fixture(autouse=True)
def trusted(settings: Settings, admin: models.MemberRow) -> None:
    settings.PROJECT = msgspec.structs.replace(settings.PROJECT, trusted_auth_tokens=(profile_with(KEY),))


def test_token_starts_a_session(sdk: B2BClient, admin: models.MemberRow) -> None:
    answer = sdk.sessions.attest(profile_id="profile-1", token=token(), session_duration_minutes=30)

    (factor,) = answer.member_session.authentication_factors
    assert answer.member.email_address == ADA
    assert (factor.type, factor.delivery_method) == ("trusted_auth_token", "trusted_token_exchange")
    assert factor.trusted_auth_token_factor is not None
    assert factor.trusted_auth_token_factor.token_id == "token-1"
    assert sdk.sessions.authenticate(session_token=answer.session_token).member.member_id == answer.member_id


def test_token_is_added_to_a_session(sdk: B2BClient, admin: models.MemberRow) -> None:
    held = factories.product_session_token(admin)

    answer = sdk.sessions.attest(profile_id="profile-1", token=token(), session_token=held)

    assert answer.session_token == held
    assert "trusted_auth_token" in {one.type for one in answer.member_session.authentication_factors}


def test_token_starts_a_session_in_a_browser(page_of: Callable[[models.MemberRow | None], Caller]) -> None:
    answer = page_of(None).post("b2b/sessions/attest", {"profile_id": "profile-1", "token": token()})

    assert (answer.status, answer["member"]["email_address"]) == (200, ADA)


def test_what_a_token_does_not_prove(sdk: B2BClient, admin: models.MemberRow, settings: Settings) -> None:
    globex = factories.organization("globex")
    factories.member(globex, ADA)
    other = factories.product_session_token(factories.member(admin.organization, "max@acme.example"))
    attest = sdk.sessions.attest

    assert error_of(lambda: attest(profile_id="profile-2", token=token())) == (
        404,
        "trusted_auth_token_profile_not_found",
    )
    assert error_of(lambda: attest(profile_id="profile-1", token="x")) == (401, "invalid_trusted_auth_token")
    assert error_of(lambda: attest(profile_id="profile-1", token=token(email="eve@acme.example"))) == (
        404,
        "member_not_found",
    )
    assert error_of(lambda: attest(profile_id="profile-1", token=token(org=None))) == (400, "invalid_argument")
    mismatch = error_of(lambda: attest(profile_id="profile-1", token=token(), organization_id="globex"))
    assert mismatch == (400, "invalid_argument")
    hers = error_of(lambda: attest(profile_id="profile-1", token=token(), session_token=other))
    assert hers == (400, "member_session_member_id_mismatch")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"auth_methods": "RESTRICTED", "allowed_auth_methods": ["password"]},
            (403, "operation_restricted_by_organization_auth_methods"),
        ),
        ({"mfa_policy": "REQUIRED_FOR_ALL"}, (401, "insufficient_factors")),
    ],
)
def test_organization_that_wants_more_is_not_opened(
    sdk: B2BClient, admin: models.MemberRow, changed: dict[str, object], expected: tuple[int, str]
) -> None:
    models.OrganizationRow.objects.filter(pk=admin.organization_id).update(settings=changed)

    rejected = error_of(lambda: sdk.sessions.attest(profile_id="profile-1", token=token()))

    assert rejected == expected
    assert models.MemberSessionRow.objects.count() == 0
    assert models.IntermediateSessionRow.objects.count() == 0


def test_inactive_member_is_not_signed_in(sdk: B2BClient, admin: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=admin.pk).update(status="deleted")

    assert error_of(lambda: sdk.sessions.attest(profile_id="profile-1", token=token())) == (404, "member_not_found")
