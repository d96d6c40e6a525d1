"""Stytch's methods of members, called by its own SDK."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from stytch import B2BClient
from stytch.b2b.models.organizations import Member as SdkMember
from stytch.b2b.models.organizations import SearchQuery, SearchQueryOperator
from stytch.b2b.models.organizations_members import UpdateRequestOptions
from stytch.core.response_base import StytchError
from stytch.shared.method_options import Authorization

from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.project_secrets import NewProjectSecret
from tests import factories
from tests.api.conftest import Caller, in_a_loop

PageOf = Callable[[models.MemberRow | None], Caller]


def error_of(call: Callable[[], object]) -> tuple[int, str | None]:
    with pytest.raises(StytchError) as caught:
        call()
    return caught.value.details.status_code, caught.value.details.error_type


def name(member: models.MemberRow) -> str:
    return public_id("member", member.pk)


def on_behalf_of(member: models.MemberRow) -> dict[str, str]:
    return {"X-Stytch-Member-Session": factories.product_session_token(member)}


def query(*operands: dict[str, Any]) -> SearchQuery:
    return SearchQuery(operator=SearchQueryOperator.AND, operands=list(operands))


def test_on_behalf_of_a_member_others_are_returned_only_to_those_who_may_search(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow
) -> None:
    def status(caller: models.MemberRow, query: str) -> int:
        return backend.get(f"organizations/acme/member?{query}", **on_behalf_of(caller)).status

    own, others = ("member_id=" + name(member), "email_address=MAX@acme.example"), "email_address=ada@acme.example"
    assert [status(member, one) for one in own] == [200, 200]
    assert [status(member, one) for one in (others, "member_id=" + name(admin), "member_id=x")] == [403, 403, 403]
    assert status(admin, own[1]) == 200


def test_a_member_lives_from_creation_to_reactivation(sdk: B2BClient, admin: models.MemberRow) -> None:
    members = sdk.organizations.members
    created = members.create(
        "acme",
        "Eve+x@Acme.example",
        name="Eve",
        roles=["stytch_admin"],
        external_id="crm|7",
        mfa_phone_number="+12025550123",
        trusted_metadata={"plan": "gold"},
        untrusted_metadata={"theme": "dark"},
    )
    assert (created.member.status, created.member.is_admin, created.member.external_id) == ("active", True, "crm|7")
    assert created.organization.organization_slug == "acme"

    for found in (
        members.get("acme", member_id=created.member_id),
        members.get("acme", member_id="crm|7"),
        members.get("acme", email_address="eve+x@acme.example"),
        members.dangerously_get(created.member_id),
    ):
        assert found.member == created.member
    changed = members.update(
        "acme",
        "crm|7",
        name="Eva",
        email_address="eva@acme.example",
        roles=[],
        is_breakglass=True,
        mfa_enrolled=True,
        default_mfa_method="sms_otp",
        untrusted_metadata={"theme": None},
    ).member
    assert (changed.name, changed.email_address, changed.is_admin) == ("Eva", "eva@acme.example", False)
    assert (changed.is_breakglass, changed.mfa_enrolled, changed.default_mfa_method) == (True, True, "sms_otp")
    assert (changed.untrusted_metadata, changed.trusted_metadata) == ({}, {"plan": "gold"})
    (retired,) = changed.retired_email_addresses
    assert retired.email_address == "Eve+x@Acme.example"
    unlinked = members.unlink_retired_email("acme", created.member_id, email_id=retired.email_id)
    assert unlinked.member.retired_email_addresses == []
    assert members.delete_mfa_phone_number("acme", created.member_id).member.mfa_phone_number == ""
    assert members.delete_external_id("acme", created.member_id).member.external_id is None

    assert members.delete("acme", created.member_id).member_id == created.member_id
    assert error_of(lambda: members.get("acme", member_id=created.member_id)) == (404, "member_not_found")
    assert error_of(lambda: members.dangerously_get(created.member_id)) == (404, "member_not_found")
    assert members.dangerously_get(created.member_id, include_deleted=True).member.status == "deleted"
    assert error_of(lambda: members.reactivate("acme", created.member_id)) == (400, "email_unverified_for_reactivation")
    models.MemberRow.objects.update(email_address_verified=True)
    assert members.reactivate("acme", created.member_id).member.status == "active"


def test_a_response_has_every_field_that_stytchs_has(backend: Caller, admin: models.MemberRow) -> None:
    fields = backend.get(f"organizations/acme/member?member_id={name(admin)}")["member"]

    locks = {"lock_created_at", "lock_expires_at"}  # of a locked member alone
    assert fields.keys() >= SdkMember.model_fields.keys() - locks
    assert fields["member_password_id"].startswith("member-password-live-")


def test_scim_attributes_have_stytchs_format(
    sdk: B2BClient, acme: models.OrganizationRow, connection: models.ScimConnectionRow
) -> None:
    user = factories.provisioned(connection, "pia@acme.example")
    user.external_id = "00u1"
    user.document = {
        "userName": "pia@acme.example",
        "active": True,
        "title": 7,
        "name": {"givenName": "Pia", "familyName": "Lind"},
        "emails": [{"value": "pia@acme.example", "type": "work", "primary": True}, "odd"],
        "addresses": [{"streetAddress": "1 Road", "country": "SE"}],
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "Sales",
            "manager": {"value": "1", "$ref": "../Users/1", "displayName": "Max"},
        },
    }
    user.save()
    factories.put_in_group(factories.scim_group(connection, "Sales"), [user])

    registration = sdk.organizations.members.get("acme", email_address="pia@acme.example").member.scim_registration

    assert registration is not None
    attributes = registration.scim_attributes
    assert attributes is not None
    assert (registration.external_id, attributes.user_name, attributes.title) == ("00u1", "pia@acme.example", "7")
    assert attributes.name is not None
    assert attributes.name.given_name == "Pia"
    assert [(one.value, one.type, one.primary) for one in attributes.emails] == [("pia@acme.example", "work", True)]
    assert attributes.addresses[0].street_address == "1 Road"
    assert attributes.enterprise_extension is not None
    assert attributes.enterprise_extension.manager is not None
    assert attributes.enterprise_extension.manager.display_name == "Max"
    assert [one.display for one in attributes.groups] == ["Sales"]


def test_members_are_searched_in_several_organizations(
    sdk: B2BClient, admin: models.MemberRow, member: models.MemberRow, other_admin: models.MemberRow
) -> None:
    members = sdk.organizations.members
    seen, cursor = [], ""
    while True:
        page = members.search(["acme", "globex"], cursor=cursor, limit=2)
        assert page.results_metadata.total == 3
        assert {one.organization_id for one in page.members} == page.organizations.keys()
        seen += [one.email_address for one in page.members]
        cursor = page.results_metadata.next_cursor or ""
        if not cursor:
            break
    assert sorted(seen) == ["ada@acme.example", "gil@globex.example", "max@acme.example"]

    operand = {"filter_name": "member_roles", "filter_value": ["stytch_admin"]}
    found = members.search(["acme"], query=query(operand, {"filter_name": "statuses", "filter_value": ["active"]}))
    assert [one.email_address for one in found.members] == ["ada@acme.example"]
    assert error_of(lambda: members.search([])) == (400, "member_search_organization_ids_empty")
    assert error_of(lambda: members.search(["acme", "none"])) == (404, "organization_not_found")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"email_address": "nobody"}, "invalid_email"),
        ({"email_address": "ADA@acme.example"}, "duplicate_member_email"),
        ({"roles": ["pope"]}, "invalid_role"),
        ({"mfa_phone_number": "123"}, "invalid_phone_number"),
        ({"untrusted_metadata": {"x": "x" * 4096}}, "metadata_too_large"),
        ({"is_breakglass": "yes"}, "invalid_argument"),
        ({"roles": "stytch_admin"}, "invalid_argument"),
        ({"email_address": None}, "invalid_email"),
    ],
)
def test_what_breaks_a_rule_says_so_by_stytchs_name(
    backend: Caller, admin: models.MemberRow, given: dict[str, Any], expected: str
) -> None:
    answer = backend.post("organizations/acme/members", {"email_address": "eve@acme.example", **given})

    assert (answer.status, answer.error_type) == (400, expected)
    assert models.MemberRow.objects.count() == 1


@pytest.mark.parametrize("asked", ["", "?member_id=x&email_address=y@acme.example"])
def test_a_member_is_named_once(backend: Caller, admin: models.MemberRow, asked: str) -> None:
    assert backend.get(f"organizations/acme/member{asked}").error_type == "invalid_member_get_fields"


def test_another_organizations_member_is_unknown(
    sdk: B2BClient, acme: models.OrganizationRow, other_admin: models.MemberRow
) -> None:
    members, theirs = sdk.organizations.members, name(other_admin)
    for call in (
        lambda: members.get("acme", member_id=theirs),
        lambda: members.get("acme", email_address=other_admin.email_address),
        lambda: members.update("acme", theirs, name="x"),
        lambda: members.delete("acme", theirs),
        lambda: members.delete_totp("acme", theirs),
        lambda: members.delete_external_id("acme", theirs),
    ):
        assert error_of(call) == (404, "member_not_found")
    password_id = public_id("member-password", other_admin.pk)
    assert error_of(lambda: members.delete_password("acme", password_id)) == (404, "member_password_not_found")
    not_deleted = error_of(lambda: members.reactivate("acme", theirs))
    assert not_deleted == (404, "no_deleted_member_found_for_reactivation")


def test_the_last_admin_stays(sdk: B2BClient, admin: models.MemberRow) -> None:
    members = sdk.organizations.members

    assert error_of(lambda: members.delete("acme", name(admin))) == (400, "organization_needs_admin")
    assert error_of(lambda: members.update("acme", name(admin), roles=[])) == (400, "organization_needs_admin")


def test_each_field_needs_its_right_on_behalf_of_a_member(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow
) -> None:
    mine, theirs = f"organizations/acme/members/{name(member)}", f"organizations/acme/members/{name(admin)}"
    as_member, as_admin = on_behalf_of(member), on_behalf_of(admin)

    assert backend.put(mine, {"name": "Maxi", "mfa_enrolled": True}, **as_member)["member"]["name"] == "Maxi"
    rejected: list[dict[str, Any]] = [
        *({"roles": ["stytch_admin"]}, {"is_breakglass": True}, {"trusted_metadata": {}}, {"external_id": "x"})
    ]
    for body in rejected:
        answer = backend.put(mine, body, **as_member)
        assert (answer.status, answer.error_type) == (403, "session_authorization_error")
    assert backend.put(theirs, {"name": "x"}, **as_member).error_type == "session_authorization_error"
    assert backend.put(mine, {"roles": ["stytch_admin"]}, **as_admin)["member"]["is_admin"] is True
    assert backend.put(mine, {"trusted_metadata": {}}, **as_admin).error_type == "session_authorization_error"
    own = backend.put(theirs, {"email_address": "new@acme.example"}, **as_admin)
    assert own.error_type == "member_cannot_update_their_email_address"
    assert backend.put(mine, {"email_address": "new@acme.example"}, **as_admin).status == 200


def test_the_sdk_acts_on_behalf_of_a_member_with_its_own_option(sdk: B2BClient, member: models.MemberRow) -> None:
    authorization = Authorization(session_token=factories.product_session_token(member))
    update = partial(
        sdk.organizations.members.update,
        "acme",
        name(member),
        method_options=UpdateRequestOptions(authorization=authorization),
    )

    assert update(name="Maxi").member.name == "Maxi"
    assert error_of(partial(update, roles=["stytch_admin"])) == (403, "session_authorization_error")
    assert error_of(partial(update, trusted_metadata={"a": 1})) == (403, "session_authorization_error")


def test_a_session_of_one_organization_reaches_no_other(
    backend: Caller, admin: models.MemberRow, other_admin: models.MemberRow
) -> None:
    headers, theirs = on_behalf_of(admin), name(other_admin)
    tenancy = (403, "session_authorization_tenancy_error")
    for answer in (
        backend.get(f"organizations/globex/member?member_id={theirs}", **headers),
        backend.put(f"organizations/globex/members/{theirs}", {"name": "x"}, **headers),
        backend.post("organizations/members/search", {"organization_ids": ["globex"]}, **headers),
        backend.post("organizations/members/search", {"organization_ids": ["acme", "globex"]}, **headers),
    ):
        assert (answer.status, answer.error_type) == tenancy
    assert backend.get(f"organizations/members/dangerously_get/{theirs}", **headers).status == 403
    found = backend.post("organizations/members/search", {"organization_ids": ["acme"]}, **headers)
    assert [one["member_id"] for one in found["members"]] == [name(admin)]


def test_a_member_without_the_right_searches_nobody(
    backend: Caller, admin: models.MemberRow, member: models.MemberRow
) -> None:
    body = {"organization_ids": ["acme"]}

    answer = backend.post("organizations/members/search", body, **on_behalf_of(member))

    assert (answer.status, answer.error_type) == (403, "session_authorization_error")


# --- In browsers -------------------------------------------------------------------------------------------------------


def test_anyone_who_is_signed_in_manages_their_own_account(
    page_of: PageOf, admin: models.MemberRow, member: models.MemberRow
) -> None:
    models.MemberRow.objects.filter(pk=member.pk).update(mfa_phone_number="+12025550123")
    page = page_of(member)

    me = page.get("b2b/organizations/members/me")
    assert (me["member_id"], me["organization"]["organization_slug"]) == (name(member), "acme")
    assert page.put("b2b/organizations/members/update", {"name": "Maxi"})["member"]["name"] == "Maxi"
    assert page.put("b2b/organizations/members/update", {"roles": ["stytch_admin"]}).status == 403
    assert page.put("b2b/organizations/members/update", {"trusted_metadata": {"a": 1}}).status == 403
    assert page.delete("b2b/organizations/members/deletePhoneNumber")["member"]["mfa_phone_number"] == ""
    assert page.delete("b2b/organizations/members/deleteTOTP").error_type == "totp_not_found"
    theirs = public_id("member-password", admin.pk)
    assert page.delete(f"b2b/organizations/members/passwords/{theirs}").status == 403
    password_id = me["member"]["member_password_id"]
    assert page.delete(f"b2b/organizations/members/passwords/{password_id}")["member"]["member_password_id"] == ""
    assert page.delete(f"b2b/organizations/members/{name(admin)}").status == 403
    assert page.post("b2b/organizations/members", {"email_address": "eve@acme.example"}).status == 403
    assert page.delete(f"b2b/organizations/members/{name(member)}")["member_id"] == name(member)
    assert page.get("b2b/organizations/members/me").error_type == "session_not_found"


def test_admins_manage_members_from_a_page(
    page_of: PageOf, admin: models.MemberRow, other_admin: models.MemberRow
) -> None:
    page = page_of(admin)
    created = page.post(
        "b2b/organizations/members",
        {"email_address": "eve@acme.example", "roles": [], "is_breakglass": False, "create_member_as_pending": False},
    )
    eve = created["member_id"]

    changed = page.put(f"b2b/organizations/members/{eve}", {"member_id": eve, "roles": ["stytch_admin"]})
    assert changed["member"]["is_admin"] is True
    operands = [{"filter_name": "statuses", "filter_value": ["active", "invited", "pending"]}]
    found = page.post(
        "b2b/organizations/me/members/search",
        {"limit": 15, "query": {"operator": "AND", "operands": operands}, "organization_ids": ["globex"]},
    )
    assert [one["email_address"] for one in found["members"]] == ["ada@acme.example", "eve@acme.example"]
    assert found["results_metadata"] == {"total": 2, "next_cursor": None}
    assert list(found["organizations"]) == [public_id("organization", admin.organization_id)]
    models.MemberRow.objects.update(email_address_verified=True)
    assert page.delete(f"b2b/organizations/members/{eve}").status == 200
    assert page.put(f"b2b/organizations/members/{eve}/reactivate")["member"]["roles"][0]["role_id"] == "stytch_member"
    assert page.put(f"b2b/organizations/members/{name(other_admin)}", {"name": "x"}).error_type == "member_not_found"


# --- The SDK that waits for nothing ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_asynchronous_sdk_reads_the_same_responses(live_server: Any, project: NewProjectSecret) -> None:
    factories.organization("acme")

    async def calls() -> tuple[str, int]:
        client = B2BClient(
            project.project_id, project.secret, environment=live_server.url + "/", suppress_warnings=True
        )
        created = await client.organizations.members.create_async("acme", "eve@acme.example")
        found = await client.organizations.members.search_async(["acme"])
        return created.member_id, found.results_metadata.total

    member_id, total = in_a_loop(calls())

    assert total == 1
    assert models.MemberRow.objects.get().pk.hex == member_id.removeprefix("member-live-").replace("-", "")


def test_the_operands_of_a_search_have_a_limited_number_of_values_together(
    backend: Caller, acme: models.OrganizationRow
) -> None:
    operand = {"filter_name": "member_roles", "filter_value": [f"role{n}" for n in range(400)]}

    def search(operands: int) -> Any:
        body = {"organization_ids": ["acme"], "query": {"operator": "AND", "operands": [operand] * operands}}
        return backend.post("organizations/members/search", body)

    assert search(5).status == 200
    assert search(6).status == 400


# --- Before anyone signs in --------------------------------------------------------------------------------------------


def ask(page: Caller, email_address: str, organization_id: str = "acme") -> Any:
    body = {"email_address": email_address, "organization_id": organization_id}
    return page.post("b2b/organizations/members/search", body)


def test_a_page_learns_whether_an_address_is_a_members_and_nothing_else(
    page_of: PageOf, admin: models.MemberRow
) -> None:
    page = page_of(None)

    assert ask(page, "Ada@Acme.example")["member"] == {"status": "active", "name": "", "member_password_id": ""}
    assert ask(page, "eve@acme.example")["member"] is None


def test_a_page_learns_nothing_of_other_organizations_and_former_members(
    page_of: PageOf, admin: models.MemberRow, other_admin: models.MemberRow
) -> None:
    page = page_of(None)
    models.MemberRow.objects.filter(pk=admin.pk).update(status="deleted")

    assert ask(page, "gil@globex.example")["member"] is None
    assert ask(page, "ada@acme.example")["member"] is None
    assert ask(page, "ada@acme.example", "none").error_type == "organization_not_found"


def test_asking_for_members_is_counted_by_ip_address(page_of: PageOf, admin: models.MemberRow, settings: Any) -> None:
    settings.SIGN_IN_RATE_PER_ADDRESS = "2 per minute"
    page = page_of(None)
    assert [ask(page, f"user{n}@acme.example").status for n in range(2)] == [200, 200]

    answer = ask(page, "ada@acme.example")

    assert (answer.status, answer.error_type) == (429, "too_many_requests")
    assert answer.headers["Retry-After"] == "60"
