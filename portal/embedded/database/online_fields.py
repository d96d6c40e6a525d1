"""Columns that are added to busy tables while requests are served, in migrations that aren't atomic."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from portal.embedded.database.table_locks import change_tables

# Times as many tries as for other changes, since the operator who upgrades waits for it.
_PATIENCE = 15


class AddFieldOnline(migrations.AddField):
    """Add a column with a constant default. On PostgreSQL, no write waits longer than a second for it.

    It can run again after it was interrupted. Raise TableLocked after some minutes behind another transaction.
    """

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Add the column, unless it's there."""
        field = to_state.apps.get_model(app_label, self.model_name)._meta.get_field(self.name)
        if not self._has_column(app_label, schema_editor, from_state, field.column):
            self._change(schema_editor, super().database_forwards, app_label, from_state, to_state)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        """Drop the column, if it's there."""
        field = from_state.apps.get_model(app_label, self.model_name)._meta.get_field(self.name)
        if self._has_column(app_label, schema_editor, from_state, field.column):
            self._change(schema_editor, super().database_backwards, app_label, from_state, to_state)

    def _has_column(self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, state: Any, column: str) -> bool:
        table = state.apps.get_model(app_label, self.model_name)._meta.db_table
        with schema_editor.connection.cursor() as cursor:
            described = schema_editor.connection.introspection.get_table_description(cursor, table)
        return column in {one.name for one in described}

    def _change(
        self, schema_editor: BaseDatabaseSchemaEditor, move: Any, app_label: str, before: Any, after: Any
    ) -> None:
        connection = schema_editor.connection
        if connection.vendor == "postgresql":
            change_tables(connection.alias, lambda: move(app_label, schema_editor, before, after), patience=_PATIENCE)
            return
        # SQLite may write the table again, for which its schema editor needs a transaction.
        with connection.schema_editor() as editor:
            move(app_label, editor, before, after)
