"""Sign-in links that are used while their member is deleted."""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import InvalidLink
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.directory import EmbeddedProvider
from portal.embedded.members.sign_in_links import new_link
from portal.embedded.project import EmbeddedProject
from portal.embedded.scim.deletion import EmbeddedScimDeletion
from portal.embedded.scope import Scope
from tests import factories
from tests.scim_server.conftest import Idp
from tests.scim_server.test_member_sync import member_of

_WRITES = re.compile(r'(UPDATE "directory_member"|DELETE FROM "directory_signinlink")')


def delete_member(_: Idp, user: str) -> None:
    project = EmbeddedProject(Origin()).open("acme", Actor(ActorType.PROJECT, "secret-live-1"))
    project.members.delete(public_id("member", member_of(user).pk))


def delete_connection(idp: Idp, _: str) -> None:
    deletion = EmbeddedScimDeletion(Scope("acme", Origin(), project=Actor(ActorType.OPERATOR)))
    connection_id = public_id("scim-connection", idp.connection.pk)
    with transaction.atomic():
        deletion.deactivation.delete(connection_id, version=deletion.preview(connection_id).version)


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
@pytest.mark.parametrize("end", [delete_member, delete_connection])
def test_link_used_while_the_member_is_deleted_does_not_deadlock(
    acme: models.OrganizationRow, end: Callable[[Idp, str], None]
) -> None:
    idp = Idp(factories.scim_connection(acme), "scim_token-of-acme")
    user = idp.create_user("bob", emails=[{"value": "bob@acme.example"}])
    token = new_link(member_of(user)).url.partition("token=")[2]
    has_locked, written = threading.Event(), []

    def hesitate(execute: Callable[..., Any], sql: Any, *arguments: Any) -> Any:
        if _WRITES.match(str(sql)):
            written.append(sql)
            if len(written) == 2:
                # The one is locked, and the other is not yet: until who uses the link waits.
                has_locked.set()
                time.sleep(0.5)
        return execute(sql, *arguments)

    def ending() -> None:
        try:
            with connection.execute_wrapper(hesitate):
                end(idp, user)
        finally:
            has_locked.set()
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(ending)
        assert has_locked.wait(10)
        with pytest.raises(InvalidLink):
            EmbeddedProvider().open("acme", Origin()).sign_in_links.redeem(
                token, password="quartz lantern orbit meadow"
            )
        ended.result()

    assert member_of(user).status == MemberStatus.DELETED
