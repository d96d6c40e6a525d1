"""`manage.py reencryptsecrets`."""

from typing import Any

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import Answer, OperatorCommand


class Command(OperatorCommand):
    """Encrypt stored secrets under SECRET_KEY, so that its previous value can leave SECRET_KEY_FALLBACKS."""

    help = __doc__

    def carry_out(self, origin: Origin, **_: Any) -> Answer:
        """Encrypt them and say how many were encrypted under a fallback."""
        # Loads what makes keys, which no other command needs.
        from portal.embedded.sessions import signing_keys  # noqa: PLC0415 -- as above

        number = signing_keys.reencrypt(origin)
        return Answer(
            {"reencrypted": str(number)},
            f"Encrypted {number} secrets under SECRET_KEY. Now remove the previous value from SECRET_KEY_FALLBACKS.",
        )
