"""A connection made after another one was deleted: whom it takes over, and by which rule."""

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
    """Ada was provisioned by a connection that is deleted since."""
    idp.create_user("ada@acme.test", displayName="Ada")
    models.ScimConnectionRow.objects.update(status=ScimConnectionStatus.DELETED)
    return idp


@pytest.fixture
def later(former: Idp, acme: models.OrganizationRow) -> Idp:
    token = "scim_token-of-later"
    return Idp(factories.scim_connection(acme, bearer_token=token), token)


def ada() -> models.MemberRow:
    return models.MemberRow.objects.get(email_address="ada@acme.test")


def person() -> models.ScimUserRow | None:
    return models.ScimUserRow.objects.filter(member=ada()).first()


def test_the_former_token_is_refused(former: Idp) -> None:
    assert "not valid" in error_of(former.get("/Users"), 401)


def test_who_was_provisioned_before_waits_for_a_decision(later: Idp) -> None:
    answer = later.send("POST", "/Users", {"userName": "ada@acme.test"})

    assert "was not provisioned by this connection" in error_of(answer, 409, "uniqueness")
    assert models.ScimConflictRow.objects.get().connection == later.connection
    assert ada().status == MemberStatus.ACTIVE


@pytest.mark.parametrize("way", ["domain", "decision"])
def test_who_may_be_adopted_belongs_to_the_new_connection(later: Idp, acme: models.OrganizationRow, way: str) -> None:
    if way == "domain":
        models.OrganizationRow.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])
    else:
        later.send("POST", "/Users", {"userName": "ada@acme.test"})
        models.ScimConflictRow.objects.update(approved_at=later.connection.created_at)

    answer = later.send("POST", "/Users", {"userName": "ada@acme.test", "displayName": "Ada Lovelace"})

    assert answer.status_code == 201
    found = person()
    assert found
    assert (found.connection, found.is_adopted) == (later.connection, True)
    assert ada().name == "Ada Lovelace"
    # The former person stays for a restored connection, and is nobody's member.
    assert models.ScimUserRow.objects.filter(member=None).count() == 1
    assert (
        later.patch(f"/Users/{answer.json()['id']}", {"op": "replace", "value": {"active": False}}).status_code == 200
    )
    assert ada().status == MemberStatus.DELETED


def test_somebody_who_gets_the_address_later_meets_the_same_rule(later: Idp, acme: models.OrganizationRow) -> None:
    user = later.create_user("nobody")
    change = {"op": "replace", "value": {"userName": "ada@acme.test"}}
    assert later.patch(f"/Users/{user}", change).status_code == 409

    models.OrganizationRow.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])
    assert later.patch(f"/Users/{user}", change).status_code == 200

    found = person()
    assert found
    assert found.connection == later.connection


def test_who_was_deactivated_with_it_is_a_new_member(later: Idp) -> None:
    models.MemberRow.objects.update(status=MemberStatus.DELETED)

    assert later.send("POST", "/Users", {"userName": "ada@acme.test"}).status_code == 201

    assert models.MemberRow.objects.filter(email_address="ada@acme.test").count() == 2


def test_two_who_are_sent_in_bulk_are_each_answered(later: Idp, acme: models.OrganizationRow) -> None:
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


def test_the_member_of_a_deleted_connection_is_managed_by_nobody(
    later: Idp, admin_client: object, acme: models.OrganizationRow
) -> None:
    html = admin_client.get("/o/acme/scim/drift/?kind=unmanaged").content.decode()  # type: ignore[attr-defined]  # -- Django's client

    assert "ada@acme.test" in html


ACTIVATE = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"active": True}}]}
RENAME = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"userName": "new@acme.test"}}]}


@pytest.fixture
def admitted(idp: Idp) -> ScimClient:
    """A call that was let in, and does what it does when the connection is deleted already."""
    idp.create_user("ada@acme.test", active=False)
    idp.create_user("nobody")
    client = authenticate(idp.base.rpartition("/")[2], idp.token, Origin()).client
    assert client
    models.ScimConnectionRow.objects.update(status=ScimConnectionStatus.DELETED)
    return client


@pytest.mark.parametrize("user_name", ["new@acme.test", "taken@acme.test", "new"])
def test_nobody_comes_by_a_call_that_was_let_in_before(
    admitted: ScimClient, acme: models.OrganizationRow, user_name: str
) -> None:
    factories.member(acme, "taken@acme.test")
    models.OrganizationRow.objects.filter(pk=acme.pk).update(email_allowed_domains=["acme.test"])

    # The identity provider is told to come back, and finds its token refused.
    with pytest.raises((IntegrityError, ConnectionEnded)):
        create_user(admitted, {"userName": user_name})

    assert models.ScimUserRow.objects.count() == 2
    assert not models.ScimUserRow.objects.filter(member__status=MemberStatus.ACTIVE).exists()


@pytest.mark.parametrize(("user_name", "change"), [("ada@acme.test", ACTIVATE), ("nobody", RENAME)])
def test_nobody_becomes_active_by_a_call_that_was_let_in_before(
    admitted: ScimClient, user_name: str, change: dict[str, Any]
) -> None:
    user = user_id(models.ScimUserRow.objects.get(user_name=user_name).pk)

    with pytest.raises(ConnectionEnded) as refused:
        patch_user(admitted, user, change)

    assert (refused.value.status, refused.value.headers) == (503, {"Retry_After": "5"})
    assert not models.MemberRow.objects.exclude(status=MemberStatus.DELETED).exists()
