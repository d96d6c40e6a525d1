"""Replacing SECRET_KEY or ENCRYPTION_KEY while several server processes run.

First every process learns the new key and still uses the old one. Then every process uses the new one, and stored secrets are
encrypted under it. Each step is checked against the processes that run, so none of them meets a key that it doesn't have.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.errors import Conflict
from portal.embedded import models, server_keys
from portal.embedded.database.readiness import keys_under_fallbacks
from portal.embedded.second_factors import stored as second_factors
from portal.embedded.server_processes import ServerProcess, running
from portal.embedded.sessions import signing_keys

_MAX_NAMED = 10


class RotatedKey(StrEnum):
    """A key that can be replaced, by the name of its setting."""

    SIGNING = "SECRET_KEY"
    ENCRYPTION = "ENCRYPTION_KEY"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a step found: how many processes run, and how many stored secrets it encrypted again."""

    processes: int
    reencrypted: int = 0


def start(key: RotatedKey) -> Rotation:
    """Verify that every running process has the new key and still uses the old one. Raise Conflict, with what to do next."""
    fallbacks = settings.SECRET_KEY_FALLBACKS if key is RotatedKey.SIGNING else settings.ENCRYPTION_KEY_FALLBACKS
    if not fallbacks:
        raise Conflict(
            f"{key}_FALLBACKS has no new key. Add one on every node, restart the nodes one by one, and repeat this step."
        )
    if keys_under_fallbacks():
        raise Conflict(
            "Stored secrets are still encrypted under a previous key. Complete that rotation first, with "
            f"`manage.py rotatekey complete {key}`."
        )
    processes, known = running(), _own_keys(key)
    _require(
        processes,
        lambda process: set(known) <= set(_keys_of(process, key)),
        f"These processes don't have the new key yet. Add it to {key}_FALLBACKS there and restart them",
    )
    _require(
        processes,
        lambda process: _keys_of(process, key)[0] == known[0],
        f"These processes use another {key} than this command. Give all of them, and this command, the same {key}",
    )
    models.KeyRotationRow.objects.update_or_create(
        pk=key, defaults={"replaced_key": known[0], "known_keys": known, "started_at": timezone.now()}
    )
    return Rotation(len(processes))


def complete(key: RotatedKey, origin: Origin) -> Rotation:
    """Verify that every running process uses the new key, and encrypt stored secrets under it.

    It can be repeated if it was interrupted. Raise Conflict, with what to do next, if a process still uses another key, or
    if a stored secret can't be decrypted.
    """
    _require_started(key)
    _require_use(key)
    # SECRET_KEY encrypts too if ENCRYPTION_KEY isn't set.
    number = signing_keys.reencrypt(origin) + second_factors.reencrypt()
    # A process with another key may have been started in the meantime.
    processes = _require_use(key)
    models.KeyRotationRow.objects.filter(pk=key).delete()
    return Rotation(len(processes), number)


def _require_started(key: RotatedKey) -> None:
    rotation, current = models.KeyRotationRow.objects.filter(pk=key).first(), _own_keys(key)[0]
    if rotation is None and not keys_under_fallbacks():
        raise Conflict(f"No rotation of {key} was started. Run `manage.py rotatekey start {key}` first.")
    if rotation is not None and current == rotation.replaced_key:
        raise Conflict(
            f"The old key is still {key} here. Make the new key {key} and the old one {key}_FALLBACKS on every node, "
            "restart the nodes one by one, and repeat this step."
        )
    if rotation is not None and current not in rotation.known_keys:
        raise Conflict(
            f"{key} isn't the key that every process had at the start. Make it {key}_FALLBACKS on every node, and run "
            f"`manage.py rotatekey start {key}` again."
        )


def _require_use(key: RotatedKey) -> Sequence[ServerProcess]:
    processes, known = running(), _own_keys(key)
    _require(
        processes,
        lambda process: _keys_of(process, key)[0] == known[0],
        f"These processes still use another key. Make the new one {key} there and restart them",
    )
    return processes


def _require(processes: Sequence[ServerProcess], holds: Callable[[ServerProcess], bool], otherwise: str) -> None:
    lacking = [process.name for process in processes if not holds(process)]
    if lacking:
        more = f" and {len(lacking) - _MAX_NAMED} more" if len(lacking) > _MAX_NAMED else ""
        names = ", ".join(lacking[:_MAX_NAMED])
        raise Conflict(f"{otherwise}: {names}{more}. A process that has ended counts for another minute.")


def _own_keys(key: RotatedKey) -> Sequence[str]:
    keys = server_keys.signing_keys() if key is RotatedKey.SIGNING else server_keys.encryption_keys()
    return [server_keys.fingerprint(one) for one in keys]


def _keys_of(process: ServerProcess, key: RotatedKey) -> Sequence[str]:
    return process.signing_keys if key is RotatedKey.SIGNING else process.encryption_keys
