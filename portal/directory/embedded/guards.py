"""Rules that only the database itself can keep: an append-only log, no row that joins two organizations, nobody new in what is deleted.

They are (re)installed after every `migrate`, because Django's table rebuilds on SQLite drop triggers without a word.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ForeignKey, Model

from portal.directory.embedded import models
from portal.directory.types import ScimConnectionStatus

# What a guard's condition calls the row that is written.
_ROW = "written"
# Nobody comes into a connection once it is deleted, whatever a call that was let in before it knows.
_INTO_ACTIVE = (models.ScimUser, "connection")
_APPEND_ONLY = models.ActivityEntry._meta.db_table  # noqa: SLF001 -- Django's documented model API


def install(using: str) -> None:
    """Put every guard in place; harmless when it is there already."""
    connection = connections[using]
    remove(using)
    _execute(connection, (sql for guard in _there(connection) for sql in guard.create(connection.vendor)))


def make_way(using: str) -> None:
    """Take the guards away for a migration on SQLite, which renames no table that a trigger of another one names."""
    if connections[using].vendor == "sqlite":
        remove(using)


def remove(using: str) -> None:
    """Take the guards away, for a test that must empty the tables."""
    connection = connections[using]
    _execute(connection, (sql for guard in _there(connection) for sql in guard.drop(connection.vendor)))


def same_organization() -> "Iterator[tuple[type[Model], ForeignKey[Model, Model]]]":
    """Yield each foreign key between two tables that both belong to an organization."""
    for model in models.__dict__.values():
        if isinstance(model, type) and issubclass(model, Model) and _has_organization(model):
            for field in model._meta.concrete_fields:  # noqa: SLF001 -- Django's documented model API
                if isinstance(field, ForeignKey) and _has_organization(field.related_model):
                    yield model, field


def _has_organization(model: type[Model]) -> bool:
    return any(field.name == "organization" for field in model._meta.concrete_fields)  # noqa: SLF001 -- as above


def _there(connection: BaseDatabaseWrapper) -> "Iterator[_Guard]":
    """Yield the guards of the tables and columns that there are: not all are, before and between migrations."""
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        columns = {
            (table, column.name)
            for table in {guard.table for guard in _guards(connection.vendor)}.intersection(tables)
            for column in connection.introspection.get_table_description(cursor, table)
        }
    return (guard for guard in _guards(connection.vendor) if (guard.table, guard.column) in columns)


def _guards(vendor: str) -> "Iterator[_Guard]":
    events = ("UPDATE", "DELETE", "TRUNCATE") if vendor == "postgresql" else ("UPDATE", "DELETE")
    for event in events:
        yield _Guard(f"activity_no_{event.lower()}", _APPEND_ONLY, "id", event, "the activity log is append-only")
    for model, field in same_organization():
        table, parent = model._meta.db_table, field.related_model._meta.db_table  # noqa: SLF001 -- as above
        # A row counts as foreign also when its parent does not exist, which the foreign key itself reports later.
        # The key alone finds it: with the organization as well, PostgreSQL may read all of the organization's rows.
        for event in ("INSERT", "UPDATE"):
            wants_active = event == "INSERT" and (model, field.name) == _INTO_ACTIVE
            right, message = f"p.organization_id = {_ROW}.organization_id", "belongs to another organization"
            if wants_active:
                right, message = f"{right} AND p.status = '{ScimConnectionStatus.ACTIVE}'", f"{message} or is deleted"
            wrong = f"NOT COALESCE((SELECT {right} FROM {parent} p WHERE p.id = {_ROW}.{field.column}), FALSE)"  # noqa: S608 -- names of our own tables
            if field.null:
                wrong = f"{_ROW}.{field.column} IS NOT NULL AND {wrong}"
            name = f"{table}_{field.column}_same_organization_{event.lower()}"
            yield _Guard(name, table, field.column, event, f"{table}.{field.column} {message}", wrong)


@dataclass(frozen=True, slots=True)
class _Guard:
    """A trigger that refuses an event, always or when `condition` holds for a row that is written."""

    name: str
    table: str
    column: str
    event: str
    message: str
    condition: str = ""

    def create(self, vendor: str) -> Iterator[str]:
        if vendor == "sqlite":
            when = f"WHEN {self.condition.replace(_ROW, 'NEW')} " if self.condition else ""
            body = f"SELECT RAISE(ABORT, '{self.message}')"
            yield f"CREATE TRIGGER {self.name} BEFORE {self.event} ON {self.table} {when}BEGIN {body}; END"
            return
        condition, timing = self._timing()
        refusal = f"RAISE integrity_constraint_violation USING MESSAGE = '{self.message}'"
        # A plan made while a table is small would scan it, and be kept while the table grows.
        yield (
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS "
            f"$$ BEGIN IF {condition} THEN {refusal}; END IF; RETURN NEW; END $$"
        )
        yield f"CREATE TRIGGER {self.name} {timing} EXECUTE FUNCTION {self.name}()"

    def _timing(self) -> tuple[str, str]:
        """Return what PostgreSQL asks and when: once for all rows that are inserted, and of updates for those that matter."""
        if not self.condition:
            level = "STATEMENT" if self.event == "TRUNCATE" else "ROW"
            return "TRUE", f"BEFORE {self.event} ON {self.table} FOR EACH {level}"
        if self.event == "INSERT":
            asked = f"EXISTS (SELECT 1 FROM {_ROW} WHERE {self.condition})"  # noqa: S608 -- names of our own tables
            return asked, f"AFTER INSERT ON {self.table} REFERENCING NEW TABLE AS {_ROW} FOR EACH STATEMENT"
        moves = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in (self.column, "organization_id"))
        return self.condition.replace(_ROW, "NEW"), f"BEFORE UPDATE ON {self.table} FOR EACH ROW WHEN ({moves})"

    def drop(self, vendor: str) -> Iterator[str]:
        yield f"DROP TRIGGER IF EXISTS {self.name}" + ("" if vendor == "sqlite" else f" ON {self.table}")


def _execute(connection: BaseDatabaseWrapper, statements: Iterator[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
