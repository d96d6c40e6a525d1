"""What one change writes, sent to PostgreSQL as one statement. README.md beside this says when to use it."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection, transaction
from django.db.models import AutoField, BinaryField, Field, Model

from portal.embedded.database.keys import Where, among, table
from portal.embedded.database.statements import execute

_MAX_TEXTS = 500

Values = list[Any]
Fields = Sequence["Field[Any, Any]"]


class Writes:
    """Collects what one change writes, and sends it in one round trip to PostgreSQL, however much it is.

    All of it happens at once: no part may read or write a row that another part writes. Foreign keys between the parts are
    fine. SQLite gets the parts one after the other.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[str, Values]] = []
        self._new: dict[type[Model], list[Mapping[str, Any]]] = {}
        self._added: list[tuple[str, type[Model], Sequence[Mapping[str, Any]]]] = []

    def insert(self, *rows: Model) -> None:
        """Insert new rows, as `save(force_insert=True)` would without its signals."""
        for row in rows:
            self.insert_values(type(row), [_inserted(row)])

    def insert_values(self, model: type[Model], rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows that are given as values by the model's attributes: for many rows, without an object for each."""
        self._new.setdefault(model, []).extend(rows)

    def add_numbers(
        self, model: type[Model], key: tuple[str, ...], numbers: tuple[str, ...], rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """Insert rows, or add their numbers to those of the rows that have the same key. Each key may occur once."""
        if rows:
            self._added.append((_on_conflict(model, key, numbers), model, rows))

    def update(self, row: Model, *names: str) -> None:
        """Store fields of an organization's row, as `save(update_fields=…)` would without its signals."""
        sql, fields, key = _update(type(row), names, connection.vendor)
        changed = {field.attname: field.pre_save(row, add=False) for field in fields}
        if connection.vendor == "postgresql":
            self._parts.append((sql, [_encoded(changed), *(vars(row)[field.attname] for field in key)]))
        else:
            stored = {**vars(row), **changed}
            values = [field.get_db_prep_save(stored[field.attname], connection) for field in (*fields, *key)]
            self._parts.append((sql, values))

    def update_keys(
        self, model: type[Model], change: tuple[str, Any], where: Where, column: str, keys: Sequence[UUID]
    ) -> None:
        """Set a column of the rows that fulfill a condition and have one of the keys in another column."""
        name, value = change
        condition, values = among(where, column, keys)
        (field,) = (field for field in inserted_fields(model) if field.column == name)
        prepared = field.get_db_prep_save(value, connection)
        self._parts.append((f"UPDATE {table(model)} SET {name} = %s WHERE {condition}", [prepared, *values]))

    def delete_keys(self, model: type[Model], where: Where, column: str, keys: Sequence[UUID]) -> None:
        """Delete the rows that fulfill a condition and have one of the keys in a column. No row may refer to them."""
        condition, values = among(where, column, keys)
        self._parts.append((f"DELETE FROM {table(model)} WHERE {condition}", values))

    def send(self) -> None:
        """Write everything within the caller's transaction, new rows last. Raise IntegrityError as the database does."""
        parts, new, added = self._parts, self._new, self._added
        self._parts, self._new, self._added = [], {}, []
        if connection.vendor == "postgresql":
            parts += [(_insert_documents(model), [_encoded(rows)]) for model, rows in new.items() if rows]
            parts += [(_insert_documents(model) + adding, [_encoded(counted)]) for adding, model, counted in added]
            if parts:
                execute(_as_one(tuple(sql for sql, _ in parts)), [one for _, values in parts for one in values])
            return
        for sql, values in parts:
            execute(sql, values)
        with connection.cursor() as cursor:
            for model, rows in new.items():
                cursor.executemany(_insert(model), [_prepared(model, row) for row in rows])
            for adding, model, counted in added:
                cursor.executemany(_insert(model) + adding, [_prepared(model, row) for row in counted])

    def send_whole(self) -> None:
        """Write everything or nothing. A transaction around it stays usable if the database rejects something."""
        # A single statement is a transaction of its own.
        is_whole = connection.vendor == "postgresql" and not connection.in_atomic_block
        with nullcontext() if is_whole else transaction.atomic():
            self.send()


def insert(*rows: Model) -> None:
    """Insert new rows now."""
    writes = Writes()
    writes.insert(*rows)
    writes.send()


def inserted_fields(model: type[Model]) -> Fields:
    """Return the fields that a new row has values for: the database numbers by itself."""
    return [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]


def _inserted(row: Model) -> Mapping[str, Any]:
    """Return the values of a new row, and mark it as saved."""
    names, computed = _columns(type(row))
    for field in computed:
        field.pre_save(row, add=True)
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    stored = vars(row)
    return {name: stored[name] for name in names}


@cache
def _columns(model: type[Model]) -> tuple[Sequence[str], Fields]:
    """Return the attributes of a new row, and the fields that compute their value when it is stored."""
    fields = inserted_fields(model)
    computed = [field for field in fields if type(field).pre_save is not Field.pre_save]
    return [field.attname for field in fields], computed


# Cached because psycopg does less for a text that it saw last.
@lru_cache(_MAX_TEXTS)
def _as_one(parts: tuple[str, ...]) -> str:
    """Return one statement with the parts as data-modifying WITH queries (PostgreSQL's manual, 7.8.4)."""
    *first, last = parts
    named = ", ".join(f"part{number} AS ({sql})" for number, sql in enumerate(first))
    return f"WITH {named} {last}" if named else last


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _prepared(model: type[Model], row: Mapping[str, Any]) -> Values:
    return [field.get_db_prep_save(row[field.attname], connection) for field in inserted_fields(model)]


@cache
def _update(model: type[Model], names: tuple[str, ...], vendor: str) -> tuple[str, Fields, Fields]:
    meta = model._meta
    fields, key = (
        [field for field in meta.concrete_fields if field.attname in those]
        for those in (names, ("id", "organization_id"))
    )
    columns = ", ".join(str(field.column) for field in fields)
    row = f"SELECT {_names(fields)} FROM json_to_record(%s) AS ({_record(fields)})"
    places = (
        f"({columns}) = ({row})" if vendor == "postgresql" else f"({columns}) = ({', '.join(['%s'] * len(fields))})"
    )
    return f"UPDATE {meta.db_table} SET {places} WHERE id = %s AND organization_id = %s", fields, key


@cache
def _insert(model: type[Model]) -> str:
    return f"INSERT INTO {_target(model)} VALUES ({', '.join(['%s'] * len(inserted_fields(model)))})"


@cache
def _on_conflict(model: type[Model], key: tuple[str, ...], numbers: tuple[str, ...]) -> str:
    """Return the end of an INSERT that adds numbers to an existing row."""
    sums = ", ".join(f"{name} = {table(model)}.{name} + excluded.{name}" for name in numbers)
    return f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sums}"


@cache
def _insert_documents(model: type[Model]) -> str:
    # One parameter for any number of rows and columns: passing each value separately takes several times as long.
    if any(isinstance(field, BinaryField) for field in inserted_fields(model)):
        raise TypeError(f"{model.__name__} has bytes, which JSON can't hold.")
    fields = inserted_fields(model)
    rows = f"json_to_recordset(%s) AS ({_record(fields)})"
    return f"INSERT INTO {_target(model)} SELECT {_names(fields)} FROM {rows}"


def _names(fields: Fields) -> str:
    return ", ".join(field.attname for field in fields)


def _record(fields: Fields) -> str:
    """Return the definition of a JSON record with these fields. Its names are those of the model, not of the columns."""
    return ", ".join(f"{field.attname} {field.db_type(connection)}" for field in fields)


def _target(model: type[Model]) -> str:
    columns = ", ".join(str(field.column) for field in inserted_fields(model))
    return f"{table(model)} ({columns})"
