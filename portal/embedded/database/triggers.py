"""Rules that only the database itself can keep: an append-only log, no row that joins two organizations, nobody new in what is deleted.

After each `migrate` those that are missing or differ are put in place, and no others.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ForeignKey, Model

from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.database.table_locks import TableLocked, change_tables

# What a guard's condition calls the row that is written.
_ROW = "written"
# No one is added to a deleted connection, even by a request that was authenticated before the deletion.
_INTO_ACTIVE = (models.ScimUserRow, "connection")
# References without a foreign key on PostgreSQL, where all others have one that carries the organization.
UNCONSTRAINED = [(models.ScimRequestRow, "connection")]
_APPEND_ONLY = models.ActivityEntryRow._meta.db_table


# Marks a guard's comment in PostgreSQL, before a hash of its definition.
_COMMENT = "gatehouse guard "


def install(using: str) -> None:
    """Create or replace the guards that are missing or differ, in one transaction. Raise CommandError if tables stay locked."""
    connection = connections[using]
    if not list(_changes(connection)):
        return
    try:
        change_tables(using, lambda: _execute(connection, list(_changes(connection))))
    except TableLocked as error:
        raise CommandError(
            "The database's guards were not updated: another transaction keeps a table locked. The previous "
            "guards are still in place. Run migrate again when that transaction has ended."
        ) from error


@contextmanager
def without(name: str, using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Switch a guard off within the current transaction. Only the owner of its table can.

    No one else can use it: until the transaction ends, no other one writes to the table.
    """
    connection = connections[using]
    (guard,) = (guard for guard in _guards(connection.vendor) if guard.name == name)
    _execute(connection, [guard.switch_off(connection.vendor)])
    yield
    _execute(connection, guard.switch_on(connection.vendor))


def faults(using: str) -> list[str]:
    """Return the names of the guards that are missing, disabled, or differ from what this version creates."""
    vendor, found = connections[using].vendor, _found(connections[using])
    return [guard.name for guard in _guards(vendor) if found.get(guard.name) != guard.state(vendor)]


def gaps(using: str) -> list[str]:
    """Return the names of the guards that are missing, disabled, or were changed other than by a version of Gatehouse.

    While nodes are upgraded one by one, the guards can be those of another version.
    """
    vendor, found = connections[using].vendor, _found(connections[using])
    return [guard.name for guard in _guards(vendor) if _is_gap(found.get(guard.name), guard.state(vendor), vendor)]


def _is_gap(found: "_State | None", right: "_State", vendor: str) -> bool:
    if found is None or vendor == "sqlite":
        return found is None
    is_of_this_version = found[_COMMENT_AT] == right[_COMMENT_AT]
    return found[_ENABLED_AT] not in {"O", "A"} or (is_of_this_version and found != right)


def remove(using: str) -> None:
    """Take the guards away, for a test that must empty the tables."""
    connection = connections[using]
    _execute(connection, [guard.drop(connection.vendor) for guard in _wanted(connection)])


def _changes(connection: BaseDatabaseWrapper) -> Iterator[str]:
    """Yield what makes the guards right, and nothing for those that are."""
    vendor, found = connection.vendor, _found(connection)
    wanted = {guard.name: guard for guard in _wanted(connection)}
    retired = {guard.name for guard in _retired(vendor)}
    for name, (table, *_) in found.items():
        if name not in wanted and name not in retired:
            yield _drop(name, table, vendor)
    for name, guard in wanted.items():
        if found.get(name) != guard.state(vendor):
            if vendor == "sqlite":
                yield guard.drop(vendor)
            yield from guard.create(vendor)


def same_organization() -> "Iterator[tuple[type[Model], ForeignKey[Model, Model]]]":
    """Yield each foreign key between two tables that both belong to an organization."""
    for model in models.__dict__.values():
        if isinstance(model, type) and issubclass(model, Model) and _has_organization(model):
            for field in model._meta.concrete_fields:
                if isinstance(field, ForeignKey) and _has_organization(field.related_model):
                    yield model, field


def _has_organization(model: type[Model]) -> bool:
    return any(field.name == "organization" for field in model._meta.concrete_fields)


def _wanted(connection: BaseDatabaseWrapper) -> "Iterator[_Guard]":
    """Yield the guards of the tables and columns that there are: not all are, before and between migrations."""
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        columns = {
            (table, column.name)
            for table in {guard.table for guard in _guards(connection.vendor)}.intersection(tables)
            for column in connection.introspection.get_table_description(cursor, table)
        }
    return (
        guard
        for guard in _guards(connection.vendor)
        if {(guard.table, guard.column), (guard.table, "organization_id")} <= columns
    )


def _guards(vendor: str) -> "Iterator[_Guard]":
    events = ("UPDATE", "DELETE", "TRUNCATE") if vendor == "postgresql" else ("UPDATE", "DELETE")
    for event in events:
        yield _Guard(f"activity_no_{event.lower()}", _APPEND_ONLY, "id", event, "the activity log is append-only")
    for model, field in same_organization():
        table, parent = model._meta.db_table, field.related_model._meta.db_table
        # A row counts as foreign also when its parent does not exist, which the foreign key itself reports later.
        for event in ("INSERT", "UPDATE"):
            wants_active = event == "INSERT" and (model, field.name) == _INTO_ACTIVE
            if vendor == "postgresql" and not wants_active and (model, field.name) not in UNCONSTRAINED:
                continue
            right, message = f"p.id = {_ROW}.{field.column}", "belongs to another organization"
            right = f"{right} AND p.organization_id = {_ROW}.organization_id"
            if wants_active:
                right, message = f"{right} AND p.status = '{ScimConnectionStatus.ACTIVE}'", f"{message} or is deleted"
            wrong = f"NOT EXISTS (SELECT 1 FROM {parent} p WHERE {right})"
            if field.null:
                wrong = f"{_ROW}.{field.column} IS NOT NULL AND {wrong}"
            name = f"{table}_{field.column}_same_organization_{event.lower()}"
            yield _Guard(name, table, field.column, event, f"{table}.{field.column} {message}", wrong)


