"""`manage.py reencryptsecrets`."""

from typing import Any

from portal.directory.actor import Origin
from portal.embedded.management.operator_command import OperatorCommand, Output


class Command(OperatorCommand):
    """Encrypt stored secrets under SECRET_KEY, so that its previous value can leave SECRET_KEY_FALLBACKS."""

    help = __doc__

    def run(self, origin: Origin, **_: Any) -> Output:
        """Encrypt them, and print how many were encrypted under a fallback."""
        # Imported here: no other command needs the libraries for keys.
        from portal.embedded.sessions import signing_keys  # noqa: PLC0415 -- as above

        number = signing_keys.reencrypt(origin)
        return Output(
            {"reencrypted": str(number)},
            f"Encrypted {number} secrets under SECRET_KEY. Now remove the previous value from SECRET_KEY_FALLBACKS.",
        )
