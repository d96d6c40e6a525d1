"""Queries of the SCIM endpoint whose SQL is built once, because building it takes longer than running it.

README.md beside this says when to use them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Field, ForeignKey, JSONField, Model, QuerySet, Value

Row = TypeVar("Row", bound=Model)
Converter = Callable[[Any], Any]


def columns_of(model: type[Model], prefix: str = "", *, without: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of a model's columns for `Statement`, each with a prefix such as "member__"."""
    names = [field.attname for field in model._meta.concrete_fields]
    return tuple(f"{prefix}{name}" for name in names if name not in without)


def run(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a query and return its rows as the database driver reads them."""
    return _run(sql, parameters, has_rows=True)


def execute(sql: str, parameters: Sequence[Any]) -> None:
    """Run a statement that returns no rows."""
    _run(sql, parameters, has_rows=False)


def _run(sql: str, parameters: Sequence[Any], *, has_rows: bool) -> list[tuple[Any, ...]]:
    # Both of our backends have this method.
    database: Any = connections[DEFAULT_DB_ALIAS]
    rows: list[tuple[Any, ...]] = database.run_statement(sql, parameters, has_rows=has_rows)
    return rows


class Statement(Generic[Row]):
    """A queryset with parameters, whose SQL is built when it is first used.

    A parameter is a field with an example value. `build` gets the examples and uses each once, in the order in which they
    are in the SQL. `columns` are what is read, by the names that `values_list()` takes; those of one table follow each
    other, in the model's order and from the primary key on, if `first_object()` makes an object of them.
    """

    def __init__(
        self, build: "Callable[..., QuerySet[Row]]", columns: Sequence[str], *parameters: tuple[Any, Any]
    ) -> None:
        self._build, self._columns, self._parameters = build, columns, parameters
        self._built: _Built | None = None

    def rows(self, *values: Any) -> list[tuple[Any, ...]]:
        """Run it and return the columns of each row."""
        built = self._built or self._build_sql()
        return built.converted(run(built.sql, self._prepared(values)))

    def first(self, *values: Any) -> tuple[Any, ...] | None:
        """Run it and return the columns of the first row."""
        return next(iter(self.rows(*values)), None)

    def first_object(self, *values: Any) -> Row | None:
        """Run it and return the first row as an object, with its related objects and annotations."""
        row = self.first(*values)
        if row is None or self._built is None:
            return None
        found: Row = self._built.object(row)
        return found

    def _prepared(self, values: Iterable[Any]) -> Sequence[Any]:
        if connection.vendor == "postgresql":
            return list(values)
        return [
            field.get_db_prep_value(value, connection)
            for (field, _), value in zip(self._parameters, values, strict=True)
        ]

    def _build_sql(self) -> "_Built":
        queryset = self._build(*(example for _, example in self._parameters))
        sql, parameters = queryset.values_list(*self._columns).query.sql_with_params()
        examples = [field.get_db_prep_value(example, connection) for field, example in self._parameters]
        if [*map(_comparable, parameters)] != [*map(_comparable, examples)]:
            raise TypeError(f"The parameters are declared in another order than they have in: {sql}")
        self._built = _Built(sql, _converters(queryset, self._columns), _tables(queryset.model, self._columns))
        return self._built


def _comparable(parameter: Any) -> Any:
    """Return what a parameter is compared by: psycopg's wrapper of bytes doesn't equal another one."""
    return getattr(parameter, "obj", parameter)


@dataclass(frozen=True, slots=True)
class _Table:
    """The columns of one table among those that are read, and how the first table's rows lead there."""

    path: tuple[str, ...]
    model: type[Model]
    names: Sequence[str]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Built:
    """What is kept of a statement."""

    sql: str
    converters: Sequence[tuple[int, Converter]]
    # The first one is the statement's own; annotations have places of their own.
    tables: tuple[Sequence[_Table], Sequence[tuple[int, str]]]

    def converted(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Return the rows as Django's fields read them."""
        return [self._converted(row) for row in rows] if self.converters else rows

    def _converted(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        values = list(row)
        for place, convert in self.converters:
            values[place] = convert(values[place])
        return tuple(values)

    def object(self, row: tuple[Any, ...]) -> Any:
        """Return a row as an object, with those that it refers to."""
        tables, annotations = self.tables
        objects: dict[tuple[str, ...], Any] = {}
        for table in tables:
            values = row[table.start : table.end]
            # An outer join without a match has no primary key.
            exists = not table.path or values[0] is not None
            found = table.model.from_db(DEFAULT_DB_ALIAS, table.names, values) if exists else None
            objects[table.path] = found
            if table.path and (parent := objects[table.path[:-1]]) is not None:
                setattr(parent, table.path[-1], found)
        for place, name in annotations:
            setattr(objects[()], name, row[place])
        return objects[()]


def _tables(model: type[Model], columns: Sequence[str]) -> tuple[Sequence[_Table], Sequence[tuple[int, str]]]:
    """Return the tables that columns are of, in their order, and the places and names of the annotations."""
    places: dict[tuple[str, ...], list[int]] = {}
    annotations = []
    for place, column in enumerate(columns):
        if _field(model, column) is None:
            annotations.append((place, column))
        else:
            places.setdefault(tuple(column.split("__")[:-1]), []).append(place)
    tables = [
        _Table(
            path,
            _model_at(model, path),
            [columns[place].rpartition("__")[2] for place in found],
            found[0],
            found[-1] + 1,
        )
        for path, found in places.items()
    ]
    return tables, annotations


def _model_at(model: type[Model], path: Sequence[str]) -> type[Model]:
    for name in path:
        model = model._meta.get_field(name).related_model  # type: ignore[assignment]  # -- a path leads over foreign keys
    return model


def _field(model: type[Model], column: str) -> "Field[Any, Any] | None":
    """Return the field that a column is of, None for an annotation."""
    *path, name = column.split("__")
    found = _model_at(model, path)._meta
    if name == "pk":
        return found.pk
    return next((field for field in found.concrete_fields if field.attname == name), None)


def _converters(queryset: "QuerySet[Any]", columns: Sequence[str]) -> Sequence[tuple[int, Converter]]:
    """Return the converters from the driver's values to the fields' values, with their places. Most fields need none."""
    fields = (_field(queryset.model, column) or queryset.query.annotations[column].output_field for column in columns)
    return [(place, convert) for place, field in enumerate(fields) if (convert := _converter(field)) is not None]


def _converter(field: "Field[Any, Any]") -> Converter | None:
    while isinstance(field, ForeignKey):
        field = field.target_field
    if isinstance(field, JSONField) and field.decoder is None:
        # On PostgreSQL the cursor has read it already.
        return None if connection.vendor == "postgresql" else _read_json
    column = Value(None, output_field=field)
    steps = [*connection.ops.get_db_converters(column), *field.get_db_converters(connection)]
    if not steps:
        return None

    def convert(value: Any) -> Any:
        for step in steps:
            value = step(value, column, connection)
        return value

    return convert


def _read_json(value: str | None) -> Any:
    return None if value is None else msgspec.json.decode(value)
