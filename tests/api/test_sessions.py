"""Stytch's methods of sessions, called by its own SDK: over the network where it verifies by itself, else in this process."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.live_server_helper import LiveServer
from stytch import B2BClient
from stytch.b2b.models.sessions import AuthorizationCheck, RevokeRequestOptions
from stytch.core.response_base import StytchError
from stytch.shared.method_options import Authorization
from stytch.shared.rbac_local import RBACPermissionError, TenancyError

from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.project_secrets import NewProjectSecret
from tests import factories
from tests.api.conftest import PAGE, Caller, in_a_loop
from tests.api.test_scim import error_of
from tests.conftest import PASSWORD

PageOf = Callable[[models.MemberRow | None], Caller]
MAY = AuthorizationCheck(organization_id="acme", resource_id="stytch.scim", action="get")


def org_id(organization: models.OrganizationRow) -> str:
    return public_id("organization", organization.pk)


def member_id(member: models.MemberRow) -> str:
    return public_id("member", member.pk)


def sign_in(sdk: B2BClient, member: models.MemberRow, **more: Any) -> Any:
    return sdk.passwords.authenticate(
        member.organization.slug, email_address=member.email_address, password=PASSWORD, **more
    )


# --- Authenticate -------------------------------------------------------------------------------------------------------


def test_a_session_is_authenticated_by_token_and_by_jwt(sdk: B2BClient, admin: models.MemberRow) -> None:
    started = sign_in(sdk, admin, session_duration_minutes=30)

    by_token = sdk.sessions.authenticate(session_token=started.session_token)
    by_jwt = sdk.sessions.authenticate(session_jwt=started.session_jwt)

    assert by_token.session_token == started.session_token
    # Only its hash is stored, so it can't be returned again.
    assert by_jwt.session_token == ""
    assert by_jwt.session_jwt
    for one in (by_token, by_jwt):
        assert one.member_session.member_session_id == started.member_session.member_session_id
        assert one.member_session.expires_at == started.member_session.expires_at
        assert one.member_session.organization_slug == "acme"
        assert one.member_session.roles == ["stytch_admin", "stytch_member"]
        assert [f.type.value for f in one.member_session.authentication_factors] == ["password"]
        assert (one.member.email_address, one.organization.organization_id) == (
            "ada@acme.example",
            org_id(admin.organization),
        )
        assert one.verdict is None


def test_it_is_prolonged_and_given_claims(sdk: B2BClient, admin: models.MemberRow) -> None:
    token = sign_in(sdk, admin).session_token

    changed = sdk.sessions.authenticate(
        session_token=token, session_duration_minutes=600, session_custom_claims={"plan": "gold", "unauthenticated": 1}
    )
    again = sdk.sessions.authenticate(session_token=token, session_custom_claims={"unauthenticated": None})

    assert changed.member_session.expires_at > timezone.now() + timedelta(minutes=590)
    assert changed.member_session.custom_claims == {"plan": "gold", "unauthenticated": 1}
    assert again.member_session.custom_claims == {"plan": "gold"}
    assert again.member_session.expires_at == changed.member_session.expires_at


def test_its_permissions_are_checked(sdk: B2BClient, admin: models.MemberRow, member: models.MemberRow) -> None:
    ada, max_ = sign_in(sdk, admin).session_token, sign_in(sdk, member).session_token

    def check(token: str, **more: str) -> Any:
        wanted = AuthorizationCheck(**{**MAY.model_dump(), **more})
        return sdk.sessions.authenticate(session_token=token, authorization_check=wanted).verdict

    for name in ("acme", org_id(admin.organization)):
        verdict = check(ada, organization_id=name)
        assert (verdict.authorized, verdict.granting_roles) == (True, ["stytch_admin"])
    assert error_of(lambda: check(max_)) == (403, "session_authorization_error")
    assert error_of(lambda: check(ada, resource_id="documents")) == (403, "session_authorization_error")
    assert error_of(lambda: check(ada, organization_id="globex")) == (403, "session_authorization_tenancy_error")


def test_a_wrong_or_ambiguous_session_is_a_clear_error(sdk: B2BClient, admin: models.MemberRow) -> None:
    started = sign_in(sdk, admin)
    token, jwt = started.session_token, started.session_jwt
    sessions = sdk.sessions

    assert error_of(sessions.authenticate) == (400, "no_session_arguments")
    assert error_of(lambda: sessions.authenticate(session_token=token, session_jwt=jwt)) == (
        400,
        "too_many_session_arguments",
    )
    for wrong in ("made-up", token + "x", "é"):
        assert error_of(lambda wrong=wrong: sessions.authenticate(session_token=wrong)) == (404, "session_not_found")  # type: ignore[misc]  # -- a lambda with a default
    assert error_of(lambda: sessions.authenticate(session_jwt=jwt[:-20] + "A" * 20)) == (404, "session_not_found")
    assert error_of(lambda: sessions.authenticate(session_token=token, session_duration_minutes=4)) == (
        400,
        "invalid_session_duration_minutes",
    )
    for claims, error_type in (
        ({"sub": "x"}, "reserved_claims_in_custom_claims"),
        ({"https://stytch.com/x": 1}, "stytch_claims_in_custom_claims"),
        ({"x": "y" * 5000}, "custom_claims_too_large"),
    ):
        assert error_of(
            lambda claims=claims: sessions.authenticate(session_token=token, session_custom_claims=claims)  # type: ignore[misc]  # -- as above
        ) == (400, error_type)


@pytest.mark.parametrize("is_provisioned", [False, True])
def test_it_costs_few_queries_however_many_there_are(
    sdk: B2BClient,
    backend: Caller,
    acme: models.OrganizationRow,
    is_provisioned: bool,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    scim = factories.scim_connection(acme)
    provisioned = factories.provisioned(scim, "pia@acme.example").member
    assert provisioned is not None
    groups = factories.scim_groups(scim, [f"g{n}" for n in range(20)])
    user = models.ScimUserRow.objects.get()
    for group in groups:
        factories.put_in_group(group, [user])
    who = provisioned if is_provisioned else factories.member(acme, "max@acme.example")
    token = factories.product_session_token(who)
    sdk.sessions.authenticate(session_token=token)
    with django_assert_max_num_queries(6 if is_provisioned else 3):
        assert backend.post("sessions/authenticate", {"session_token": token}).status == 200


def test_the_portals_cookie_is_not_a_session_of_a_product(
    backend: Caller,
    page_of: PageOf,
    admin: models.MemberRow,
    globex: models.OrganizationRow,
    connection: models.ScimConnectionRow,
) -> None:
    """Used as one, it gets no SCIM token, lives no longer and isn't exchanged."""
    factories.member(globex, "ada@acme.example")
    models.MemberRow.objects.update(email_address_verified=True)
    cookie = factories.session_token(admin)
    page = replace(page_of(None), password=cookie)
    year, connection_id = {"session_duration_minutes": 527_040}, public_id("scim-connection", connection.pk)
    before = list(models.MemberSessionRow.objects.values())

    for answer in (
        page.post("b2b/scim/rotate/start", {"connection_id": connection_id}),
        page.post("b2b/sessions/authenticate", year),
        page.post("b2b/sessions/exchange", {**year, "organization_id": "globex"}),
        page.post("b2b/passwords/session/reset", {**year, "password": "quartz lantern orbit meadow"}),
        backend.post("sessions/authenticate", {**year, "session_token": cookie}),
        backend.post("sessions/exchange", {**year, "session_token": cookie, "organization_id": "globex"}),
        backend.post(f"scim/acme/connection/{connection_id}/rotate/start", {}, **{"X-Stytch-Member-Session": cookie}),
    ):
        assert (answer.status, answer.error_type) == (404, "session_not_found")
    assert list(models.MemberSessionRow.objects.values()) == before


