"""A connection made after another one was deleted: whom it takes over, and by which rule."""

import pytest

from portal.directory.embedded import models
from portal.directory.types import MemberStatus, ScimConnectionStatus
from tests import factories
from tests.provisioning.conftest import Idp
from tests.provisioning.test_edge import error_of


@pytest.fixture
def former(idp: Idp) -> Idp:
    """Ada was provisioned by a connection that is deleted since."""
    idp.create_user("ada@acme.test", displayName="Ada")
    models.ScimConnection.objects.update(status=ScimConnectionStatus.DELETED)
    return idp


@pytest.fixture
def later(former: Idp, acme: models.Organization) -> Idp:
    token = "scim_token-of-later"
    return Idp(factories.scim_connection(acme, bearer_token=token), token)


def ada() -> models.Member:
    return models.Member.objects.get(email_address="ada@acme.test")


def person() -> models.ScimUser | None:
    return models.ScimUser.objects.filter(member=ada()).first()


def test_the_former_token_is_refused(former: Idp) -> None:
    assert "not valid" in error_of(former.get("/Users"), 401)


def test_who_was_provisioned_before_waits_for_a_decision(later: Idp) -> None:
    answer = later.send("POST", "/Users", {"userName": "ada@acme.test"})

    assert "was not provisioned by this connection" in error_of(answer, 409, "uniqueness")
    assert models.ScimConflict.objects.get().connection == later.connection
    assert ada().status == MemberStatus.ACTIVE


@pytest.mark.parametrize("way", ["domain", "decision"])
def test_who_may_be_adopted_belongs_to_the_new_connection(later: Idp, acme: models.Organization, way: str) -> None:
    if way == "domain":
        models.Organization.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])
    else:
        later.send("POST", "/Users", {"userName": "ada@acme.test"})
        models.ScimConflict.objects.update(approved_at=later.connection.created_at)

    answer = later.send("POST", "/Users", {"userName": "ada@acme.test", "displayName": "Ada Lovelace"})

    assert answer.status_code == 201
    found = person()
    assert found
    assert (found.connection, found.is_adopted) == (later.connection, True)
    assert ada().name == "Ada Lovelace"
    # The former person stays for a restored connection, and is nobody's member.
    assert models.ScimUser.objects.filter(member=None).count() == 1
    assert (
        later.patch(f"/Users/{answer.json()['id']}", {"op": "replace", "value": {"active": False}}).status_code == 200
    )
    assert ada().status == MemberStatus.DELETED


def test_somebody_who_gets_the_address_later_meets_the_same_rule(later: Idp, acme: models.Organization) -> None:
    user = later.create_user("nobody")
    change = {"op": "replace", "value": {"userName": "ada@acme.test"}}
    assert later.patch(f"/Users/{user}", change).status_code == 409

    models.Organization.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])
    assert later.patch(f"/Users/{user}", change).status_code == 200

    found = person()
    assert found
    assert found.connection == later.connection


def test_who_was_deactivated_with_it_is_a_new_member(later: Idp) -> None:
    models.Member.objects.update(status=MemberStatus.DELETED)

    assert later.send("POST", "/Users", {"userName": "ada@acme.test"}).status_code == 201

    assert models.Member.objects.filter(email_address="ada@acme.test").count() == 2


def test_two_who_are_sent_in_bulk_are_each_answered(later: Idp, acme: models.Organization) -> None:
    models.Organization.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": f"{name}@acme.test"}}
        for name in ("ada", "new")
    ]

    answer = later.send(
        "POST",
        "/Bulk",
        {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations},
    )

    assert [one["status"] for one in answer.json()["Operations"]] == ["201", "201"]


def test_the_member_of_a_deleted_connection_is_managed_by_nobody(
    later: Idp, admin_client: object, acme: models.Organization
) -> None:
    html = admin_client.get("/o/acme/scim/drift/?kind=unmanaged").content.decode()  # type: ignore[attr-defined]  # -- Django's client

    assert "ada@acme.test" in html
