"""Plans of statements, and the statistics that they depend on."""

from django.apps import apps
from django.db import connection

# The longest names first, because the name of a table begins those of its indexes.
_PARENTS = """
    SELECT child.relname, parent.relname FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid JOIN pg_class parent ON parent.oid = inhparent
    ORDER BY LENGTH(child.relname) DESC
"""


def without_partitions(plan: str) -> str:
    """Return a plan with the names of partitioned tables and their indexes instead of those of partitions."""
    if connection.vendor != "postgresql":
        return plan
    with connection.cursor() as cursor:
        cursor.execute(_PARENTS)
        for partition, whole in cursor.fetchall():
            plan = plan.replace(partition, whole)
    return plan


def analyze() -> None:
    """Update the statistics of our tables. Those that all databases of a server share may be locked by another test."""
    tables = [model._meta.db_table for model in apps.get_app_config("directory").get_models()]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE " + ", ".join(tables) if connection.vendor == "postgresql" else "ANALYZE")


def empty_files() -> None:
    """Empty the files of our tables and their indexes, and forget their statistics. Needs a superuser, outside of transactions.

    Otherwise a plan depends on what rolled-back tests left in the files, and on whether autovacuum has seen it.
    """
    tables = [model._meta.db_table for model in apps.get_app_config("directory").get_models()]
    with connection.cursor() as cursor:
        # Some tables reject it.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE " + ", ".join(tables))
        cursor.execute("SET session_replication_role = DEFAULT")
        cursor.execute("DELETE FROM pg_statistic")


def assume_many_rows() -> None:
    """Let PostgreSQL plan for a thousand rows in each page of a file, until the transaction ends. Needs a superuser."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE pg_class SET reltuples = 1000, relpages = 1 WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
        )