# --- List and revoke ------------------------------------------------------------------------------------------------------


def test_a_members_sessions_are_listed(sdk: B2BClient, admin: models.MemberRow, globex: models.OrganizationRow) -> None:
    tokens = [sign_in(sdk, admin) for _ in range(3)]

    found = sdk.sessions.get("acme", member_id=member_id(admin)).member_sessions

    assert [one.member_session_id for one in found] == [t.member_session.member_session_id for t in reversed(tokens)]
    assert error_of(lambda: sdk.sessions.get("globex", member_id=member_id(admin))) == (404, "member_not_found")
    assert error_of(lambda: sdk.sessions.get("nowhere", member_id=member_id(admin))) == (404, "organization_not_found")


def test_sessions_are_revoked_by_each_of_four_names(sdk: B2BClient, admin: models.MemberRow) -> None:
    sessions = sdk.sessions
    first, second, third, fourth, fifth = (sign_in(sdk, admin) for _ in range(5))

    sessions.revoke(member_session_id=first.member_session.member_session_id)
    sessions.revoke(session_token=second.session_token)
    sessions.revoke(session_jwt=third.session_jwt)
    alive = {one.member_session_id for one in sessions.get("acme", member_id=member_id(admin)).member_sessions}
    assert alive == {one.member_session.member_session_id for one in (fourth, fifth)}
    sessions.revoke(member_id=member_id(admin))

    for one in (first, second, third, fourth, fifth):
        assert error_of(lambda one=one: sessions.authenticate(session_token=one.session_token)) == (  # type: ignore[misc]  # -- a lambda with a default
            404,
            "session_not_found",
        )
    # Repeating it is not an error if the session is named by its ID.
    sessions.revoke(member_session_id=first.member_session.member_session_id)


