"""Changes of a PostgreSQL schema while requests are served. No write waits longer than a second for one of them.

Each can run again after it was interrupted, in the middle or by another transaction's lock.
"""

from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper

from portal.embedded.database.table_locks import TableLocked, change_tables

# Times as many tries as for other changes, since the operator who upgrades waits for it.
_PATIENCE = 15


def build_index(connection: BaseDatabaseWrapper, name: str, definition: str, *, is_unique: bool = False) -> None:
    """Create an index while the table is written to. `definition` is what follows ON. A valid one stays as it is.

    On a partitioned table it's built on one partition after the other, with a number after its name.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        found = cursor.fetchone()
    if found == (True,):
        return
    table, _, columns = definition.partition(" ")
    if partitions := _partitions(connection, table):
        _build_in_parts(connection, name, (table, columns, partitions), is_unique=is_unique)
        return
    if found:
        drop_index(connection, name)  # What an interrupted run has left.
    _execute_patiently(connection, f"CREATE {'UNIQUE ' * is_unique}INDEX CONCURRENTLY {name} ON {definition}")


def _build_in_parts(
    connection: BaseDatabaseWrapper, name: str, target: tuple[str, str, list[str]], *, is_unique: bool
) -> None:
    """Create the index of a partitioned table, which becomes valid when each partition has its part."""
    table, columns, partitions = target
    alter(connection, f"CREATE {'UNIQUE ' * is_unique}INDEX IF NOT EXISTS {name} ON ONLY {table} {columns}")
    for number, partition in enumerate(partitions):
        build_index(connection, f"{name}_{number}", f"{partition} {columns}", is_unique=is_unique)
        alter(connection, f"ALTER INDEX {name} ATTACH PARTITION {name}_{number}")


def drop_index(connection: BaseDatabaseWrapper, name: str) -> None:
    """Drop an index, if it exists, while the table is written to. One of a partitioned table locks it for a moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind = 'I' FROM pg_class WHERE oid = to_regclass(%s)", [name])
        is_partitioned = cursor.fetchone() == (True,)
    if is_partitioned:
        alter(connection, f"DROP INDEX {name}")
    else:
        _execute_patiently(connection, f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _partitions(connection: BaseDatabaseWrapper, table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1", [table]
        )
        return [name for (name,) in cursor.fetchall()]


def add_foreign_key(connection: BaseDatabaseWrapper, table: str, name: str, definition: str) -> None:
    """Add a foreign key and check the rows that exist. Writes continue while they are checked."""
    if not has_constraint(connection, table, name):
        alter(connection, f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY {definition} NOT VALID")
    validate(connection, table, name)


def validate(connection: BaseDatabaseWrapper, table: str, name: str) -> None:
    """Check the rows that exist against a constraint. Writes continue."""
    _execute_patiently(connection, f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def require_values(connection: BaseDatabaseWrapper, table: str, column: str) -> None:
    """Reject NULL in a column, without reading the table while it is locked."""
    name = f"{table}_{column}_filled"
    if not has_constraint(connection, table, name):
        alter(connection, f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID")
    validate(connection, table, name)
    alter(
        connection,
        f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def has_constraint(connection: BaseDatabaseWrapper, table: str, name: str) -> bool:
    """Say whether a table has a constraint."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass(%s) AND conname = %s", [table, name])
        return cursor.fetchone() is not None


def alter(connection: BaseDatabaseWrapper, *statements: str) -> None:
    """Run statements that lock tables, in one transaction. Try again while other transactions are in the way.

    Raise CommandError after some minutes. Nothing has changed then.
    """

    def change() -> None:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)

    try:
        change_tables(connection.alias, change, patience=_PATIENCE)
    except TableLocked as error:
        raise CommandError(
            "A table stayed locked by another transaction. Run migrate again when that transaction has ended: it "
            "continues where it stopped."
        ) from error


def _execute_patiently(connection: BaseDatabaseWrapper, statement: str) -> None:
    """Run a statement that no write waits for, however long it waits itself."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        (configured,) = cursor.fetchone()
        cursor.execute("SET lock_timeout = 0")
        try:
            cursor.execute(statement)
        finally:
            cursor.execute("SELECT set_config('lock_timeout', %s, FALSE)", [configured])
