"""Changes that the database itself rejects, without relying on the code."""

import dataclasses
import re
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ForeignKey, Model
from django.db.models.signals import post_migrate, pre_migrate
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from psycopg.sql import SQL, Identifier

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.ids import uuid7
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.database import table_locks, triggers
from portal.embedded.members.sign_in_links import new_link
from portal.embedded.sessions.intermediate import start_intermediate_session
from tests import factories

pytestmark = pytest.mark.django_db
JOINS = list(triggers.same_organization())
# Values that keep unique constraints satisfied, so that only the guard can reject the row.
UNTAKEN: dict[type[Model], tuple[str, Any]] = {
    models.PasskeyRow: ("credential_id", b"another"),
    models.ScimUserRow: ("user_name", "another"),
    models.ScimGroupRow: ("display_name", "another"),
    models.ScimGroupRoleRow: ("role_id", "another"),
    models.ScimTokenRow: ("is_next", True),
}


@pytest.fixture
def entry(acme: models.OrganizationRow) -> models.ActivityEntryRow:
    record(Caller(Actor(ActorType.OPERATOR), Origin()), "x.create", organization_id=acme.pk, target_id="x")
    return models.ActivityEntryRow.objects.get()


def test_an_entry_of_the_log_cannot_be_changed(entry: models.ActivityEntryRow) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.ActivityEntryRow.objects.update(action="something else")
    assert models.ActivityEntryRow.objects.get().action == "x.create"


def test_an_entry_of_the_log_cannot_be_deleted(entry: models.ActivityEntryRow) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        entry.delete()
    assert models.ActivityEntryRow.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_the_log_cannot_be_truncated(entry: models.ActivityEntryRow) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {models.ActivityEntryRow._meta.db_table} CASCADE")
    assert models.ActivityEntryRow.objects.exists()


def test_the_guards_survive_another_migrate(entry: models.ActivityEntryRow) -> None:
    call_command("migrate", verbosity=0)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.ActivityEntryRow.objects.all().delete()


IS_CHANGE = re.compile(r"\s*(CREATE|DROP|ALTER|COMMENT|SET|LOCK|TRUNCATE)\b", re.IGNORECASE)
LOG = models.ActivityEntryRow._meta.db_table


def run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def changes(sql: list[dict[str, str]]) -> list[str]:
    return [query["sql"] for query in sql if IS_CHANGE.match(query["sql"])]


def test_a_migrate_with_nothing_to_do_changes_nothing(acme: models.OrganizationRow) -> None:
    with CaptureQueriesContext(connection) as queries:
        triggers.install(connection.alias)

    assert changes(queries.captured_queries) == []
    assert triggers.faults(connection.alias) == []


def test_only_a_missing_guard_is_reported_and_created(acme: models.OrganizationRow) -> None:
    run("DROP TRIGGER activity_no_delete" + (f" ON {LOG}" if connection.vendor == "postgresql" else ""))
    assert triggers.faults(connection.alias) == triggers.gaps(connection.alias) == ["activity_no_delete"]

    with CaptureQueriesContext(connection) as queries:
        triggers.install(connection.alias)

    assert {"activity_no_delete" in sql for sql in changes(queries.captured_queries) if "lock_timeout" not in sql} == {
        True
    }
    assert triggers.faults(connection.alias) == []