def test_a_revocation_that_names_nothing_or_too_much_is_rejected(sdk: B2BClient, admin: models.MemberRow) -> None:
    one = sign_in(sdk, admin)

    assert error_of(sdk.sessions.revoke) == (400, "no_session_revoke_arguments")
    assert error_of(lambda: sdk.sessions.revoke(member_id=member_id(admin), session_token=one.session_token)) == (
        400,
        "too_many_session_revoke_arguments",
    )
    assert error_of(lambda: sdk.sessions.revoke(member_id="member-live-1")) == (404, "member_not_found")
    assert error_of(lambda: sdk.sessions.revoke(member_session_id="member-session-live-1")) == (
        404,
        "session_not_found",
    )
    assert error_of(lambda: sdk.sessions.revoke(session_token="made-up")) == (404, "session_not_found")


def test_on_behalf_of_a_member_rights_and_organization_hold(
    sdk: B2BClient, admin: models.MemberRow, member: models.MemberRow, other_admin: models.MemberRow
) -> None:
    ada, max_, gil = sign_in(sdk, admin), sign_in(sdk, member), sign_in(sdk, other_admin)

    def revoke(by: Any, target: models.MemberRow, *, jwt: bool = False) -> Any:
        authorization = (
            Authorization(session_jwt=by.session_jwt) if jwt else Authorization(session_token=by.session_token)
        )
        options = RevokeRequestOptions(authorization=authorization)
        return sdk.sessions.revoke(member_id=member_id(target), method_options=options)

    assert error_of(lambda: revoke(max_, admin)) == (403, "session_authorization_error")
    assert error_of(lambda: revoke(gil, admin)) == (404, "member_not_found")
    assert error_of(lambda: revoke(gil, admin, jwt=True)) == (404, "member_not_found")
    revoke(ada, member, jwt=True)
    assert error_of(lambda: revoke(max_, member)) == (404, "session_not_found")


# --- Exchange ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ada_twice(admin: models.MemberRow, globex: models.OrganizationRow) -> models.MemberRow:
    models.MemberRow.objects.update(email_address_verified=True)
    return factories.member(globex, "ada@acme.example", password="another one entirely")


def test_a_session_is_exchanged(sdk: B2BClient, admin: models.MemberRow, ada_twice: models.MemberRow) -> None:
    started = sign_in(sdk, admin)

    for held in ({"session_token": started.session_token}, {"session_jwt": started.session_jwt}):
        exchanged = sdk.sessions.exchange("globex", session_duration_minutes=20, session_custom_claims={"a": 1}, **held)
        assert exchanged.member_authenticated
        assert exchanged.member_id == member_id(ada_twice)
        assert exchanged.member_session is not None
        assert (exchanged.member_session.organization_slug, exchanged.member_session.custom_claims) == (
            "globex",
            {"a": 1},
        )
        assert exchanged.intermediate_session_token == ""
        assert (
            sdk.sessions.authenticate(session_token=exchanged.session_token).organization.organization_slug == "globex"
        )


def test_where_another_way_in_is_asked_for_it_says_so(
    sdk: B2BClient, admin: models.MemberRow, ada_twice: models.MemberRow
) -> None:
    restricted = {"auth_methods": "RESTRICTED", "allowed_auth_methods": ["sso"]}
    models.OrganizationRow.objects.filter(slug="globex").update(settings=restricted)

    exchanged = sdk.sessions.exchange("globex", session_token=sign_in(sdk, admin).session_token)

    assert (exchanged.member_authenticated, exchanged.session_token, exchanged.session_jwt) == (False, "", "")
    assert exchanged.member_session is None
    assert exchanged.primary_required is not None
    assert exchanged.primary_required.allowed_auth_methods == ["sso"]
    assert exchanged.intermediate_session_token


def test_not_for_an_unverified_address_or_without_a_membership(
    sdk: B2BClient, admin: models.MemberRow, globex: models.OrganizationRow
) -> None:
    token = sign_in(sdk, admin).session_token
    assert error_of(lambda: sdk.sessions.exchange("globex", session_token=token)) == (
        403,
        "insufficient_factors_for_session_exchange",
    )
    models.MemberRow.objects.update(email_address_verified=True)
    assert error_of(lambda: sdk.sessions.exchange("globex", session_token=token)) == (
        404,
        "member_does_not_exist_in_organization",
    )
    assert error_of(lambda: sdk.sessions.exchange("nowhere", session_token=token)) == (404, "organization_not_found")


