"""Statements of the busiest calls, whose SQL is made once: to have Django make it anew takes longer than to run it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import AutoField, Field, Model, QuerySet
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=Model)
# psycopg keeps how it reads a statement up to so many parameters, and reads a longer one anew, in ever longer time.
_MOST_PARAMETERS = 50


class Statement(Generic[Row]):
    """A queryset with parameters, as Django's own compiler makes it, compiled at the first use.

    `parameters` are fields, each with an example. `build` gets the examples, and uses each once, in the order in which they stand in the SQL.
    """

    def __init__(self, build: "Callable[..., QuerySet[Row, Any]]", *parameters: tuple[Any, Any]) -> None:
        self._build, self._parameters = build, parameters
        self._compiled: tuple[str, Any] | None = None

    def rows(self, *values: Any) -> Iterator[Sequence[Any]]:
        """Run it and yield the selected columns of each row."""
        sql, compiler = self._compiled or self._compile()
        with connection.cursor() as cursor:
            cursor.execute(sql, self._prepared(values))
            found = cursor.fetchall()
        return iter(compiler.results_iter(results=[found]))

    def first(self, *values: Any) -> Row | None:
        """Run it and return the first row as an object, with those that it was selected with."""
        for row in self.rows(*values):
            return self._object(row)
        return None

    def _prepared(self, values: Iterable[Any]) -> list[Any]:
        fields = (field for field, _ in self._parameters)
        return [
            field.get_db_prep_value(value, connection, prepared=False)
            for field, value in zip(fields, values, strict=True)
        ]

    def _object(self, row: Sequence[Any]) -> Row:
        # As django.db.models.query.ModelIterable does.
        compiler = (self._compiled or self._compile())[1]
        info, select = compiler.klass_info, compiler.select
        start, end = info["select_fields"][0], info["select_fields"][-1] + 1
        names = [column[0].target.attname for column in select[start:end]]
        found: Row = info["model"].from_db(DEFAULT_DB_ALIAS, names, row[start:end])
        for related in get_related_populators(info, select, DEFAULT_DB_ALIAS):  # type: ignore[call-arg]  # -- of a later Django
            related.populate(row, found)
        return found

    def _compile(self) -> tuple[str, Any]:
        compiler = self._build(*(example for _, example in self._parameters)).query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        examples = self._prepared(example for _, example in self._parameters)
        # One cannot be in the wrong place, and a binary one is not equal to itself.
        if len(parameters) != len(examples) or (len(examples) > 1 and list(parameters) != examples):
            raise TypeError(f"The parameters are declared in another order than they have in: {sql}")
        self._compiled = (sql, compiler)
        return self._compiled


def insert(*rows: Model, returning: str = "") -> None:
    """Insert new rows of one table, as `save(force_insert=True)` would without its signals.

    `returning` is an expression that the database computes beside it.
    """
    if len(rows) * len(type(rows[0])._meta.concrete_fields) > _MOST_PARAMETERS:  # noqa: SLF001 -- Django's documented model API
        type(rows[0])._default_manager.bulk_create(rows)  # noqa: SLF001 -- Django's documented model API
        return
    sql, fields = _insertion(type(rows[0]), len(rows))
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for row in rows for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING {returning}" if returning else sql, values)
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 -- what save() sets


def update(row: Model, *names: str) -> None:
    """Store fields of a row, or all of them but those that were not read, as `save(update_fields=…)` would."""
    meta, left_out = row._meta, row.get_deferred_fields()  # noqa: SLF001 -- Django's documented model API
    chosen = names or tuple(f.attname for f in meta.concrete_fields if not f.primary_key and f.attname not in left_out)
    sql, fields = _change(type(row), chosen)
    values = [field.get_db_prep_save(field.pre_save(row, add=False), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*values, meta.pk.get_db_prep_save(row.pk, connection)])


@cache
def _change(model: type[Model], names: tuple[str, ...]) -> tuple[str, "Sequence[Field[Any, Any]]"]:
    meta = model._meta  # noqa: SLF001 -- as above
    fields = [field for field in meta.concrete_fields if field.attname in names]
    places = ", ".join(f"{field.column} = %s" for field in fields)
    return f"UPDATE {meta.db_table} SET {places} WHERE {meta.pk.column} = %s", fields  # noqa: S608 -- our own names


@cache
def _insertion(model: type[Model], number: int) -> tuple[str, "Sequence[Field[Any, Any]]"]:
    meta = model._meta  # noqa: SLF001 -- Django's documented model API
    fields = [field for field in meta.concrete_fields if not isinstance(field, AutoField)]
    columns = ", ".join(str(field.column) for field in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    return f"INSERT INTO {meta.db_table} ({columns}) VALUES {', '.join([row] * number)}", fields  # noqa: S608 -- our own names
