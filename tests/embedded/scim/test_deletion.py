"""What a deletion does to users, who is exempt, and what restoring the connection brings back."""

import json
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Event
from time import monotonic, sleep
from types import SimpleNamespace

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection as database
from django.db import transaction
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.actor import Origin
from portal.directory.errors import Conflict, DirectoryError, NotFound, StepUpRequired
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.deletion import ScimDeletion
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory, EmbeddedProvider
from portal.embedded.scim.protocol.client import authenticate
from portal.embedded.scim.protocol.users import create_user, patch_user, user_id
from portal.embedded.scim.scim import EmbeddedScim
from portal.embedded.sessions.lifecycle import start_session
from tests import factories
from tests.plans import analyze
from tests.scim_server.conftest import PATCH_OP
from tests.scim_server.test_concurrency import at_once


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def acting(member: models.MemberRow) -> EmbeddedScim:
    signed_in = start_session(member, Origin(), password_entered_at=timezone.now())
    directory: EmbeddedDirectory = EmbeddedProvider().open(member.organization.slug, Origin())
    return directory.acting_as(signed_in).scim


def name(connection: models.ScimConnectionRow) -> str:
    return public_id("scim-connection", connection.pk)


def delete(member: models.MemberRow, connection: models.ScimConnectionRow, *, deactivates: bool = True) -> ScimDeletion:
    deletion = acting(member).deletion
    gateway = deletion.deactivation if deactivates else deletion
    return gateway.delete(name(connection), version=deletion.preview(name(connection)).version)


def restore(member: models.MemberRow, connection: models.ScimConnectionRow, *, reactivate: bool = True) -> int:
    return acting(member).restoration.restore(name(connection), reactivate=reactivate)


def members_of(user: models.ScimUserRow) -> QuerySet[models.MemberRow]:
    return models.MemberRow.objects.filter(scim_user=user)


def member_of(user: models.ScimUserRow) -> models.MemberRow:
    return members_of(user).get()


def roles(member: models.MemberRow) -> set[str]:
    return set(start_session(member, Origin(), password_entered_at=None).session.roles)


def status(user: models.ScimUserRow) -> str:
    return member_of(user).status


