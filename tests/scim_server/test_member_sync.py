"""What provisioning does to members: people who are pushed sign in as members, and people who are removed lose access at once."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

EMAIL = "grace@acme.example"
GRACE: dict[str, Any] = {
    "userName": "grace",
    "name": {"givenName": "Grace", "familyName": "Hopper"},
    "emails": [{"value": "g@home.example", "type": "home"}, {"value": EMAIL, "type": "work", "primary": True}],
}
ACTIVATE = {"op": "replace", "path": "active", "value": True}
DEACTIVATE = {"op": "replace", "value": {"active": False}}


@pytest.fixture
def grace(idp: Idp) -> str:
    return str(idp.send("POST", "/Users", GRACE).json()["id"])


def member_of(user: str) -> models.MemberRow:
    member = models.ScimUserRow.objects.get(pk=user.removeprefix("scim-user-live-")).member
    assert member
    return member


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/o/acme/").status_code == 200)


def actions() -> list[str]:
    entries = models.ActivityEntryRow.objects.filter(action__startswith="member.").order_by("id")
    return list(entries.values_list("action", flat=True))


def test_a_user_becomes_a_member_of_this_organization_only(idp: Idp, grace: str) -> None:
    member = models.MemberRow.objects.get()

    assert (member.email_address, member.name, member.status) == (EMAIL, "Grace Hopper", MemberStatus.ACTIVE)
    assert member.organization == idp.connection.organization
    assert actions() == ["member.create"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"userName": "Ada@acme.example"}, "Ada@acme.example"),
        ({"userName": "ada", "emails": [{"value": "a@b.example"}]}, "a@b.example"),
        (
            {"userName": "ada", "emails": [{"value": "h@b.example"}, {"value": "w@b.example", "type": "Work"}]},
            "w@b.example",
        ),
        ({"userName": "ada@b.example", "emails": [{"value": "no address"}]}, "ada@b.example"),
    ],
)
def test_the_address_is_the_primary_or_the_work_one_or_the_user_name(
    idp: Idp, document: dict[str, Any], expected: str
) -> None:
    user = idp.send("POST", "/Users", document).json()["id"]

    assert member_of(user).email_address == expected


def test_a_user_without_an_address_becomes_a_member_when_they_get_one(idp: Idp) -> None:
    user = idp.create_user("grace")
    assert not models.MemberRow.objects.exists()

    idp.patch(f"/Users/{user}", {"op": "add", "path": "emails", "value": [{"value": EMAIL}]})
    assert member_of(user).email_address == EMAIL


def test_the_member_follows_the_user(idp: Idp, grace: str) -> None:
    idp.patch(
        f"/Users/{grace}",
        {"op": "replace", "value": {"displayName": "Amazing Grace", "emails": [{"value": "new@acme.example"}]}},
    )

    assert (member_of(grace).name, member_of(grace).email_address) == ("Amazing Grace", "new@acme.example")
    assert actions() == ["member.create", "member.update"]


@pytest.mark.parametrize("way", ["patch", "put", "delete"])
def test_a_deactivated_user_loses_sessions_and_roles_immediately(idp: Idp, grace: str, way: str) -> None:
    member = member_of(grace)
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["other_role"])
    client = factories.signed_in(member)
    assert is_signed_in(client)

    match way:
        case "patch":
            idp.patch(f"/Users/{grace}", DEACTIVATE)
        case "put":
            idp.send("PUT", f"/Users/{grace}", {**GRACE, "active": False})
        case _:
            idp.send("DELETE", f"/Users/{grace}")

    assert not is_signed_in(client)
    member.refresh_from_db()
    assert (member.status, member.direct_roles) == (MemberStatus.DELETED, [])
    assert not models.MemberSessionRow.objects.filter(revoked_at=None).exists()
    assert actions()[-1] == "member.deactivate"
    # The address is free again.
    assert way != "delete" or idp.send("POST", "/Users", GRACE).status_code == 201


def test_a_reactivated_user_has_the_roles_of_groups_and_no_manually_assigned_ones(idp: Idp, grace: str) -> None:
    member = member_of(grace)
    models.MemberRow.objects.filter(pk=member.pk).update(direct_roles=["stytch_admin"])
    factories.member(idp.connection.organization, "root@acme.example", roles=["stytch_admin"])
    group = idp.create_group("Viewers", [grace])
    grant(group, "stytch_admin")

    idp.patch(f"/Users/{grace}", DEACTIVATE)
    idp.patch(f"/Users/{grace}", ACTIVATE)

    member.refresh_from_db()
    assert (member.status, member.direct_roles) == (MemberStatus.ACTIVE, [])
    client = factories.signed_in(member)
    assert client.get("/o/acme/scim/").status_code == 200
    idp.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{grace}"]'})
    assert client.get("/o/acme/scim/").status_code == 403


def grant(group: str, role_id: str) -> None:
    row = models.ScimGroupRow.objects.get(pk=group.removeprefix("scim-group-live-"))
    factories.group_role(row, role_id)


def test_a_role_applies_to_nested_groups_even_in_a_cycle(idp: Idp, grace: str) -> None:
    inner = idp.create_group("Inner", [grace])
    outer = idp.create_group("Outer", [inner])
    idp.patch(f"/Groups/{inner}", {"op": "add", "path": "members", "value": [{"value": outer}]})
    client = factories.signed_in(member_of(grace))
    assert client.get("/o/acme/scim/").status_code == 403

    grant(outer, "stytch_admin")

    assert client.get("/o/acme/scim/").status_code == 200
    models.ScimConnectionRow.objects.update(status="deleted")
    assert client.get("/o/acme/scim/").status_code == 403


def test_an_existing_member_is_not_linked(idp: Idp) -> None:
    organization = idp.connection.organization
    before = factories.member(organization, EMAIL.upper(), roles=["stytch_admin"], name="Root")

    for _ in range(2):
        detail = error_of(idp.send("POST", "/Users", GRACE), 409, "uniqueness")
        assert EMAIL.upper() in detail

    assert not models.ScimUserRow.objects.exists()
    conflict = models.ScimConflictRow.objects.get()
    assert (conflict.member, conflict.user_name) == (before, "grace")
    before.refresh_from_db()
    assert before.name == "Root"


@pytest.mark.parametrize("way", ["domain", "approval"])
def test_a_member_is_linked_where_that_is_allowed(idp: Idp, way: str) -> None:
    organization = idp.connection.organization
    before = factories.member(organization, EMAIL, roles=["stytch_admin"])
    if way == "domain":
        models.OrganizationRow.objects.update(email_allowed_domains=["ACME.example"])
    else:
        approve = ("approvescimconflict", "--organization", "acme", "--email", EMAIL.upper(), "--json")
        with pytest.raises(CommandError, match="--email"):
            call_command(*approve)
        idp.send("POST", "/Users", GRACE)
        call_command(*approve)

    user = idp.send("POST", "/Users", GRACE)

    assert user.status_code == 201
    before.refresh_from_db()
    assert member_of(user.json()["id"]) == before
    assert (before.name, before.direct_roles) == ("Grace Hopper", ["stytch_admin"])
    assert not models.ScimConflictRow.objects.exists()
    # An address outside of the allowed domains is kept as the person's, and not taken as the member's.
    idp.patch(
        f"/Users/{user.json()['id']}", {"op": "replace", "path": "emails", "value": [{"value": "x@evil.example"}]}
    )
    before.refresh_from_db()
    assert before.email_address == EMAIL


def test_two_users_cannot_be_one_member(idp: Idp, grace: str) -> None:
    models.OrganizationRow.objects.update(email_allowed_domains=["acme.example"])

    other = idp.create_user("other@acme.example")
    taken = {"op": "replace", "path": "emails", "value": [{"value": EMAIL}]}
    # A signed-in member must not keep access through an address that the identity provider took away.
    assert idp.patch(f"/Users/{other}", taken).status_code == 200
    assert member_of(other).status == MemberStatus.DELETED
    assert member_of(grace).email_address == EMAIL


def test_a_user_with_a_taken_address_becomes_a_member_once_it_is_free(idp: Idp, grace: str) -> None:
    shared = idp.send("POST", "/Users", {**GRACE, "userName": "other"})

    assert shared.status_code == 201
    second = shared.json()["id"]
    assert models.ScimUserRow.objects.get(user_name="other").member is None
    assert member_of(grace).email_address == EMAIL
    assert models.MemberRow.objects.filter(email_address=EMAIL).count() == 1
    assert not models.ScimConflictRow.objects.exists()

    idp.patch(f"/Users/{second}", {"op": "replace", "path": "title", "value": "Admiral"})
    assert models.ScimUserRow.objects.get(user_name="other").member is None

    idp.send("DELETE", f"/Users/{grace}")
    idp.patch(f"/Users/{second}", {"op": "replace", "path": "title", "value": "Rear Admiral"})
    assert member_of(second).email_address == EMAIL


def test_a_member_of_another_organization_is_not_a_conflict_and_stays_unchanged(
    idp: Idp, globex: models.OrganizationRow
) -> None:
    theirs = factories.member(globex, EMAIL, name="Theirs")

    user = idp.send("POST", "/Users", GRACE)
    idp.send("DELETE", f"/Users/{user.json()['id']}")

    theirs.refresh_from_db()
    assert (theirs.name, theirs.status) == ("Theirs", MemberStatus.ACTIVE)


@pytest.mark.parametrize("way", ["patch", "delete"])
def test_the_last_admin_stays(idp: Idp, grace: str, way: str) -> None:
    models.MemberRow.objects.update(direct_roles=["stytch_admin"])
    factories.member(idp.connection.organization, "max@acme.example")
    client = factories.signed_in(member_of(grace))

    answer = idp.patch(f"/Users/{grace}", DEACTIVATE) if way == "patch" else idp.send("DELETE", f"/Users/{grace}")

    assert EMAIL in error_of(answer, 409)
    assert is_signed_in(client)
    assert idp.get(f"/Users/{grace}").json()["active"] is True
    idp.connection.refresh_from_db()
    assert "last admin" in idp.connection.attention
    assert idp.connection.attention_at

    for page in ("/o/acme/", "/o/acme/scim/"):
        assert "is the last admin of the organization" in client.get(page).content.decode()

    root = factories.member(idp.connection.organization, "root@acme.example", roles=["stytch_admin"])
    assert idp.patch(f"/Users/{grace}", DEACTIVATE).status_code == 200
    assert "last admin" not in factories.signed_in(root).get("/o/acme/scim/").content.decode()


def test_a_member_deleted_by_the_product_returns_when_the_identity_provider_changes_them(idp: Idp, grace: str) -> None:
    directory = EmbeddedProject(Origin()).open("acme", Actor(ActorType.PROJECT))
    directory.members.delete(public_id("member", member_of(grace).pk))
    assert idp.get(f"/Users/{grace}").json()["active"] is True
    assert idp.patch(f"/Users/{grace}", ACTIVATE).status_code == 200
    assert member_of(grace).status == MemberStatus.DELETED

    title = {"op": "replace", "path": "title", "value": "Rear Admiral"}
    assert idp.patch(f"/Users/{grace}", title).status_code == 200

    assert member_of(grace).status == MemberStatus.ACTIVE


def test_the_last_admin_by_the_domain_of_the_address_stays(idp: Idp, grace: str) -> None:
    organization = idp.connection.organization
    factories.role_by_domain(organization, EMAIL.partition("@")[2], "stytch_admin")
    moved = {"op": "replace", "path": "userName", "value": "grace@elsewhere.example"}
    elsewhere = {"op": "replace", "path": "emails", "value": [{"value": "grace@elsewhere.example", "primary": True}]}

    for answer in (idp.patch(f"/Users/{grace}", DEACTIVATE), idp.patch(f"/Users/{grace}", moved, elsewhere)):
        assert "last admin" in error_of(answer, 409)
    assert member_of(grace).email_address == EMAIL

    factories.member(organization, "root@elsewhere.example", roles=["stytch_admin"])
    assert idp.patch(f"/Users/{grace}", moved, elsewhere).status_code == 200
    assert idp.patch(f"/Users/{grace}", DEACTIVATE).status_code == 200


def test_the_last_admins_group_stays(idp: Idp, grace: str) -> None:
    inner = idp.create_group("Inner", [grace])
    outer = idp.create_group("Admins", [inner])
    grant(outer, "stytch_admin")

    for answer in (
        idp.patch(f"/Groups/{inner}", {"op": "remove", "path": "members"}),
        idp.send("PUT", f"/Groups/{inner}", {"displayName": "Inner", "members": []}),
        idp.send("DELETE", f"/Groups/{inner}"),
        idp.patch(f"/Groups/{outer}", {"op": "remove", "path": "members"}),
        idp.send("DELETE", f"/Groups/{outer}"),
        idp.patch(f"/Users/{grace}", DEACTIVATE),
    ):
        assert "admin" in error_of(answer, 409)
    assert idp.members(inner) == {grace}
    assert idp.members(outer) == {inner}

    idp.create_user("heir@acme.example")
    heir = idp.get("/Users", filter='userName eq "heir@acme.example"').json()["Resources"][0]["id"]
    idp.patch(f"/Groups/{outer}", {"op": "add", "path": "members", "value": [{"value": heir}]})
    assert idp.send("DELETE", f"/Groups/{inner}").status_code == 204


def test_a_bulk_request_has_the_same_effects(idp: Idp) -> None:
    factories.member(idp.connection.organization, "taken@acme.example")
    users = [{"userName": f"{name}@acme.example"} for name in ("a", "taken", "b")]
    operations = [{"method": "POST", "path": "/Users", "bulkId": str(n), "data": one} for n, one in enumerate(users)]

    answer = idp.send(
        "POST",
        "/Bulk",
        {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations},
    )

    assert [one["status"] for one in answer.json()["Operations"]] == ["201", "409", "201"]
    assert models.MemberRow.objects.exclude(scim_user=None).count() == 2
    assert models.ScimConflictRow.objects.count() == 1


def test_an_address_that_the_identity_provider_changes_is_no_longer_verified(idp: Idp, grace: str) -> None:
    """Otherwise it could give its own member anyone's address, and exchange their session for another organization's."""
    models.MemberRow.objects.update(email_address_verified=True)

    idp.patch(f"/Users/{grace}", {"op": "replace", "path": "name.givenName", "value": "Amazing Grace"})
    assert member_of(grace).email_address_verified

    idp.patch(f"/Users/{grace}", {"op": "replace", "path": "emails", "value": [{"value": "eve@other.example"}]})
    assert not member_of(grace).email_address_verified
