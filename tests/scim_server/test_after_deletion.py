"""A connection that was created after another one was deleted, and how it is linked to existing members."""

from typing import Any

import pytest
from django.db import IntegrityError

from portal.directory.actor import Origin
from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.scim.protocol.client import ScimClient, authenticate
from portal.embedded.scim.protocol.member_sync import ConnectionEnded
from portal.embedded.scim.protocol.users import create_user, patch_user, user_id
from tests import factories
from tests.scim_server.conftest import PATCH_OP, Idp
from tests.scim_server.test_endpoints import error_of


@pytest.fixture
def former(idp: Idp) -> Idp:
    """Return a connection that provisioned Ada and was deleted."""
    idp.create_user("ada@acme.test", displayName="Ada")
    models.ScimConnectionRow.objects.update(status=ScimConnectionStatus.DELETED)
    return idp


@pytest.fixture
def later(former: Idp, acme: models.OrganizationRow) -> Idp:
    token = "scim_token-of-later"
    return Idp(factories.scim_connection(acme, bearer_token=token), token)


def ada() -> models.MemberRow:
    return models.MemberRow.objects.get(email_address="ada@acme.test")


def user_of_ada() -> models.ScimUserRow | None:
    return models.ScimUserRow.objects.filter(member=ada()).first()


def test_the_token_of_a_deleted_connection_is_rejected(former: Idp) -> None:
    assert "not valid" in error_of(former.get("/Users"), 401)


def test_members_of_the_deleted_connection_wait_for_a_decision(later: Idp) -> None:
    answer = later.send("POST", "/Users", {"userName": "ada@acme.test"})

    assert "was not provisioned by this connection" in error_of(answer, 409, "uniqueness")
    assert models.ScimConflictRow.objects.get().connection == later.connection
    assert ada().status == MemberStatus.ACTIVE


@pytest.mark.parametrize("way", ["domain", "decision"])
def test_members_who_may_be_linked_belong_to_the_new_connection(
    later: Idp, acme: models.OrganizationRow, way: str
) -> None:
    if way == "domain":
        models.OrganizationRow.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])
    else:
        later.send("POST", "/Users", {"userName": "ada@acme.test"})
        models.ScimConflictRow.objects.update(approved_at=later.connection.created_at)

    answer = later.send("POST", "/Users", {"userName": "ada@acme.test", "displayName": "Ada Lovelace"})

    assert answer.status_code == 201
    found = user_of_ada()
    assert found
    assert (found.connection, found.is_adopted) == (later.connection, True)
    assert ada().name == "Ada Lovelace"
    # The old user stays for a restoration, without a member.
    assert models.ScimUserRow.objects.filter(member=None).count() == 1
    assert (
        later.patch(f"/Users/{answer.json()['id']}", {"op": "replace", "value": {"active": False}}).status_code == 200
    )
    assert ada().status == MemberStatus.DELETED


def test_the_same_rule_applies_to_users_who_get_the_address_later(later: Idp, acme: models.OrganizationRow) -> None:
    user = later.create_user("nobody")
    change = {"op": "replace", "value": {"userName": "ada@acme.test"}}
    assert later.patch(f"/Users/{user}", change).status_code == 409

    models.OrganizationRow.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])
    assert later.patch(f"/Users/{user}", change).status_code == 200

    found = user_of_ada()
    assert found
    assert found.connection == later.connection


def test_a_member_deactivated_with_the_connection_is_created_again(later: Idp) -> None:
    models.MemberRow.objects.update(status=MemberStatus.DELETED)

    assert later.send("POST", "/Users", {"userName": "ada@acme.test"}).status_code == 201

    assert models.MemberRow.objects.filter(email_address="ada@acme.test").count() == 2


def test_each_of_two_users_in_a_bulk_request_gets_a_response(later: Idp, acme: models.OrganizationRow) -> None:
    models.OrganizationRow.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])
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


def test_members_of_a_deleted_connection_are_unmanaged(
    later: Idp, admin_client: object, acme: models.OrganizationRow
) -> None:
    html = admin_client.get("/o/acme/scim/attention/differences/?kind=unmanaged").content.decode()  # type: ignore[attr-defined]  # -- Django's client

    assert "ada@acme.test" in html


ACTIVATE = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"active": True}}]}
RENAME = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"userName": "new@acme.test"}}]}


@pytest.fixture
def admitted(idp: Idp) -> ScimClient:
    """Return a client that was authenticated before its connection was deleted."""
    idp.create_user("ada@acme.test", active=False)
    idp.create_user("nobody")
    client = authenticate(idp.base.rpartition("/")[2], idp.token, Origin()).client
    assert client
    models.ScimConnectionRow.objects.update(status=ScimConnectionStatus.DELETED)
    return client


@pytest.mark.parametrize("user_name", ["new@acme.test", "taken@acme.test", "new"])
def test_a_request_authenticated_before_the_deletion_creates_no_one(
    admitted: ScimClient, acme: models.OrganizationRow, user_name: str
) -> None:
    factories.member(acme, "taken@acme.test")
    models.OrganizationRow.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])

    # The identity provider should retry, and its token is rejected then.
    with pytest.raises((IntegrityError, ConnectionEnded)):
        create_user(admitted, {"userName": user_name})

    assert models.ScimUserRow.objects.count() == 2
    assert not models.ScimUserRow.objects.filter(member__status=MemberStatus.ACTIVE).exists()


@pytest.mark.parametrize(("user_name", "change"), [("ada@acme.test", ACTIVATE), ("nobody", RENAME)])
def test_a_request_authenticated_before_the_deletion_activates_no_one(
    admitted: ScimClient, user_name: str, change: dict[str, Any]
) -> None:
    user = user_id(models.ScimUserRow.objects.get(user_name=user_name).pk)

    with pytest.raises(ConnectionEnded) as error:
        patch_user(admitted, user, change)

    assert (error.value.status, error.value.headers) == (503, {"Retry_After": "5"})
    assert not models.MemberRow.objects.exclude(status=MemberStatus.DELETED).exists()