WEAKER = (
    f"CREATE TRIGGER activity_no_delete BEFORE DELETE ON {LOG} WHEN OLD.id = 'x' BEGIN SELECT RAISE(ABORT, 'x'); END"
)
SABOTAGE = {
    "sqlite": [["DROP TRIGGER activity_no_delete", WEAKER]],
    "postgresql": [
        [f"ALTER TABLE {LOG} DISABLE TRIGGER activity_no_delete"],
        [f"ALTER TABLE {LOG} ENABLE REPLICA TRIGGER activity_no_delete"],
        [
            "CREATE OR REPLACE FUNCTION activity_no_delete() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$"
        ],
        ["ALTER FUNCTION activity_no_delete() RESET ALL"],
        [
            f"DROP TRIGGER activity_no_delete ON {LOG}",
            f"CREATE TRIGGER activity_no_delete AFTER DELETE ON {LOG} EXECUTE FUNCTION activity_no_delete()",
        ],
    ],
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", range(max(map(len, SABOTAGE.values()))))
def test_a_guard_that_differs_is_reported_and_replaced(entry: models.ActivityEntryRow, number: int) -> None:
    ways = SABOTAGE[connection.vendor]
    run(*ways[number % len(ways)])
    assert triggers.faults(connection.alias) == ["activity_no_delete"]
    is_reported_by_readiness = connection.vendor == "postgresql" and number < 4
    assert triggers.gaps(connection.alias) == (["activity_no_delete"] if is_reported_by_readiness else [])

    call_command("migrate", verbosity=0)

    assert triggers.faults(connection.alias) == []
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        entry.delete()


def test_a_guard_of_an_earlier_version_is_deleted(acme: models.OrganizationRow) -> None:
    if connection.vendor == "sqlite":
        run(
            f"CREATE TRIGGER gone_same_organization_insert BEFORE INSERT ON {LOG} BEGIN SELECT RAISE(ABORT, 'old'); END"
        )
    else:
        run(
            "CREATE FUNCTION gone_same_organization_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
            f"CREATE TRIGGER gone_same_organization_insert BEFORE INSERT ON {LOG} EXECUTE FUNCTION gone_same_organization_insert()",
            f"COMMENT ON TRIGGER gone_same_organization_insert ON {LOG} IS 'gatehouse guard 0'",
        )

    triggers.install(connection.alias)

    record(Caller(Actor(ActorType.OPERATOR), Origin()), "x.create", organization_id=acme.pk, target_id="x")
    assert models.ActivityEntryRow.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_killed_change_of_guards_leaves_the_previous_ones(
    entry: models.ActivityEntryRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a new version had other messages, and its `migrate` was killed in the middle."""
    all_of_them = list(triggers._guards(connection.vendor))
    others = [dataclasses.replace(guard, message=f"{guard.message}!") for guard in all_of_them]
    monkeypatch.setattr(triggers, "_guards", lambda _: iter(others))

    def killed(connection: Any, statements: Iterable[str]) -> None:
        run(*list(statements)[: len(others)])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(triggers, "_execute", killed)
        with pytest.raises(KeyboardInterrupt):
            triggers.install(connection.alias)

    assert len(triggers.faults(connection.alias)) == len(others)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.ActivityEntryRow.objects.update(action="something else")
    triggers.install(connection.alias)
    assert triggers.faults(connection.alias) == []
    monkeypatch.undo()
    assert len(triggers.faults(connection.alias)) == len(others)


def test_nodes_serve_with_the_guards_of_another_version(
    acme: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nodes are upgraded, or back, one by one."""
    others = [dataclasses.replace(guard, message=f"{guard.message}!") for guard in triggers._guards(connection.vendor)]
    monkeypatch.setattr(triggers, "_guards", lambda _: iter(others))

    assert len(triggers.faults(connection.alias)) == len(others)
    assert triggers.gaps(connection.alias) == []


def another_connection() -> "psycopg.Connection[Any]":
    known = connection.get_connection_params()
    return psycopg.connect(
        **{one: known[one] for one in ("dbname", "host", "port", "user", "password") if one in known}
    )


def commit_later(writer: "psycopg.Connection[Any]") -> None:
    time.sleep(1)
    writer.commit()


def make_all_differ() -> None:
    run(*(f"COMMENT ON TRIGGER {guard.name} ON {guard.table} IS NULL" for guard in triggers._guards("postgresql")))


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_long_read_delays_neither_guards_nor_writes(acme: models.OrganizationRow) -> None:
    """Such as pg_dump."""
    make_all_differ()
    with another_connection() as reader, another_connection() as writer:
        for guard in triggers._guards("postgresql"):
            reader.execute(SQL("SELECT 1 FROM {} LIMIT 1").format(Identifier(guard.table)))
        triggers.install(connection.alias)
        writer.execute("SET statement_timeout = '2s'")
        writer.execute("UPDATE directory_organization SET name = 'Acme again'")
    assert triggers.faults(connection.alias) == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_waiting_for_a_long_write_does_not_delay_others(
    acme: models.OrganizationRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_all_differ()
    monkeypatch.setattr(table_locks, "TRIES", 1)
    with another_connection() as writer:
        writer.execute("DELETE FROM directory_scimuser")
        with pytest.raises(CommandError, match="Run migrate again"):
            triggers.install(connection.alias)

    monkeypatch.setattr(table_locks, "TRIES", 5)
    with another_connection() as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("DELETE FROM directory_scimuser")
        pool.submit(commit_later, writer)
        triggers.install(connection.alias)
    assert triggers.faults(connection.alias) == []


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_migration_may_run_long_but_not_wait_long_for_a_lock(acme: models.OrganizationRow) -> None:
    seen: list[tuple[str, str]] = []

    def look(**_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
            seen.append(cursor.fetchone())

    for signal in (pre_migrate, post_migrate):
        signal.connect(look, weak=False)
    try:
        call_command("migrate", verbosity=0)
        call_command("migrate", verbosity=0)
    finally:
        for signal in (pre_migrate, post_migrate):
            signal.disconnect(look)

    assert ("0", "3s") in seen
    assert seen[-1] == ("1min", "10s")


def second_factor_rows(organization: models.OrganizationRow, member: models.MemberRow) -> None:
    second = {"organization": organization, "member": member, "encrypted_with": "a key"}
    models.TotpRow.objects.create(secret=b"encrypted", **second)
    models.RecoveryCodesRow.objects.create(codes=b"encrypted", **second)
    models.PasskeyRow.objects.create(
        organization=organization, member=member, credential_id=b"a credential", public_key=b"a key", name="iPhone"
    )
    models.RememberedDeviceRow.objects.create(
        organization=organization, member=member, token_hash=b"a hash", state_hash=b"a state", expires_at=timezone.now()
    )
    models.PasskeyChallengeRow.objects.create(
        organization=organization,
        member=member,
        challenge=b"a challenge",
        bound_to=uuid7(),
        is_creation=False,
        expires_at=timezone.now(),
    )


def invitation_and_ticket_rows(organization: models.OrganizationRow, member: models.MemberRow) -> None:
    now = timezone.now()
    models.InvitationRow.objects.create(organization=organization, member=member, sent_at=now, expires_at=now)
    job = models.InvitationJobRow.objects.create(organization=organization, created_by="member")
    models.InvitationLineRow.objects.create(organization=organization, job=job, number=1, email_address="x")
    models.EmbedTicketRow.objects.create(
        organization=organization, member=member, token_hash=b"a hash", embedding={}, expires_at=now
    )


@pytest.fixture
def rows(acme: models.OrganizationRow, globex: models.OrganizationRow) -> dict[tuple[str, type[Model]], Any]:
    """One row of each table in each organization."""
    examples: dict[tuple[str, type[Model]], Any] = {}
    for organization in (acme, globex):
        member = factories.member(organization, "ada@acme.example")
        models.OrganizationLogoRow.objects.create(organization=organization, content=b"an image", digest="0")
        factories.session_token(member)
        new_link(member)
        scim = factories.scim_connection(organization)
        group, user = factories.scim_group(scim, "Everyone"), factories.scim_user(scim, "ada")
        factories.put_in_group(group, [user])
        inner = factories.scim_group(scim, "Within")
        models.ScimNestingRow.objects.create(organization=organization, group=group, member=inner)
        factories.group_role(group, "stytch_admin")
        models.ScimConflictRow.objects.create(
            organization=organization, connection=scim, member=member, user_name="ada"
        )
        models.ScimSafeguardRow.objects.create(organization=organization, connection=scim)
        models.ScimContactRow.objects.create(
            organization=organization, connection=scim, email_address="it@acme.example"
        )
        start_intermediate_session("ada@acme.example", [member])
        models.SmsOtpRow.objects.create(
            organization=organization,
            member=member,
            phone_number="+12025550123",
            request_id=uuid7(),
            expires_at=timezone.now(),
        )
        second_factor_rows(organization, member)
        invitation_and_ticket_rows(organization, member)
        models.ScimReminderRow.objects.create(organization=organization, connection=scim, about="safeguard/now")
        models.ScimUserRow.objects.filter(pk=user.pk).update(member=member)
        factories.scim_request(scim)
        for model in {m for join, _ in JOINS for m in (join, _.related_model)}:
            found = model._default_manager.filter(organization=organization).first()
            if found is not None:
                examples[organization.slug, model] = found
    return examples


def test_every_join_of_two_tables_is_known() -> None:
    assert {(model.__name__, field.name) for model, field in JOINS} >= {
        ("MemberSessionRow", "member"),
        ("SignInLinkRow", "member"),
        ("ScimTokenRow", "connection"),
        ("ScimRequestRow", "connection"),
        ("ScimUserRow", "connection"),
        ("ScimGroupRow", "connection"),
        ("ScimMembershipRow", "group"),
        ("ScimMembershipRow", "user"),
    }


@pytest.mark.parametrize(
    ("model", "field"), JOINS, ids=lambda value: getattr(value, "__name__", getattr(value, "name", ""))
)
def test_no_row_joins_two_organizations(
    rows: dict[tuple[str, type[Model]], Any], model: type[Model], field: "ForeignKey[Model, Model]"
) -> None:
    foreign = rows["globex", field.related_model]
    is_guarded = connection.vendor == "sqlite" or (model, field.name) in triggers.UNCONSTRAINED
    refusal = "another organization" if is_guarded else f"{field.column}_tenant"

    with pytest.raises(IntegrityError, match=refusal), transaction.atomic():
        model._default_manager.filter(pk=rows["acme", model].pk).update(**{field.name: foreign})

    copy = model._default_manager.get(pk=rows["acme", model].pk)
    copy.pk = None
    copy._state.adding = True
    for column in model._meta.concrete_fields:
        if column.primary_key and column.has_default():
            setattr(copy, column.attname, column.get_default())
        elif column.unique and not column.primary_key:
            setattr(copy, column.attname, None)
        elif column.name == "token_hash":
            setattr(copy, column.attname, b"another")
    if model in UNTAKEN:
        setattr(copy, *UNTAKEN[model])
    if field.one_to_one:
        model._default_manager.filter(**{field.name: foreign}).update(**{field.name: None})
    setattr(copy, field.name, foreign)
    with pytest.raises(IntegrityError, match=refusal), transaction.atomic():
        copy.save(force_insert=True)