def _retired(vendor: str) -> "Iterator[_Guard]":
    """Yield the guards that foreign keys replace. Where they exist they stay: nodes of the version before look for them."""
    return (guard for guard in _guards("sqlite") if vendor == "postgresql")


@dataclass(frozen=True, slots=True)
class _Guard:
    """A trigger that rejects an event, always or if `condition` is true of a row that is written."""

    name: str
    table: str
    column: str
    event: str
    message: str
    condition: str = ""

    def create(self, vendor: str) -> Iterator[str]:
        """Yield what creates it, or replaces the one of the name in PostgreSQL, where readers don't hold that up."""
        if vendor == "sqlite":
            when = f"WHEN {self.condition.replace(_ROW, 'NEW')} " if self.condition else ""
            body = f"SELECT RAISE(ABORT, '{self.message}')"
            yield f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} {when}BEGIN {body}; END"
            return
        condition, timing = self._timing()
        yield (
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql SET {_SETTING} AS "
            f"$${self._body(condition)}$$"
        )
        yield f"CREATE OR REPLACE TRIGGER {self.name} {timing} EXECUTE FUNCTION {self.name}()"
        yield f"COMMENT ON TRIGGER {self.name} ON {self.table} IS '{self._comment()}'"

    def state(self, vendor: str) -> "_State":
        """Return what `_found` has of it when it is right."""
        if vendor == "sqlite":
            return self.table, *self.create(vendor)
        condition, _ = self._timing()
        return self.table, self._comment(), self.name, self._body(condition), _SETTING.replace(" ", ""), "O"

    def _body(self, condition: str) -> str:
        refusal = f"RAISE integrity_constraint_violation USING MESSAGE = '{self.message}'"
        return f" BEGIN IF {condition} THEN {refusal}; END IF; RETURN NEW; END "

    def _comment(self) -> str:
        return _COMMENT + hashlib.sha256(" ".join((*self._timing(), self.message)).encode()).hexdigest()

    def _timing(self) -> tuple[str, str]:
        """Return what PostgreSQL asks and when: once for all rows that are inserted, and of updates for those that matter."""
        if not self.condition:
            level = "STATEMENT" if self.event == "TRUNCATE" else "ROW"
            return "TRUE", f"BEFORE {self.event} ON {self.table} FOR EACH {level}"
        if self.event == "INSERT":
            asked = f"EXISTS (SELECT 1 FROM {_ROW} WHERE {self.condition})"
            return asked, f"AFTER INSERT ON {self.table} REFERENCING NEW TABLE AS {_ROW} FOR EACH STATEMENT"
        moves = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in (self.column, "organization_id"))
        return self.condition.replace(_ROW, "NEW"), f"BEFORE UPDATE ON {self.table} FOR EACH ROW WHEN ({moves})"

    def switch_off(self, vendor: str) -> str:
        # PostgreSQL lets readers such as pg_dump continue, which a dropped trigger would not.
        return self.drop(vendor) if vendor == "sqlite" else f"ALTER TABLE {self.table} DISABLE TRIGGER {self.name}"

    def switch_on(self, vendor: str) -> Iterable[str]:
        if vendor == "sqlite":
            return self.create(vendor)
        return [f"ALTER TABLE {self.table} ENABLE TRIGGER {self.name}"]

    def drop(self, vendor: str) -> str:
        return _drop(self.name, self.table, vendor)


# A plan created while a table is small would scan it, and be kept while the table grows.
_SETTING = "enable_seqscan = off"
_NAME = re.compile(r"activity_no_|.*_same_organization_")
# Partitions have copies of a row's triggers, with `tgparentid`. Of a trigger: its table, and what tells whether it is as it was created.
_State = tuple[str, ...]
_COMMENT_AT, _ENABLED_AT = 1, -1
_FIND_IN_POSTGRESQL = """
    SELECT trigger.tgname, tables.relname, obj_description(trigger.oid, 'pg_trigger'), function.proname,
        function.prosrc, array_to_string(function.proconfig, ','), COALESCE(
            (SELECT part.tgenabled FROM pg_trigger part WHERE part.tgparentid = trigger.oid AND part.tgenabled = 'D' LIMIT 1),
            trigger.tgenabled)
    FROM pg_trigger trigger JOIN pg_class tables ON tables.oid = trigger.tgrelid
    JOIN pg_proc function ON function.oid = trigger.tgfoid
    WHERE NOT trigger.tgisinternal AND trigger.tgparentid = 0 AND pg_table_is_visible(tables.oid)
        AND (trigger.tgname = ANY(%s) OR starts_with(obj_description(trigger.oid, 'pg_trigger'), %s))
"""


def _found(connection: BaseDatabaseWrapper) -> Mapping[str, _State]:
    """Return the state of each trigger that is a guard, or has been one, by its name."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'")
        else:
            cursor.execute(_FIND_IN_POSTGRESQL, [[guard.name for guard in _guards(connection.vendor)], _COMMENT])
        return {name: tuple(state) for name, *state in cursor.fetchall() if _NAME.match(name)}


def _drop(name: str, table: str, vendor: str) -> str:
    return f"DROP TRIGGER IF EXISTS {name}" + ("" if vendor == "sqlite" else f" ON {table}")


def _execute(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
