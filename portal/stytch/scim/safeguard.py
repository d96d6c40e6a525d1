"""The deactivation safeguard, which Stytch doesn't have."""

from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.safeguard import ScimHeldGroup, ScimHeldUser, ScimSafeguard, ScimSafeguardDecision
from portal.stytch.scim.scoped import Scoped


class StytchScimSafeguard(Scoped):
    """Implements portal.directory.scim.safeguard.ScimSafeguardGateway."""

    def get(self, connection_id: str) -> ScimSafeguard:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _never_holds()

    def held_users(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldUser]:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _never_holds()

    def held_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldGroup]:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _never_holds()

    def held_number(self, connection_id: str) -> int:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _never_holds()

    def decide(
        self,
        connection_id: str,  # noqa: ARG002 -- as above
        decision: ScimSafeguardDecision,  # noqa: ARG002 -- as above
        *,
        version: str,  # noqa: ARG002 -- as above
        number: int | None = None,  # noqa: ARG002 -- as above
    ) -> None:
        """Raise NotOffered: Stytch has no such call."""
        _never_holds()


def _never_holds() -> NoReturn:
    raise NotOffered(
        "Stytch has no deactivation safeguard: it deactivates everyone the identity provider says, at once."
    )
