"""Stored facts about who can sign in stay true after any sequence of changes by the IdP, the product and admins."""

import random
from collections.abc import Callable
from contextlib import suppress

import pytest
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import DirectoryError
from portal.directory.ids import public_id
from portal.directory.members import MemberChanges, MemberStatus
from portal.directory.scim.conflicts import ScimConflictState
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.project import EmbeddedProject
from portal.embedded.scim.conflicts import IN_STATE, conflict_version, open_conflicts
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.member_sync import sign_in_address
from portal.embedded.scim.scim import EmbeddedScim
from portal.embedded.scope import Scope
from tests import factories
from tests.scim_server.conftest import Idp

ADDRESSES = ("ann@acme.example", "ann@acme.example", "bob@acme.example", "no address", "")
STEPS, MAXIMUM_USERS = 40, 8


class World:
    """An organization whose identity provider, product and admins act at random."""

    def __init__(self, idp: Idp, seed: int) -> None:
        self.idp, self.chance = idp, random.Random(seed)  # noqa: S311 -- no secret
        self.done: list[str] = []
        self.scim = EmbeddedScim(Scope("acme", Origin(), project=Actor(ActorType.OPERATOR)))
        self.connection_id = public_id("scim-connection", idp.connection.pk)

    def step(self) -> None:
        acts: list[Callable[[], object]] = [
            *(self.create,) * 4,
            *(self.switch,) * 2,
            *(self.move, self.push_again, self.delete),
            *(self.product_deletes, self.product_reactivates, self.product_moves, self.product_creates),
            *(self.decide, self.delete_and_restore),
        ]
        act = self.chance.choice(acts)
        self.done.append(act.__name__)
        with suppress(DirectoryError):
            act()

    def emails(self) -> list[dict[str, str]]:
        address = self.chance.choice(ADDRESSES)
        return [{"value": address}] if address else []

    def user(self) -> str:
        keys = list(models.ScimUserRow.objects.order_by("pk").values_list("pk", flat=True))
        return public_id("scim-user", self.chance.choice(keys)) if keys else "none"

    def member(self, *, is_deleted: bool = False) -> str:
        members = models.MemberRow.objects.exclude(email_address__startswith="root@").order_by("pk")
        chosen = members.filter(status="deleted") if is_deleted else members.exclude(status="deleted")
        keys = list(chosen.values_list("pk", flat=True))
        return public_id("member", self.chance.choice(keys)) if keys else "none"

    @property
    def members(self) -> object:
        return EmbeddedProject(Origin()).open("acme", Actor(ActorType.PROJECT)).members

    def create(self) -> None:
        if models.ScimUserRow.objects.count() < MAXIMUM_USERS:
            name, active = f"person{self.chance.randrange(10**9)}", self.chance.random() < 0.7
            self.idp.send("POST", "/Users", {"userName": name, "active": active, "emails": self.emails()})

    def patch(self, path: str, value: object) -> None:
        self.idp.patch(f"/Users/{self.user()}", {"op": "replace", "path": path, "value": value})

    def switch(self) -> None:
        self.patch("active", self.chance.random() < 0.6)

    def move(self) -> None:
        self.patch("emails", self.emails())

    def push_again(self) -> None:
        user = self.user()
        self.idp.send("PUT", f"/Users/{user}", self.idp.get(f"/Users/{user}").json())

    def delete(self) -> None:
        self.idp.send("DELETE", f"/Users/{self.user()}")

    def product_deletes(self) -> None:
        self.members.delete(self.member())  # type: ignore[attr-defined]

    def product_reactivates(self) -> None:
        models.MemberRow.objects.update(email_address_verified=True)
        self.members.reactivate(self.member(is_deleted=True))  # type: ignore[attr-defined]

    def product_moves(self) -> None:
        address = self.chance.choice([*ADDRESSES[:3], "elsewhere@acme.example"])
        self.members.update(self.member(), MemberChanges(email_address=address, unlink_email=True))  # type: ignore[attr-defined]

    def product_creates(self) -> None:
        self.members.create(MemberChanges(email_address=self.chance.choice(["new@acme.example", ADDRESSES[0]])))  # type: ignore[attr-defined]

    def decide(self) -> None:
        approve = self.chance.random() < 0.7
        rows = open_conflicts(self.idp.connection.organization_id, self.idp.connection.pk).order_by("pk")[:1]
        for row in rows:
            chosen = {public_id("scim-conflict", row.pk): conflict_version(row)}
            self.scim.conflicts.decide(self.connection_id, chosen, approve=approve)

    def delete_and_restore(self) -> None:
        deletion = self.scim.deletion
        delete = self.chance.choice([deletion.delete, deletion.deactivation.delete])
        delete(self.connection_id, version=deletion.preview(self.connection_id).version)
        with suppress(DirectoryError):
            self.chance.choice([self.product_creates, self.product_deletes])()
        self.scim.restoration.restore(self.connection_id, reactivate=True)


def check(idp: Idp, done: list[str]) -> None:
    connection = models.ScimConnectionRow.objects.select_related("organization").get(pk=idp.connection.pk)
    assert connection.status == ScimConnectionStatus.ACTIVE
    taken = models.MemberRow.objects.exclude(status=MemberStatus.DELETED).values_list("email_address_folded", flat=True)
    for row in models.ScimUserRow.objects.select_related("member"):
        has_member = row.member is not None and row.member.status != MemberStatus.DELETED
        assert row.cannot_sign_in == (row.active and not has_member), done
        if row.awaited_address:
            assert row.cannot_sign_in, done
            assert row.awaited_address in set(taken), done
        if row.active and row.member is None:
            assert bool(row.awaited_address) == bool(sign_in_address(ScimClient(connection, Origin()), row.document)), (
                done
            )
    waiting = open_conflicts(connection.organization_id, connection.pk)
    assert connection.waiting_conflicts == waiting.filter(IN_STATE[ScimConflictState.WAITING]).count(), done


@pytest.mark.parametrize("seed", range(6))
def test_stored_facts_about_sign_in_stay_true(idp: Idp, settings: Settings, seed: int) -> None:
    settings.SCIM_SAFEGUARD_SHARE = 0
    factories.member(idp.connection.organization, "root@acme.example", roles=["stytch_admin"])
    world = World(idp, seed)
    for _ in range(STEPS):
        world.step()
        check(idp, world.done[-12:])