# --- In a browser -----------------------------------------------------------------------------------------------------------


def test_no_access_token_is_known(sdk: B2BClient, page_of: PageOf) -> None:
    exchange, path = sdk.sessions.exchange_access_token, "b2b/sessions/exchange_access_token"
    page = page_of(None)

    assert error_of(lambda: exchange(access_token="a-token")) == (404, "idp_access_token_not_found")
    assert page.post(path, {"access_token": "a-token"}).error_type == "idp_access_token_not_found"
    too_short = error_of(lambda: exchange(access_token="a-token", session_duration_minutes=4))
    assert too_short == (400, "invalid_session_duration_minutes")
    assert page.post(path, {}).error_type == "invalid_argument"


def test_a_page_authenticates_exchanges_and_revokes_its_own(
    page_of: PageOf, admin: models.MemberRow, ada_twice: models.MemberRow
) -> None:
    page = page_of(admin)

    answer = page.post("b2b/sessions/authenticate", {"session_duration_minutes": 10})
    assert answer.status == 200
    assert answer["session_token"] == page.password
    assert answer["member_session"]["roles"] == ["stytch_admin", "stytch_member"]
    exchanged = page.post("b2b/sessions/exchange", {"organization_id": "globex", "session_duration_minutes": 10})
    assert exchanged["member_session"]["organization_slug"] == "globex"
    assert page.post("b2b/sessions/revoke", b"").status == 200
    unauthenticated = page.post("b2b/sessions/authenticate", {})
    assert (unauthenticated.status, unauthenticated.error_type) == (404, "session_not_found")


def test_a_page_cannot_put_claims_into_its_session(page_of: PageOf, admin: models.MemberRow) -> None:
    """Products trust custom claims."""
    answer = page_of(admin).post("b2b/sessions/authenticate", {"session_custom_claims": {"plan": "gold"}})

    assert answer["member_session"]["custom_claims"] == {}


def test_a_page_without_a_session_gets_an_error(page_of: PageOf) -> None:
    answer = page_of(None).post("b2b/sessions/authenticate", {})

    assert (answer.status, answer.error_type) == (401, "user_unauthenticated")


def test_an_admin_ends_a_members_sessions_from_a_page(
    page_of: PageOf, admin: models.MemberRow, member: models.MemberRow, other_admin: models.MemberRow
) -> None:
    ada, max_, gil = page_of(admin), page_of(member), page_of(other_admin)
    path = "b2b/sessions/revoke/"

    rejected = max_.post(path + member_id(admin))
    assert (rejected.status, rejected.error_type) == (403, "session_authorization_error")
    assert gil.post(path + member_id(admin)).status == 404
    assert ada.post(path + member_id(member)).status == 200
    assert max_.post("b2b/sessions/authenticate", {}).error_type == "session_not_found"
    assert ada.post(path + member_id(admin)).status == 200
    assert ada.post("b2b/sessions/authenticate", {}).error_type == "session_not_found"


def test_a_product_s_member_who_may_not_end_their_own_sessions_is_not_asked(
    page_of: PageOf, member: models.MemberRow
) -> None:
    """Signing out needs no right; ending all of one's own sessions is stytch.self's."""
    page = page_of(member)

    assert page.post("b2b/sessions/revoke/" + member_id(member)).status == 200


# --- Verified by the SDK itself -----------------------------------------------------------------------------------------------


@pytest.fixture
def live(transactional_db: None, live_server: LiveServer, project: NewProjectSecret) -> B2BClient:
    return client_of(live_server, project)


def client_of(live_server: LiveServer, project: NewProjectSecret) -> B2BClient:
    return B2BClient(project.project_id, project.secret, environment=f"{live_server.url}/", suppress_warnings=True)


def test_the_sdk_verifies_a_jwt_by_itself(live: B2BClient, admin: models.MemberRow) -> None:
    started = sign_in(live, admin, session_custom_claims={"plan": "gold"}, session_duration_minutes=60)

    session = live.sessions.authenticate_jwt_local(started.session_jwt)

    assert session is not None
    assert session.member_session_id == started.member_session.member_session_id
    assert (session.member_id, session.organization_id) == (member_id(admin), org_id(admin.organization))
    assert (session.organization_slug, session.roles) == ("acme", ["stytch_admin", "stytch_member"])
    assert session.custom_claims == {"plan": "gold"}
    assert [factor.type.value for factor in session.authentication_factors] == ["password"]
    assert live.sessions.authenticate_jwt(started.session_jwt).member_session.member_id == member_id(admin)


