"""Statements of the busiest calls, whose SQL is made once: to have Django make it anew takes longer than to run it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, JSONField, Model, QuerySet
from django.db.models.query import get_related_populators

from portal.embedded.database.made_rows import Fields, inserted, inserted_fields, stored_row

Row = TypeVar("Row", bound=Model)
_MOST_KEPT = 1000


@dataclass(frozen=True)
class _Compiled:
    """A queryset's SQL, and how its rows are read."""

    sql: str
    compiler: Any
    converters: Any

    @cached_property
    def width(self) -> int:
        """How many columns the marks take."""
        return len(self._marks)

    @property
    def _marks(self) -> list[str]:
        """Return by what PostgreSQL tells each row from the same one as it was before: who wrote it, and where; SQLite has neither."""
        aliases = self.compiler.query.alias_map if connection.vendor == "postgresql" else ()
        return [f'"{alias}".{column}' for alias in aliases for column in ("xmin", "ctid")]

    @cached_property
    def marks(self) -> str:
        """The SQL that reads nothing but the marks, "" where there are none."""
        rows = self.sql.partition(" FROM ")[2]
        return f"SELECT {', '.join(self._marks)} FROM {rows}" if self._marks else ""  # noqa: S608 -- Django's own SQL

    @cached_property
    def marked(self) -> str:
        """The SQL that reads the rows behind their marks."""
        return self.sql.replace("SELECT ", f"SELECT {', '.join(self._marks)}, ", 1) if self._marks else self.sql

    def parted(self, found: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Return the mark of what was read by `marked`, and the row; on SQLite the row is its own mark."""
        return (found[: self.width], found[self.width :]) if self.width else (found, found)

    def read(self, found: Sequence[Sequence[Any]]) -> Iterable[Sequence[Any]]:
        return self.compiler.apply_converters(found, self.converters) if self.converters else found

    def object(self, row: Sequence[Any]) -> Any:
        # As django.db.models.query.ModelIterable does.
        start, end, names = self._own_columns
        found = stored_row(self.compiler.klass_info["model"], names, row[start:end])
        for name, place in self.compiler.annotation_col_map.items():
            setattr(found, name, row[place])
        for related in self._related:
            related.populate(row, found)
        return found

    @cached_property
    def _own_columns(self) -> tuple[int, int, Sequence[str]]:
        places = self.compiler.klass_info["select_fields"]
        start, end = places[0], places[-1] + 1
        return start, end, [column[0].target.attname for column in self.compiler.select[start:end]]

    @cached_property
    def _related(self) -> Sequence[Any]:
        return get_related_populators(self.compiler.klass_info, self.compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]  # -- of a later Django


class Statement(Generic[Row]):
    """A queryset with parameters, as Django's own compiler makes it, compiled at the first use.

    `parameters` are fields, each with an example. `build` gets the examples, and uses each once, in the order in which they stand in the SQL.
    """

    def __init__(self, build: "Callable[..., QuerySet[Row, Any]]", *parameters: tuple[Any, Any]) -> None:
        self._build, self._parameters = build, parameters
        self._compiled: _Compiled | None = None
        self._known: dict[tuple[Any, ...], tuple[Sequence[Any], Row]] = {}

    def rows(self, *values: Any) -> Iterable[Sequence[Any]]:
        """Run it and return the selected columns of each row."""
        compiled = self._compiled or self._compile()
        return compiled.read(self._run(compiled.sql, values))

    def first(self, *values: Any) -> Row | None:
        """Run it and return the first row as an object, with those that it was selected with."""
        for row in self.rows(*values):
            found: Row = (self._compiled or self._compile()).object(row)
            return found
        return None

    def kept(self, *values: Any, good: Callable[[Row], bool]) -> Row | None:
        """Run it and return the first row as `first` does, but the same object as last time while its rows are unchanged.

        For what every call asks for, and nobody changes who gets it. What is not good is read anew each time, as what is
        not there is: so the time does not tell one from the other.
        """
        compiled = self._compiled or self._compile()
        mark, known = self._known.get(values, ((), None))
        if compiled.marks:
            is_same = self._run(compiled.marks, values)[:1] == [mark]
            if known is not None and is_same and good(known):
                return known
        for now, row in map(compiled.parted, self._run(compiled.marked, values)):
            if known is not None and now == mark:
                return known
            (read,) = compiled.read([row])
            found: Row = compiled.object(read)
            if good(found):
                self._keep(values, now, found)
            return found
        return None

    def _keep(self, values: tuple[Any, ...], mark: Sequence[Any], row: Row) -> None:
        if len(self._known) >= _MOST_KEPT:
            self._known.clear()
        self._known[values] = (mark, row)

    def _run(self, sql: str, values: Iterable[Any]) -> list[tuple[Any, ...]]:
        cursor = _cursor()
        cursor.execute(sql, self._prepared(values))
        return cursor.fetchall()  # type: ignore[no-any-return]  # -- any row is a tuple

    def _prepared(self, values: Iterable[Any]) -> list[Any]:
        database = _database()
        has_uuids = database.features.has_native_uuid_field
        return [
            # Almost all are keys, which PostgreSQL takes as they are.
            value if has_uuids and type(value) is UUID else field.get_db_prep_value(value, database, prepared=False)
            for (field, _), value in zip(self._parameters, values, strict=True)
        ]

    def _compile(self) -> _Compiled:
        compiler = self._build(*(example for _, example in self._parameters)).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        examples = self._prepared(example for _, example in self._parameters)
        # One cannot be in the wrong place, and a binary one is not equal to itself.
        if len(parameters) != len(examples) or (len(examples) > 1 and list(parameters) != examples):
            raise TypeError(f"The parameters are declared in another order than they have in: {sql}")
        selected = [column[0] for column in compiler.select[: compiler.col_count]]
        converters = {
            place: ([_read_json if _reads_json(one) else one for one in converts], expression)
            for place, (converts, expression) in compiler.get_converters(selected).items()
        }
        self._compiled = _Compiled(sql, compiler, converters)
        return self._compiled


def _reads_json(converter: Any) -> bool:
    field = getattr(converter, "__self__", None)
    return isinstance(field, JSONField) and field.decoder is None


def _read_json(value: str | None, *_: Any) -> Any:
    """Return what Django's JSONField does, in a third of the time."""
    return None if value is None else msgspec.json.decode(value)


Scope = Mapping[str, UUID | None]
Values = list[Any]


class Writes:
    """What one change writes. To PostgreSQL it goes as one statement, which costs one way there and back, however much it is.

    All of it happens at once: nothing in it may write a row that something else in it writes, or look at it.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[str, Values]] = []
        self._new: dict[type[Model], list[Mapping[str, Any]]] = {}

    def insert(self, *rows: Model) -> None:
        """Insert new rows."""
        for row in rows:
            self.insert_values(type(row), [inserted(row)])

    def insert_values(self, model: type[Model], rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows that are given as values by column: where there are many, without an object for each."""
        self._new.setdefault(model, []).extend(rows)

    def update(self, row: Model, *names: str) -> None:
        """Store fields of a row, as `save(update_fields=…)` would."""
        database = _database()
        sql, fields = _change(type(row), names, database.vendor)
        changed = {field.attname: field.pre_save(row, add=False) for field in fields}
        if database.vendor == "postgresql":
            self._parts.append((sql, [_encoded(changed), row.pk]))
        else:
            values = [field.get_db_prep_save(changed[field.attname], database) for field in fields]
            self._parts.append((sql, [*values, row._meta.pk.get_db_prep_save(row.pk, database)]))

    def update_keys(
        self, model: type[Model], change: tuple[str, Any], scope: Scope, column: str, keys: Sequence[UUID]
    ) -> None:
        """Set one column of the rows that have the scope's values and one of the keys in another."""
        name, value = change
        condition, values = _among(scope, column, keys)
        (field,) = (field for field in inserted_fields(model) if field.column == name)
        prepared = field.get_db_prep_save(value, connection)
        self._parts.append((f"UPDATE {_table(model)} SET {name} = %s WHERE {condition}", [prepared, *values]))  # noqa: S608 -- our own names

    def delete_keys(self, model: type[Model], scope: Scope, column: str, keys: Sequence[UUID]) -> None:
        """Delete the rows that have the scope's values and one of the keys in a column; to such rows nothing may refer."""
        condition, values = _among(scope, column, keys)
        self._parts.append((f"DELETE FROM {_table(model)} WHERE {condition}", values))  # noqa: S608 -- our own names

    def send(self, *, is_last: bool = False) -> None:
        """Write everything within the caller's transaction, what is new last.

        What `is_last` of all that the transaction does is committed on the same way.
        """
        parts, new = self._parts, self._new
        self._parts, self._new = [], {}
        if connection.vendor == "postgresql":
            inserted = ((_insertion_of_documents(model), [_encoded(rows)]) for model, rows in new.items() if rows)
            _run_as_one([*parts, *inserted], is_last=is_last)
            return
        with connection.cursor() as cursor:
            for sql, values in parts:
                cursor.execute(sql, values)
            for model, rows in new.items():
                cursor.executemany(_insertion(model), [_prepared_row(model, row) for row in rows])

    def send_whole(self) -> None:
        """Write everything or nothing: what the database refuses leaves a transaction around it as it was."""
        is_whole = connection.vendor == "postgresql" and not connection.in_atomic_block
        with nullcontext() if is_whole else transaction.atomic():
            self.send()


def insert(*rows: Model) -> None:
    """Insert new rows of one table, now."""
    writes = Writes()
    writes.insert(*rows)
    writes.send()


def insert_values(model: type[Model], rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that are given as values by column, now."""
    writes = Writes()
    writes.insert_values(model, rows)
    writes.send()


def _run_as_one(parts: Sequence[tuple[str, Values]], *, is_last: bool) -> None:
    """Run statements that change rows as parts of one (PostgreSQL's manual, 7.8.4); deferred constraints see all of them."""
    if parts:
        *first, (last, _) = parts
        named = ", ".join(f"part{number} AS ({sql})" for number, (sql, _) in enumerate(first))
        run = connection.run_last if is_last else _cursor().execute  # type: ignore[attr-defined]  # -- of our backend
        run(f"WITH {named} {last}" if named else last, [one for _, values in parts for one in values])


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _prepared_row(model: type[Model], row: Mapping[str, Any]) -> Values:
    return [field.get_db_prep_save(row[field.attname], connection) for field in inserted_fields(model)]


def _cursor() -> Any:
    """Return what runs a statement whose rows are fetched at once; to make a cursor for each takes a third of its time."""
    database = _database()
    kept = getattr(database, "kept_cursor", None)
    return kept() if kept else database.cursor()


def _database() -> BaseDatabaseWrapper:
    """Return what `connection` stands for, and looks up anew for each attribute."""
    return connections[DEFAULT_DB_ALIAS]


def select_keys(
    model: type[Model], scope: Scope, column: str, keys: Sequence[UUID], *more: str
) -> list[tuple[UUID, ...]]:
    """Return a column, and more that hold keys, of the rows that have the scope's values and one of the keys in it."""
    condition, values = _among(scope, column, keys)
    cursor = _cursor()
    cursor.execute(f"SELECT {', '.join((column, *more))} FROM {_table(model)} WHERE {condition}", values)  # noqa: S608 -- our own names
    found: list[tuple[Any, ...]] = cursor.fetchall()
    return found if connection.vendor == "postgresql" else [tuple(map(_key, row)) for row in found]


def select_keys_in(
    model: type[Model], keys: Sequence[UUID], column: str, within: tuple[type[Model], Scope, str]
) -> list[tuple[UUID, UUID, bool]]:
    """Return those of the keys that a table has, with a column of it that holds keys, and whether another table has them too.

    There, among the rows that have the scope's values, they stand in a column of the name.
    """
    other, scope, name = within
    there, values = _of_scope(scope)
    condition, among = _among({}, "id", keys)
    # Not EXISTS, for which PostgreSQL may read all rows of the scope into a table first: a group has a hundred thousand.
    is_in = f"(SELECT 1 FROM {_table(other)} WHERE {there} AND {name} = {_table(model)}.id)"  # noqa: S608 -- our own names
    cursor = _cursor()
    cursor.execute(f"SELECT id, {column}, {is_in} FROM {_table(model)} WHERE {condition}", [*values, *among])  # noqa: S608 -- our own names
    return [(_key(key), _key(more), bool(found)) for key, more, found in cursor.fetchall()]


def _key(value: Any) -> UUID:
    # SQLite keeps keys as hexadecimal text.
    return value if isinstance(value, UUID) else UUID(value)


def count_rows(model: type[Model], scope: Scope) -> int:
    """Return how many rows have the scope's values."""
    condition, values = _of_scope(scope)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {_table(model)} WHERE {condition}", values)  # noqa: S608 -- our own names
        return int(cursor.fetchone()[0])


def key_at(model: type[Model], scope: Scope, number: int) -> UUID | None:
    """Return the key of the row at a place, from 0, among those that have the scope's values; None beyond the last."""
    condition, values = _of_scope(scope)
    sql = f"SELECT id FROM {_table(model)} WHERE {condition} ORDER BY id LIMIT 1 OFFSET %s"  # noqa: S608 -- our own names
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, number])
        found = cursor.fetchone()
    return None if found is None else _key(found[0])


def _of_scope(scope: Scope) -> tuple[str, list[Any]]:
    terms = " AND ".join(f"{name} IS NULL" if value is None else f"{name} = %s" for name, value in scope.items())
    keys = [value for value in scope.values() if value is not None]
    return terms, keys if connection.vendor == "postgresql" else [key.hex for key in keys]


def _among(scope: Scope, column: str, keys: Sequence[UUID]) -> tuple[str, list[Any]]:
    """Return a condition that is the same whatever the number of keys, and its values."""
    terms, values = _of_scope(scope)
    both = f"{terms} AND {column}" if terms else column
    if connection.vendor == "postgresql" and not values:
        return f"{both} = ANY(%s)", [list(keys)]
    if connection.vendor == "postgresql":
        # As one: with ANY beside the scope, PostgreSQL may look for the keys among all that an index has of the scope.
        absent = "".join(f" AND {name} IS NULL" for name, value in scope.items() if value is None)
        names = [name for name, value in scope.items() if value is not None]
        wanted = f"SELECT {'%s, ' * len(names)}unnest(%s)"
        return f"({', '.join((*names, column))}) IN ({wanted}){absent}", [*values, list(keys)]
    hexadecimal = msgspec.json.encode([key.hex for key in keys]).decode()
    return f"{both} IN (SELECT value FROM json_each(%s))", [*values, hexadecimal]  # noqa: S608 -- our own names


def _table(model: type[Model]) -> str:
    return model._meta.db_table


@cache
def _change(model: type[Model], names: tuple[str, ...], vendor: str) -> tuple[str, Fields]:
    meta = model._meta
    fields = [field for field in meta.concrete_fields if field.attname in names]
    columns = ", ".join(str(field.column) for field in fields)
    # One parameter, as with the documents below.
    row = f"SELECT {columns} FROM json_populate_record(NULL::{meta.db_table}, %s)"  # noqa: S608 -- our own names
    places = (
        f"({columns}) = ({row})" if vendor == "postgresql" else f"({columns}) = ({', '.join(['%s'] * len(fields))})"
    )
    return f"UPDATE {meta.db_table} SET {places} WHERE {meta.pk.column} = %s", fields  # noqa: S608 -- our own names


@cache
def _insertion(model: type[Model]) -> str:
    return f"INSERT INTO {_target(model)} VALUES ({', '.join(['%s'] * len(inserted_fields(model)))})"  # noqa: S608 -- our own names


@cache
def _insertion_of_documents(model: type[Model]) -> str:
    # One parameter, whatever the number of rows and columns: to hand over each value by itself takes several times as long.
    if any(isinstance(field, BinaryField) for field in inserted_fields(model)):
        raise TypeError(f"{model.__name__} has bytes, which JSON has not.")
    columns = ", ".join(str(field.column) for field in inserted_fields(model))
    rows = f"json_populate_recordset(NULL::{model._meta.db_table}, %s)"
    return f"INSERT INTO {_target(model)} SELECT {columns} FROM {rows}"  # noqa: S608 -- our own names


def _target(model: type[Model]) -> str:
    columns = ", ".join(str(field.column) for field in inserted_fields(model))
    return f"{model._meta.db_table} ({columns})"
