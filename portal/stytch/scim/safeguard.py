"""The deactivation safeguard, which Stytch doesn't have."""

from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.safeguard import ScimBrake, ScimBrakeDecision, ScimHeldGroup, ScimHeldPerson
from portal.stytch.scim.scoped import Scoped


class StytchScimBrake(Scoped):
    """Implements portal.directory.scim.safeguard.ScimBrakeGateway."""

    def brake(self, connection_id: str) -> ScimBrake:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _never_brakes()

    def held_people(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldPerson]:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _never_brakes()

    def held_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldGroup]:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _never_brakes()

    def held_number(self, connection_id: str) -> int:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _never_brakes()

    def decide_brake(
        self,
        connection_id: str,  # noqa: ARG002 -- as above
        decision: ScimBrakeDecision,  # noqa: ARG002 -- as above
        *,
        version: str,  # noqa: ARG002 -- as above
        number: int | None = None,  # noqa: ARG002 -- as above
    ) -> None:
        """Raise NotOffered: Stytch has no such call."""
        _never_brakes()


def _never_brakes() -> NoReturn:
    raise NotOffered(
        "Stytch has no deactivation safeguard: it deactivates everyone the identity provider says, at once."
    )
