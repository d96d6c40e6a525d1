"""Django's SQLite backend, whose migrations keep the database's triggers."""

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from django.db.backends.sqlite3 import base, schema
from django.db.models import Model

from portal.embedded.database.timing import timed
from portal.embedded.models.fields import TenantKey

_TRIGGERS = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


class SchemaEditor(schema.DatabaseSchemaEditor):
    """Drops the triggers in a migration's transaction and creates them again at its end, so that a crash loses none.

    SQLite can't rename a table that a trigger of another table names, and Django's table rebuilds drop triggers. It also
    creates the foreign keys that PostgreSQL gets from migrations.
    """

    _dropped: list[tuple[str, str, str]]

    def __enter__(self) -> Self:
        super().__enter__()
        # A migration without a transaction changes rows alone: it runs under the triggers, as on PostgreSQL.
        self._dropped = self._ask(_TRIGGERS) if self.atomic_migration and not self.collect_sql else []
        for name, _, _ in self._dropped:
            self.execute(f"DROP TRIGGER {name}")
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if exc_type is None and self._dropped:
            tables = {name for (name,) in self._ask(_TABLES)}
            for _, table, sql in self._dropped:
                if table in tables:
                    self.execute(sql, None)
        super().__exit__(exc_type, exc_value, traceback)

    def table_sql(self, model: type[Model]) -> Any:
        """Return the definition of a table, with foreign keys to rows of the same organization."""
        for field in model._meta.local_fields:
            if isinstance(field, TenantKey):
                vars(field)["db_constraint"] = True
        return super().table_sql(model)

    def _ask(self, sql: str) -> list[Any]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's own, with the schema editor above."""

    SchemaEditorClass = SchemaEditor

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.execute_wrappers.append(timed)

    def run_statement(self, sql: str, parameters: Sequence[Any], *, has_rows: bool) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows, as our PostgreSQL backend does."""
        with self.cursor() as cursor:
            cursor.execute(sql, parameters)
            return list(cursor.fetchall()) if has_rows else []
