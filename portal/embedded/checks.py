"""Checks of the database and its settings, for `manage.py check --deploy --database default`."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DEFAULT_DB_ALIAS, connection

from portal.embedded.database import readiness, triggers

_HINTS = {
    "database": "Check that it runs and accepts writes, and that DATABASE_URL and DATABASE_PREPARE are right.",
    "migrations": "Run `manage.py migrate`.",
    "guards": "Run `manage.py migrate`.",
    "signing_key": "Add the key that encrypted it to ENCRYPTION_KEY_FALLBACKS.",
}
_TIMEOUTS = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")


@register(Tags.database, deploy=True)
def database_is_ready(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Report faults that keep a server from serving, as readiness does, and missing time limits."""
    if DEFAULT_DB_ALIAS not in (databases or ()):
        return []
    if faults := readiness.find_faults():
        return [
            Error(f"{part.replace('_', ' ').capitalize()} {fault}.", hint=_HINTS[part], id=f"directory.E{number:03}")
            for number, part in enumerate(_HINTS, 1)
            if (fault := faults.get(part))
        ]
    return [*_guards(), *_time_outs(), *_secrets()]


@register(Tags.security, deploy=True)
def trusted_keys_are_public_keys(**_: Any) -> list[CheckMessage]:
    """Report keys of trusted auth token profiles that can't verify anything."""
    # Imported here: the libraries for keys take a tenth of a second.
    from portal.embedded.sign_in.trusted_tokens import public_key  # noqa: PLC0415 -- as above

    found: list[CheckMessage] = []
    for profile in settings.PROJECT.trusted_auth_tokens:
        for number, pem in enumerate(profile.public_keys, 1):
            try:
                public_key(pem)
            except ValueError as error:
                says = f'Key {number} of the trusted auth token profile "{profile.profile_id}" {error}.'
                found.append(Error(says, hint="Correct PROJECT_FILE.", id="directory.E010"))
    return found


def _guards() -> Iterator[CheckMessage]:
    if differing := triggers.faults(DEFAULT_DB_ALIAS):
        names = ", ".join(differing)
        yield Error(
            f"Guards differ from what this version creates: {names}.", hint=_HINTS["guards"], id="directory.E005"
        )


def _time_outs() -> Iterator[CheckMessage]:
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM pg_settings WHERE name = ANY(%s) AND setting = '0' ORDER BY name", [[*_TIMEOUTS]]
        )
        missing = [name for (name,) in cursor.fetchall()]
    if missing:
        yield checks.Warning(
            f"PostgreSQL has no limit on: {', '.join(missing)}.",
            hint="Set DATABASE_…_TIMEOUT or, behind a pooler, set them for the role (docs/operate.md, Time-outs).",
            id="directory.W001",
        )


def _secrets() -> Iterator[CheckMessage]:
    if readiness.keys_under_fallbacks():
        yield checks.Warning(
            "The key that signs session JWTs is encrypted under a previous key.",
            hint="Once every node uses the new key, run `manage.py rotatekey complete ENCRYPTION_KEY` (or SECRET_KEY).",
            id="directory.W002",
        )
