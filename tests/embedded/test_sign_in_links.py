"""One-time links, used while something else ends the membership that they are for."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.db import connections
from django.utils import timezone

from portal.directory.embedded import models
from portal.directory.embedded.directory import EmbeddedProvider
from portal.directory.embedded.project import EmbeddedProject
from portal.directory.embedded.project import members as project_members
from portal.directory.embedded.sign_in_links import new_link
from portal.directory.errors import Gone
from portal.directory.ids import public_id
from portal.directory.types import Actor, ActorType, MemberStatus, Origin
from tests import factories


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_a_link_that_is_used_while_the_member_is_deleted_is_ended_and_is_no_deadlock(
    acme: models.Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = factories.member(acme, "bob@acme.example")
    token = new_link(member).url.partition("token=")[2]
    has_locked = threading.Event()

    def now() -> object:
        if threading.current_thread().name.startswith("deleting"):
            has_locked.set()
            # Until the other one waits.
            time.sleep(0.5)
        return timezone.now()

    # Read between the change of the member and the deletion of the links.
    monkeypatch.setattr(project_members, "timezone", SimpleNamespace(now=now))

    def delete() -> None:
        try:
            project = EmbeddedProject(Origin()).open("acme", Actor(ActorType.PROJECT, "secret-live-1"))
            project.members.delete(public_id("member", member.pk))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1, "deleting") as pool:
        deletion = pool.submit(delete)
        assert has_locked.wait(10)
        with pytest.raises(Gone):
            EmbeddedProvider().open("acme", Origin()).members.redeem_link(token, password="quartz lantern orbit meadow")
        deletion.result()

    member.refresh_from_db()
    assert member.status == MemberStatus.DELETED
