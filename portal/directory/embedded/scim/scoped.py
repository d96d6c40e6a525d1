"""What every part of EmbeddedScim starts from."""

from portal.directory.embedded.scope import Scope

GET = "stytch.scim:get"


class Scoped:
    """One organization and one caller."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