def test_users_who_stay_members_lose_roles_from_groups_and_keep_assigned_ones(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    pia = factories.provisioned(connection, "pia@acme.example")
    members_of(pia).update(direct_roles=["stytch_admin"])
    pat = factories.provisioned(connection, "pat@acme.example")
    group = factories.scim_group(connection, "Engineering")
    factories.put_in_group(group, [pia, pat])
    factories.group_role(group, "stytch_admin")
    client = factories.signed_in(member_of(pat))
    assert client.get("/o/acme/scim/").status_code == 200

    done = delete(admin, connection, deactivates=False)

    # Pia has the role assigned manually as well.
    assert [(one.role_id, one.number, one.includes_caller) for one in done.role_losses] == [("stytch_admin", 1, False)]
    assert (status(pia), status(pat)) == (MemberStatus.ACTIVE, MemberStatus.ACTIVE)
    assert roles(member_of(pia)) == {"stytch_admin", "stytch_member"}
    assert roles(member_of(pat)) == {"stytch_member"}
    # Still signed in, but not an admin on the next page.
    assert client.get("/o/acme/").status_code == 200
    assert client.get("/o/acme/scim/").status_code == 403


def test_deactivated_users_lose_sessions_links_and_roles_immediately(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    pia = factories.provisioned(connection, "pia@acme.example")
    members_of(pia).update(direct_roles=["stytch_admin"])
    models.SignInLinkRow.objects.create(
        organization=connection.organization,
        member=member_of(pia),
        token_hash=b"x" * 32,
        expires_at=timezone.now() + timedelta(days=1),
    )
    client = factories.signed_in(member_of(pia))
    outsider = factories.signed_in(factories.member(connection.organization, "out@acme.example"))

    done = delete(admin, connection)

    assert done.deactivated_count == 1
    assert status(pia) == MemberStatus.DELETED
    assert member_of(pia).direct_roles == []
    assert client.get("/o/acme/").status_code == 401
    assert not models.SignInLinkRow.objects.exists()
    assert outsider.get("/o/acme/").status_code == 200
    entry = models.ActivityEntryRow.objects.get(action="member.deactivate")
    assert entry.before == {"status": "active", "roles": ["stytch_admin"]}
    entry = models.ActivityEntryRow.objects.get(action="scim_connection.delete")
    assert entry.after == {"people": "deactivate", "deactivated": 1}
    assert entry.actor_name == "Ada Admin"


def test_the_caller_is_not_deactivated(admin: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    user = factories.scim_user(connection, admin.email_address)
    models.ScimUserRow.objects.filter(pk=user.pk).update(member=admin)
    other = factories.provisioned(connection, "pia@acme.example")

    done = delete(admin, connection)

    assert (done.exempt, done.deactivated_count) == (("ada@acme.example",), 1)
    admin.refresh_from_db()
    assert (admin.status, admin.direct_roles) == (MemberStatus.ACTIVE, ["stytch_admin"])
    assert status(other) == MemberStatus.DELETED


@pytest.fixture
def deleter(acme: models.OrganizationRow, settings: Settings) -> models.MemberRow:
    """Create a member who may delete a connection but isn't an admin."""
    role = Role("scim_only", {"stytch.scim": frozenset({"*"})})
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy(roles={"scim_only": role}, resources={}))
    return factories.member(acme, "dee@acme.example", roles=["scim_only"])


def test_the_last_admins_stay_if_the_connection_provisioned_them(
    deleter: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    pia, pat = (factories.provisioned(connection, f"{one}@acme.example") for one in ("pia", "pat"))
    members_of(pia).update(direct_roles=["stytch_admin"])

    done = delete(deleter, connection)

    assert (done.exempt, done.deactivated_count) == (("pia@acme.example",), 1)
    assert (status(pia), status(pat)) == (MemberStatus.ACTIVE, MemberStatus.DELETED)
    assert member_of(pia).direct_roles == ["stytch_admin"]


@pytest.mark.parametrize("deactivates", [False, True])
def test_a_connection_whose_groups_grant_the_only_admin_roles_is_not_deleted(
    deleter: models.MemberRow, connection: models.ScimConnectionRow, *, deactivates: bool
) -> None:
    pia = factories.provisioned(connection, "pia@acme.example")
    group = factories.scim_group(connection, "Admins")
    factories.put_in_group(group, [pia])
    factories.group_role(group, "stytch_admin")
    # A deleted admin doesn't count.
    factories.member(connection.organization, "gone@acme.example", roles=["stytch_admin"])
    models.MemberRow.objects.filter(email_address="gone@acme.example").update(status=MemberStatus.DELETED)

    with pytest.raises(Conflict, match="Make someone an admin manually"):
        delete(deleter, connection, deactivates=deactivates)

    connection.refresh_from_db()
    assert connection.deleted_at is None
    assert status(pia) == MemberStatus.ACTIVE


def test_a_restored_connection_has_its_users_groups_roles_and_token(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    pia = factories.provisioned(connection, "pia@acme.example")
    group = factories.scim_group(connection, "Engineering")
    factories.put_in_group(group, [pia])
    factories.group_role(group, "stytch_admin")
    client, headers = Client(), {"Authorization": "Bearer scim_token-of-acme"}
    url = f"/v1/b2b/scim/{name(connection)}/Users"
    delete(admin, connection, deactivates=False)
    assert client.get(url, headers=headers).status_code == 401

    found = acting(admin).restoration.preview(name(connection))
    assert (found.users, found.groups, found.group_roles, found.may_return) == (1, 1, 1, 0)
    assert [(one.role_id, one.number) for one in found.role_gains] == [("stytch_admin", 1)]
    assert restore(admin, connection) == 0

    assert client.get(url, headers=headers).json()["totalResults"] == 1
    assert roles(member_of(pia)) == {"stytch_admin", "stytch_member"}
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.restore").count() == 1


def test_restoring_needs_a_recent_password(admin: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    delete(admin, connection, deactivates=False)
    scim = acting(admin)

    with (
        time_machine.travel(timezone.now() + timedelta(minutes=5, seconds=1), tick=True),
        pytest.raises(StepUpRequired),
    ):
        scim.restoration.restore(name(connection), reactivate=False)

    connection.refresh_from_db()
    assert connection.deleted_at


@pytest.mark.parametrize("reactivate", [True, False])
def test_deactivated_members_are_reactivated_only_if_chosen_and_without_assigned_roles(
    admin: models.MemberRow, connection: models.ScimConnectionRow, *, reactivate: bool
) -> None:
    pia, deactivated = (factories.provisioned(connection, f"{one}@acme.example") for one in ("pia", "gone"))
    members_of(pia).update(direct_roles=["stytch_admin"])
    # Deactivated earlier, so neither the deletion nor the restoration changes it.
    members_of(deactivated).update(status=MemberStatus.DELETED)
    delete(admin, connection)

    assert acting(admin).restoration.preview(name(connection)).may_return == 1
    assert restore(admin, connection, reactivate=reactivate) == reactivate

    assert status(pia) == (MemberStatus.ACTIVE if reactivate else MemberStatus.DELETED)
    assert member_of(pia).direct_roles == []
    assert status(deactivated) == MemberStatus.DELETED
    assert models.ActivityEntryRow.objects.filter(action="member.reactivate").count() == reactivate
    # A later restoration doesn't undo an earlier deletion.
    assert not models.ScimUserRow.objects.exclude(deactivated_with_connection_at=None).exists()


def test_a_member_whose_address_was_taken_stays_deactivated(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    pia = factories.provisioned(connection, "pia@acme.example")
    delete(admin, connection)
    factories.member(connection.organization, "PIA@acme.example")

    found = acting(admin).restoration.preview(name(connection))
    assert (found.may_return, found.taken) == (0, 1)
    assert restore(admin, connection) == 0

    assert status(pia) == MemberStatus.DELETED


def test_nothing_can_be_restored_after_the_retention_period(
    admin: models.MemberRow, connection: models.ScimConnectionRow, settings: Settings
) -> None:
    delete(admin, connection, deactivates=False)
    settings.SCIM_RESTORE_DAYS = 7

    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1), tick=True):
        scim = acting(admin)
        assert scim.restoration.page().items == ()
        with pytest.raises(NotFound):
            scim.restoration.restore(name(connection), reactivate=False)


def test_only_old_deleted_connections_are_pruned_and_users_stay_members(
    admin: models.MemberRow, connection: models.ScimConnectionRow, other_admin: models.MemberRow
) -> None:
    groups = factories.scim_groups(connection, ["Engineering", "All"])
    factories.put_in_group(groups[0], [factories.provisioned(connection, f"p{n}@acme.example") for n in range(3)])
    factories.put_group_in(groups[1], groups[0])
    factories.group_role(groups[1], "stytch_admin")
    factories.scim_conflict(connection, admin)
    factories.scim_request(connection)
    delete(admin, connection, deactivates=False)
    other = factories.scim_connection(other_admin.organization)
    factories.scim_group(other, "Theirs")
    another = factories.scim_connection(connection.organization, bearer_token="scim_token-of-another")

    call_command("prunescimconnections")
    assert models.ScimConnectionRow.objects.count() == 3

    with time_machine.travel(timezone.now() + timedelta(days=31), tick=True):
        call_command("prunescimconnections")
        call_command("prunescimconnections")

    assert set(models.ScimConnectionRow.objects.values_list("pk", flat=True)) == {other.pk, another.pk}
    assert not models.ScimUserRow.objects.exists()
    assert models.ScimGroupRow.objects.get().display_name == "Theirs"
    assert not models.ScimRequestRow.objects.exists()
    members = models.MemberRow.objects.filter(email_address__startswith="p", status=MemberStatus.ACTIVE)
    assert members.count() == 3
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.purge").count() == 1


NUMBER = 10_000


def crowd(connection: models.ScimConnectionRow, number: int) -> None:
    """Provision users."""
    organization_id = connection.organization_id
    members = models.MemberRow.objects.bulk_create(
        [models.MemberRow(organization_id=organization_id, email_address=f"p{n}@acme.example") for n in range(number)],
        batch_size=1000,
    )
    now = timezone.now()
    models.ScimUserRow.objects.bulk_create(
        [
            models.ScimUserRow(
                organization_id=organization_id,
                connection=connection,
                member=member,
                user_name=member.email_address,
                document={"userName": member.email_address, "active": True},
                updated_at=now,
            )
            for member in members
        ],
        batch_size=1000,
    )


def test_ten_thousand_users_need_no_more_memory_than_a_batch(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    crowd(connection, NUMBER)
    analyze()  # PostgreSQL's autovacuum does so soon after this many rows.
    scim = acting(admin)
    version = scim.deletion.preview(name(connection)).version
    tracemalloc.start()

    scim.deletion.deactivation.delete(name(connection), version=version)
    returned = scim.restoration.restore(name(connection), reactivate=True)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert returned == NUMBER
    assert models.MemberRow.objects.filter(status=MemberStatus.ACTIVE).count() == NUMBER + 1
    assert models.ActivityEntryRow.objects.filter(action="member.deactivate").count() == NUMBER
    # All of them at once would need more than three times as much.
    assert peak < 16_000_000


SLOW = """
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON directory_activityentry FOR EACH STATEMENT EXECUTE FUNCTION slow();
    SET LOCAL statement_timeout = 250;
"""


@pytest.mark.postgresql
def test_no_time_limit_applies_to_deleting_and_restoring_a_large_connection(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    """A statement timeout protects requests from one another, but would stop a large customer from deleting."""
    crowd(connection, 3)
    scim = acting(admin)
    version = scim.deletion.preview(name(connection)).version
    with database.cursor() as cursor:
        cursor.execute(SLOW)

    scim.deletion.deactivation.delete(name(connection), version=version)
    with database.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 250")

    assert scim.restoration.restore(name(connection), reactivate=True) == 3


@pytest.mark.parametrize("number", [3, 40])
def test_the_number_of_statements_is_independent_of_the_number_of_users(
    admin: models.MemberRow,
    connection: models.ScimConnectionRow,
    django_assert_max_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    crowd(connection, number)
    scim = acting(admin)
    version = scim.deletion.preview(name(connection)).version

    with django_assert_max_num_queries(26):
        scim.deletion.deactivation.delete(name(connection), version=version)


def test_one_of_two_concurrent_deletions_is_a_conflict(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    first, second = acting(admin), acting(admin)
    version = second.deletion.preview(name(connection)).version
    first.deletion.delete(name(connection), version=version)

    with pytest.raises(NotFound):
        second.deletion.delete(name(connection), version=version)


def test_the_second_restoration_finds_nothing(admin: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    delete(admin, connection, deactivates=False)
    restore(admin, connection)

    with pytest.raises(NotFound):
        restore(admin, connection)


def test_a_deletion_changes_only_its_own_organization(
    admin: models.MemberRow, connection: models.ScimConnectionRow, other_admin: models.MemberRow
) -> None:
    other = factories.scim_connection(other_admin.organization)
    theirs = factories.provisioned(other, "pia@acme.example")
    factories.provisioned(connection, "pia@acme.example")

    assert delete(admin, connection).deactivated_count == 1

    assert status(theirs) == MemberStatus.ACTIVE


def attempt(call: Callable[[], object]) -> SimpleNamespace:
    """Call a function, and return the status of its result."""
    try:
        call()
    except DirectoryError as error:
        return SimpleNamespace(status_code=error.status)
    return SimpleNamespace(status_code=200)


@pytest.mark.django_db(transaction=True)
def test_one_of_many_simultaneous_deletions_succeeds(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    crowd(connection, 30)
    scim = acting(admin)
    version = scim.deletion.preview(name(connection)).version
    delete_it = partial(scim.deletion.deactivation.delete, name(connection), version=version)

    found = at_once([partial(attempt, delete_it) for _ in range(4)], threads=4)

    assert sorted(found) == [200, 404, 404, 404]
    assert models.ActivityEntryRow.objects.filter(action="scim_connection.delete").count() == 1
    assert models.ActivityEntryRow.objects.filter(action="member.deactivate").count() == 30


@pytest.mark.django_db(transaction=True)
def test_one_of_two_simultaneous_restorations_succeeds(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    delete(admin, connection, deactivates=False)
    another = factories.scim_connection(connection.organization, bearer_token="scim_token-of-another")
    delete(admin, another, deactivates=False)
    scim = acting(admin)
    actions = [partial(scim.restoration.restore, name(one), reactivate=False) for one in (connection, another)]

    assert sorted(at_once([partial(attempt, action) for action in actions], threads=2)) == [200, 409]

    active = models.ScimConnectionRow.objects.filter(status=ScimConnectionStatus.ACTIVE)
    assert active.count() == 1


@pytest.mark.django_db(transaction=True)
def test_requests_during_the_deletion_are_answered(
    admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    """Some succeed, some are rejected, some get 503. There is no deadlock, and no one stays active."""
    crowd(connection, 200)
    scim = acting(admin)
    version = scim.deletion.preview(name(connection)).version
    url, headers = f"/v1/b2b/scim/{name(connection)}", {"Authorization": "Bearer scim_token-of-acme"}
    users = list(models.ScimUserRow.objects.order_by("?").values_list("pk", flat=True)[:30])

    def change(user: object) -> object:
        body = json.dumps({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"title": "x"}}]})
        path = f"{url}/Users/scim-user-live-{user}"
        return Client().patch(path, body, content_type="application/scim+json", headers=headers)

    actions: list[Callable[[], object]] = [partial(change, user) for user in users]
    actions.insert(8, partial(attempt, partial(scim.deletion.deactivation.delete, name(connection), version=version)))

    found = at_once(actions, threads=6)

    assert set(found) <= {200, 401, 503}
    assert found[8] == 200
    assert not models.MemberRow.objects.filter(status=MemberStatus.ACTIVE).exclude(pk=admin.pk).exists()
    connection.refresh_from_db()
    assert connection.deleted_at


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("call", ["create", "activate"])
def test_a_request_in_progress_during_the_deletion_leaves_no_one_active(
    admin: models.MemberRow, connection: models.ScimConnectionRow, call: str
) -> None:
    """It saw the connection active and ends after the deletion, which waits for it and deactivates again."""
    client = authenticate(name(connection), "scim_token-of-acme", Origin()).client
    assert client
    pia = create_user(client, {"userName": "pia@acme.example", "active": False})

    def hold_until_it_is_deleted() -> SimpleNamespace:
        with transaction.atomic():
            if call == "create":
                create_user(client, {"userName": "pat@acme.example"})
            else:
                body = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "value": {"active": True}}]}
                patch_user(client, user_id(pia.pk), body)
            is_written.set()
            until = monotonic() + 4
            while monotonic() < until and not models.ScimConnectionRow.objects.filter(status="deleted").exists():
                sleep(0.01)
        return SimpleNamespace(status_code=200)

    def delete_it() -> SimpleNamespace:
        is_written.wait(4)
        return attempt(lambda: delete(admin, connection))

    is_written = Event()
    assert at_once([hold_until_it_is_deleted, delete_it], threads=2) == [200, 200]

    assert not models.MemberRow.objects.filter(status=MemberStatus.ACTIVE).exclude(pk=admin.pk).exists()
    assert models.ActivityEntryRow.objects.filter(action="member.deactivate", actor_name="Ada Admin").count() == 1
    assert acting(admin).restoration.preview(name(connection)).may_return == 1


def test_an_admin_by_domain_is_exempt_if_there_is_no_other_admin(
    acme: models.OrganizationRow, connection: models.ScimConnectionRow
) -> None:
    """The first of them is exempt, the others are deactivated."""
    users = [factories.provisioned(connection, f"p{number}@acme.example") for number in range(3)]
    factories.role_by_domain(acme, "acme.example", "stytch_admin")
    caller = factories.member(acme, "root@elsewhere.example", roles=["stytch_admin"])
    scim = acting(caller)
    models.MemberRow.objects.filter(pk=caller.pk).update(direct_roles=[])

    before = scim.deletion.preview(name(connection))
    scim.deletion.deactivation.delete(name(connection), version=before.version)

    assert before.exempt == ("p0@acme.example",)
    assert [status(one) for one in users] == ["active", "deleted", "deleted"]


def test_no_user_is_exempt_if_there_are_admins_by_domain_outside_the_connection(
    acme: models.OrganizationRow, connection: models.ScimConnectionRow
) -> None:
    user = factories.provisioned(connection, "p@acme.example")
    caller = factories.member(acme, "root@acme.example")
    factories.role_by_domain(acme, "acme.example", "stytch_admin")

    delete(models.MemberRow.objects.select_related("organization").get(pk=caller.pk), connection)

    assert status(user) == "deleted"
