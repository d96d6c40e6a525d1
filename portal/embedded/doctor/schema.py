"""The schema's version and guards, time-outs, and the keys in the database."""

from collections.abc import Iterator

from django.core.checks import Tags, run_checks
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.migrations.recorder import MigrationRecorder

from portal.embedded.database import name_search, partitions, readiness
from portal.embedded.doctor.configuration import from_messages
from portal.embedded.doctor.findings import Finding, error, ok, warning

# Checked elsewhere: Redis, a database that isn't available, and keys.
_ELSEWHERE = ("portal.W013", "directory.E001", "directory.E004", "directory.W002")


def check() -> Iterator[Finding]:
    """Report migrations that aren't applied or are of a later version, guards that differ, and missing time-outs."""
    connection.ensure_connection()
    messages = run_checks(tags=[Tags.database], databases=[DEFAULT_DB_ALIAS], include_deployment_checks=True)
    found = list(from_messages(message for message in messages if message.id not in _ELSEWHERE))
    if later := _later_migrations():
        found.append(
            warning(
                f"The database has {later} migrations of a later version, as after a rollback.",
                "This works for one version back. Upgrade again, and don't run migrations backwards.",
            )
        )
    found += [
        warning(f"{gap}.", "Run manage.py createpartitions as the tables' owner, and check the worker.")
        for gap in partitions.gaps()
    ]
    if name_search.lacks_indexes():
        found.append(
            warning(
                "Search by a part of a name has no index, so it reads up to 100,000 names.",
                "Run CREATE EXTENSION pg_trgm in the database as a superuser, then manage.py migrate.",
            )
        )
    yield from found or [ok("All migrations are applied, and all guards are in place.")]


def check_keys() -> Iterator[Finding]:
    """Report keys in the database that can't be decrypted, or only with a fallback of SECRET_KEY."""
    if readiness.unapplied_migrations():
        yield warning("Can't be checked before all migrations are applied.", "Run manage.py migrate.")
    elif number := readiness.unreadable_keys():
        yield error(
            f"{number} keys that sign session JWTs can't be decrypted.",
            "Set the SECRET_KEY that encrypted them, as SECRET_KEY or among SECRET_KEY_FALLBACKS.",
        )
    elif number := readiness.keys_under_fallbacks():
        yield warning(
            f"{number} keys or second factors are encrypted under one of SECRET_KEY_FALLBACKS.",
            "Once every node knows the new SECRET_KEY, run manage.py rotatekey complete SECRET_KEY.",
        )
    else:
        yield ok("All keys can be decrypted with SECRET_KEY.")


def _later_migrations() -> int:
    known = set(readiness.known_migrations())
    applied = MigrationRecorder(connection).applied_migrations()
    return sum(app == "directory" and name not in known for app, name in applied)
