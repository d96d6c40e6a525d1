"""People who wait for an address: the next one becomes a member as soon as it's free, however that happens."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connections, transaction

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberChanges, MemberStatus
from portal.directory.project import ProjectDirectory
from portal.embedded import models
from portal.embedded.database.writes import Writes
from portal.embedded.project import EmbeddedProject
from portal.embedded.scim.protocol import address_handover, member_sync, users
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.scim import EmbeddedScim
from portal.embedded.scope import Scope
from tests import factories
from tests.scim_server.conftest import Idp
from tests.scim_server.test_concurrency import at_once
from tests.scim_server.test_endpoints import error_of
from tests.scim_server.test_member_sync import ACTIVATE, DEACTIVATE, member_of

ANN = "ann@acme.example"
ELSEWHERE = {"op": "replace", "path": "emails", "value": [{"value": "ann@elsewhere.example"}]}
SHARED = {"op": "replace", "path": "emails", "value": [{"value": ANN}]}


def create_user(idp: Idp, user_name: str, address: str = ANN, **more: Any) -> str:
    return idp.create_user(user_name, emails=[{"value": address, "type": "work", "primary": True}], **more)


def row_of(user: str) -> models.ScimUserRow:
    return models.ScimUserRow.objects.select_related("member").get(pk=parse_id("scim-user", user))


def holder(address: str = ANN) -> str:
    """Return the userName of the person who signs in with an address, "" for none."""
    found = models.ScimUserRow.objects.filter(member__email_address=address).exclude(
        member__status=MemberStatus.DELETED
    )
    return found.values_list("user_name", flat=True).first() or ""


def product(slug: str = "acme") -> ProjectDirectory:
    return EmbeddedProject(Origin()).open(slug, Actor(ActorType.PROJECT))


WAYS: dict[str, Callable[[Idp, str], Any]] = {
    "deactivated": lambda idp, user: idp.patch(f"/Users/{user}", DEACTIVATE),
    "deactivated by PUT": lambda idp, user: idp.send("PUT", f"/Users/{user}", {"userName": "x", "active": False}),
    "deleted": lambda idp, user: idp.send("DELETE", f"/Users/{user}"),
    "another address": lambda idp, user: idp.patch(f"/Users/{user}", ELSEWHERE),
    "deleted by the product": lambda _, user: product().members.delete(public_id("member", member_of(user).pk)),
    "moved by the product": lambda _, user: product().members.update(
        public_id("member", member_of(user).pk), MemberChanges(email_address="moved@acme.example")
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_waiting_user_becomes_a_member_when_the_address_is_free(idp: Idp, way: str) -> None:
    contractor = create_user(idp, "contractor")
    employee = create_user(idp, "employee")
    create_user(idp, "third")
    version = idp.get(f"/Users/{employee}")["ETag"]
    assert holder() == "contractor"

    WAYS[way](idp, contractor)

    assert holder() == "employee"
    assert row_of(employee).awaited_address == ""
    # What the identity provider reads is as before.
    assert idp.get(f"/Users/{employee}")["ETag"] == version
    created = models.ActivityEntryRow.objects.filter(
        action="member.create", target_id__contains=str(member_of(employee).pk)
    )
    assert created.exists()


def test_waiting_users_follow_in_the_order_of_their_creation(idp: Idp) -> None:
    user_ids = [create_user(idp, name) for name in ("a", "b", "c")]
    for user, following in zip(user_ids, ("b", "c", ""), strict=True):
        idp.patch(f"/Users/{user}", DEACTIVATE)
        assert holder() == following


def test_a_deactivated_deleted_or_moved_user_no_longer_waits(idp: Idp) -> None:
    first = create_user(idp, "first")
    idp.patch(f"/Users/{create_user(idp, 'gone')}", DEACTIVATE)
    idp.patch(f"/Users/{create_user(idp, 'moved')}", ELSEWHERE)
    idp.send("DELETE", f"/Users/{create_user(idp, 'deleted')}")

    idp.send("DELETE", f"/Users/{first}")

    assert holder() == ""
    assert not models.ScimUserRow.objects.exclude(awaited_address="").exists()


@pytest.mark.parametrize("way", ["patch", "put"])
def test_an_unchanged_push_retries_a_user_with_an_address_but_no_member(idp: Idp, way: str) -> None:
    user = create_user(idp, "late")
    models.ScimUserRow.objects.update(member=None, cannot_sign_in=True)
    models.MemberRow.objects.all().delete()
    before = idp.get(f"/Users/{user}")

    if way == "patch":
        answer = idp.patch(f"/Users/{user}", ACTIVATE)
    else:
        answer = idp.send("PUT", f"/Users/{user}", before.json())

    assert (answer.status_code, answer["ETag"], holder()) == (200, before["ETag"], "late")
    assert not row_of(user).cannot_sign_in


def test_an_unchanged_push_of_a_waiting_user_changes_nothing_while_the_address_is_taken(idp: Idp) -> None:
    create_user(idp, "first")
    user = create_user(idp, "second")
    entries = models.ActivityEntryRow.objects.count()

    assert idp.patch(f"/Users/{user}", ACTIVATE).status_code == 200

    assert holder() == "first"
    assert models.ActivityEntryRow.objects.count() == entries


def test_a_new_hire_is_kept_whether_they_are_created_active_or_activated_later(idp: Idp) -> None:
    leaver = create_user(idp, "leaver")
    hire = create_user(idp, "hire", active=False)
    member = member_of(hire)

    answer = idp.patch(f"/Users/{hire}", ACTIVATE, {"op": "replace", "path": "title", "value": "CEO"})

    assert (answer.status_code, answer.json()["active"], answer.json()["title"]) == (200, True, "CEO")
    assert (holder(), row_of(hire).cannot_sign_in) == ("leaver", True)
    idp.patch(f"/Users/{leaver}", DEACTIVATE)
    assert (holder(), member_of(hire), row_of(hire).cannot_sign_in) == ("hire", member, False)

    # The other way round: who comes back while another person has their address.
    assert idp.patch(f"/Users/{leaver}", ACTIVATE).status_code == 200
    assert (holder(), row_of(leaver).cannot_sign_in) == ("hire", True)


def test_a_user_with_the_address_of_another_waits_for_it_and_loses_their_own(idp: Idp) -> None:
    """An identity provider that took an address away must not find its former holder signed in with it."""
    first = create_user(idp, "first")
    mover = create_user(idp, "mover", "mover@acme.example")
    waiting = create_user(idp, "waiting", "mover@acme.example")
    client = factories.signed_in(member_of(mover))

    assert idp.patch(f"/Users/{mover}", SHARED).status_code == 200

    assert (holder(), holder("mover@acme.example")) == ("first", "waiting")
    assert client.get("/o/acme/").status_code != 200
    assert row_of(waiting).awaited_address == ""
    idp.send("DELETE", f"/Users/{first}")
    assert (holder(), member_of(mover).email_address) == ("mover", ANN)


def test_two_users_can_exchange_their_addresses(idp: Idp) -> None:
    ann, bob = create_user(idp, "ann"), create_user(idp, "bob", "bob@acme.example")

    idp.patch(f"/Users/{ann}", {"op": "replace", "path": "emails", "value": [{"value": "bob@acme.example"}]})
    idp.patch(f"/Users/{bob}", SHARED)

    assert (holder(), holder("bob@acme.example")) == ("bob", "ann")


def test_the_address_of_an_existing_member_waits_for_a_decision_even_if_the_user_is_a_member(idp: Idp) -> None:
    existing = factories.member(idp.connection.organization, ANN)
    user = create_user(idp, "ann", "ann@old.example")
    former = member_of(user)

    error_of(idp.patch(f"/Users/{user}", SHARED), 409, "uniqueness")
    assert member_of(user) == former
    assert models.ScimConflictRow.objects.get().member == existing

    models.ScimConflictRow.objects.update(approved_at="2026-01-01T00:00:00Z")
    assert idp.patch(f"/Users/{user}", SHARED).status_code == 200
    former.refresh_from_db()
    assert (member_of(user), former.status) == (existing, MemberStatus.DELETED)


def test_the_last_admin_keeps_access_if_the_new_address_is_taken(idp: Idp) -> None:
    create_user(idp, "first")
    admin = create_user(idp, "admin", "admin@acme.example")
    models.MemberRow.objects.filter(email_address="admin@acme.example").update(direct_roles=["stytch_admin"])

    assert "last admin" in error_of(idp.patch(f"/Users/{admin}", SHARED), 409)

    assert holder("admin@acme.example") == "admin"


def scim() -> EmbeddedScim:
    return EmbeddedScim(Scope("acme", Origin(), project=Actor(ActorType.OPERATOR)))


def delete_connection(idp: Idp, *, deactivates: bool) -> str:
    connection_id, deletion = public_id("scim-connection", idp.connection.pk), scim().deletion
    gateway = deletion.deactivation if deactivates else deletion
    gateway.delete(connection_id, version=deletion.preview(connection_id).version)
    return connection_id


def test_an_address_freed_while_the_connection_was_deleted_is_handed_over_on_restore(
    idp: Idp,
) -> None:
    first = create_user(idp, "first")
    create_user(idp, "second")
    member = public_id("member", member_of(first).pk)
    connection_id = delete_connection(idp, deactivates=False)
    product().members.delete(member)
    assert holder() == ""

    scim().restoration.restore(connection_id, reactivate=False)

    assert holder() == "second"


@pytest.mark.parametrize("reactivate", [True, False])
def test_a_restored_connection_restores_the_previous_holder_of_an_address(idp: Idp, *, reactivate: bool) -> None:
    first = create_user(idp, "first")
    second = create_user(idp, "second")
    connection_id = delete_connection(idp, deactivates=True)

    scim().restoration.restore(connection_id, reactivate=reactivate)

    assert holder() == ("first" if reactivate else "")
    assert (row_of(first).cannot_sign_in, row_of(second).cannot_sign_in) == (not reactivate, True)


def test_the_number_of_pending_decisions_follows_their_members(idp: Idp) -> None:
    def waiting() -> int:
        idp.connection.refresh_from_db()
        return idp.connection.waiting_conflicts

    members = [factories.member(idp.connection.organization, f"m{n}@acme.example") for n in range(2)]
    for member in members:
        error_of(idp.send("POST", "/Users", {"userName": member.email_address}), 409, "uniqueness")
        models.MemberRow.objects.update(email_address_verified=True)
    deleted, moved = (public_id("member", member.pk) for member in members)
    assert waiting() == 2

    product().members.delete(deleted)
    assert waiting() == 1
    product().members.reactivate(deleted)
    assert waiting() == 2
    product().members.update(moved, MemberChanges(email_address="elsewhere@acme.example"))
    assert waiting() == 1


@pytest.mark.parametrize("address", [f" {ANN} ", f"\t{ANN}", f"{ANN}\n"])
def test_blanks_around_an_address_are_ignored(idp: Idp, address: str) -> None:
    user = create_user(idp, "blank", address)

    assert (holder(), row_of(user).cannot_sign_in) == ("blank", False)
    assert idp.get(f"/Users/{user}").json()["emails"][0]["value"] == address


def test_a_user_name_that_entra_changes_before_it_deletes_is_not_an_address(idp: Idp) -> None:
    models.ScimConnectionRow.objects.update(identity_provider="microsoft-entra")
    user = idp.create_user(ANN)
    renamed = {"op": "Replace", "path": "userName", "value": f"{'0f' * 16}{ANN}"}

    assert idp.patch(f"/Users/{user}", renamed).json()["userName"] == f"{'0f' * 16}{ANN}"
    assert member_of(user).email_address == ANN

    idp.patch(f"/Users/{user}", {"op": "Replace", "path": "active", "value": "False"})
    assert holder() == ""
    # Restored in Entra.
    idp.patch(f"/Users/{user}", {"op": "Replace", "path": "userName", "value": ANN}, ACTIVATE)
    assert holder() == ANN


def test_other_identity_providers_may_have_such_addresses(idp: Idp) -> None:
    user = idp.create_user(f"{'0f' * 16}{ANN}")

    assert member_of(user).email_address == f"{'0f' * 16}{ANN}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("free", ["deactivated", "deleted", "another address"])
def test_no_user_waits_for_a_free_address_after_simultaneous_changes(idp: Idp, free: str) -> None:
    for number in range(6):
        address = f"ann{number}@acme.example"
        first, second = create_user(idp, f"first{number}", address), f"second{number}"
        document = {"userName": second, "emails": [{"value": address}]}
        at_once([partial(WAYS[free], idp, first), partial(idp.send, "POST", "/Users", document)], threads=2)

        assert holder(address) == second
        again = row_of(idp.get("/Users", filter=f'userName eq "{second}"').json()["Resources"][0]["id"])
        assert (again.awaited_address, again.cannot_sign_in) == ("", False)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_user_who_starts_to_wait_while_the_address_is_freed_gets_it(
    idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create_user(idp, "first")
    has_locked, may_go_on = threading.Event(), threading.Event()

    def hesitate(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> str:
        if row.user_name == "first":
            has_locked.set()
            may_go_on.wait(10)
        return member_sync.sync_member(client, row, writes)

    monkeypatch.setattr(users, "sync_member", hesitate)
    with ThreadPoolExecutor(2) as pool:
        leaving = pool.submit(at_once, [partial(idp.patch, f"/Users/{first}", DEACTIVATE)], 1)
        assert has_locked.wait(10)
        joining = pool.submit(
            at_once, [partial(idp.send, "POST", "/Users", {"userName": "second", "emails": [{"value": ANN}]})], 1
        )
        while not models.ScimUserRow.objects.filter(awaited_address=ANN).exists():
            time.sleep(0.01)
        may_go_on.set()
        assert leaving.result() == [200]
        assert joining.result() == [201]

    assert holder() == "second"


@pytest.mark.django_db(transaction=True)
def test_a_push_while_the_address_is_freed_causes_no_deadlock(idp: Idp) -> None:
    for number in range(6):
        address = f"ann{number}@acme.example"
        first, second = create_user(idp, f"first{number}", address), create_user(idp, f"second{number}", address)

        statuses = at_once(
            [partial(idp.patch, f"/Users/{first}", DEACTIVATE), partial(idp.patch, f"/Users/{second}", ACTIVATE)],
            threads=2,
        )

        assert statuses == [200, 200]
        assert holder(address) == f"second{number}"
    connections.close_all()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("way", "next_one"),
    [("deleted", "second"), ("deactivated", "second"), ("another address", "second"), ("only locked", "first")],
)
def test_an_address_is_handed_over_while_another_request_changes_the_waiting_user(
    idp: Idp, monkeypatch: pytest.MonkeyPatch, way: str, next_one: str
) -> None:
    holding, first = create_user(idp, "holding"), create_user(idp, "first")
    create_user(idp, "second")
    has_locked, is_freed = threading.Event(), threading.Event()

    def hesitate(original: Callable[..., Any], *arguments: Any) -> Any:
        if threading.current_thread().name.startswith("busy"):
            has_locked.set()
            is_freed.wait(1)
        return original(*arguments)

    # Both follow the lock.
    for name in ("_set_document", "decrement_member_counts"):
        monkeypatch.setattr(users, name, partial(hesitate, getattr(users, name)))

    def only_locked(_: Idp, user: str) -> None:
        # As each group does that the person is put into.
        with transaction.atomic():
            models.ScimUserRow.objects.select_for_update().get(pk=parse_id("scim-user", user))
            hesitate(bool)

    with ThreadPoolExecutor(1, "busy") as busy, ThreadPoolExecutor(1) as pool:
        changing = busy.submit(closing_connections, partial(WAYS.get(way, only_locked), idp, first))
        assert has_locked.wait(10)
        freeing = pool.submit(closing_connections, partial(idp.patch, f"/Users/{holding}", DEACTIVATE))
        while models.MemberRow.objects.filter(email_address=ANN).exclude(status=MemberStatus.DELETED).exists():
            time.sleep(0.01)
        is_freed.set()
        assert freeing.result().status_code == 200
        changing.result()

    assert holder() == next_one


def closing_connections(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


def test_a_user_who_cannot_become_a_member_leaves_the_address_to_the_next(
    idp: Idp, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding, first = create_user(idp, "holding"), create_user(idp, "first")
    create_user(idp, "second")

    def sync_member(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> str:
        if row.user_name == "first":
            raise member_sync.ConnectionEnded
        return member_sync.sync_member(client, row, writes)

    monkeypatch.setattr(address_handover, "sync_member", sync_member)
    idp.patch(f"/Users/{holding}", DEACTIVATE)

    assert holder() == "second"
    assert row_of(first).awaited_address == ANN