def test_it_falls_back_to_us_for_one_that_is_too_old(live: B2BClient, admin: models.MemberRow) -> None:
    started = sign_in(live, admin)

    assert live.sessions.authenticate_jwt_local(started.session_jwt, max_token_age_seconds=0) is None
    answer = live.sessions.authenticate_jwt(started.session_jwt, max_token_age_seconds=0)

    assert answer.member_session.member_session_id == started.member_session.member_session_id


def test_it_decides_by_our_policy_without_asking(
    live: B2BClient, admin: models.MemberRow, member: models.MemberRow
) -> None:
    ada, max_ = sign_in(live, admin).session_jwt, sign_in(live, member).session_jwt
    may = AuthorizationCheck(organization_id=org_id(admin.organization), resource_id="stytch.scim", action="get")
    elsewhere = AuthorizationCheck(organization_id="organization-live-1", resource_id="stytch.scim", action="get")

    assert live.sessions.authenticate_jwt_local(ada, authorization_check=may)
    with pytest.raises(RBACPermissionError):
        live.sessions.authenticate_jwt_local(max_, authorization_check=may)
    with pytest.raises(TenancyError):
        live.sessions.authenticate_jwt_local(ada, authorization_check=elsewhere)


def test_the_organizations_own_roles_count_there_and_here(
    live: B2BClient, admin: models.MemberRow, member: models.MemberRow
) -> None:
    role = {
        "role_id": "scim_reader",
        "description": "Reads",
        "permissions": [{"resource_id": "stytch.scim", "actions": ["get"]}],
    }
    live.rbac.organizations.set_org_policy("acme", org_policy={"roles": [role]})
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["scim_reader"])
    may = AuthorizationCheck(organization_id=org_id(admin.organization), resource_id="stytch.scim", action="get")
    started = sign_in(live, member)

    assert live.sessions.authenticate_jwt_local(started.session_jwt, authorization_check=may)
    here = live.sessions.authenticate(session_token=started.session_token, authorization_check=may)
    assert here.verdict is not None
    assert here.verdict.granting_roles == ["scim_reader"]


def test_the_keys_are_there_for_anyone_who_asks(
    live: B2BClient, live_server: LiveServer, project: NewProjectSecret
) -> None:
    (key,) = live.sessions.get_jwks(project.project_id).keys
    assert (key.kty, key.use, key.alg, key.key_ops) == ("RSA", "sig", "RS256", ["verify"])

    with urllib.request.urlopen(f"{live_server.url}/v1/b2b/sessions/jwks/{project.project_id}") as answer:  # noqa: S310 -- our own address
        assert json.load(answer)["keys"][0]["kid"] == key.kid
    assert error_of(lambda: live.sessions.get_jwks("project-live-1")) == (404, "project_not_found")


def test_the_asynchronous_sdk_does_the_same(
    live_server: LiveServer,
    transactional_db: None,
    project: NewProjectSecret,
    admin: models.MemberRow,
    ada_twice: models.MemberRow,
) -> None:
    async def calls() -> None:
        sdk = client_of(live_server, project)
        sessions = sdk.sessions
        started = await sdk.passwords.authenticate_async("acme", email_address="ada@acme.example", password=PASSWORD)
        assert await sessions.authenticate_jwt_local_async(started.session_jwt)
        held = await sessions.authenticate_async(session_token=started.session_token, authorization_check=MAY)
        assert held.verdict is not None
        assert (await sessions.exchange_async("globex", session_token=started.session_token)).member_authenticated
        assert len((await sessions.get_async("acme", member_id=member_id(admin))).member_sessions) == 1
        assert (await sessions.get_jwks_async(project.project_id)).keys
        await sessions.revoke_async(session_token=started.session_token)
        with pytest.raises(StytchError) as rejected:
            await sessions.authenticate_async(session_token=started.session_token)
        assert rejected.value.details.error_type == "session_not_found"

    in_a_loop(calls())


def test_no_page_of_another_origin_reads_a_response(page_of: PageOf, admin: models.MemberRow) -> None:
    page = page_of(admin)

    assert page.post("b2b/sessions/authenticate", {}).headers["Access-Control-Allow-Origin"] == PAGE
    foreign = page.post("b2b/sessions/authenticate", {}, Origin="https://evil.example")
    assert (foreign.status, foreign.error_type) == (403, "bad_domain_for_stytch_sdk")
    assert "Access-Control-Allow-Origin" not in foreign.headers
