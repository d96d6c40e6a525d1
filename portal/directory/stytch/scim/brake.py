"""The brake: Stytch deactivates whom the IdP says, however many."""

from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.scim_brake import ScimBrake, ScimBrakeDecision, ScimHeldPerson
from portal.directory.stytch.scim.scoped import Scoped
from portal.directory.types import DEFAULT_LIMIT, Page


class StytchScimBrake(Scoped):
    """Implements portal.directory.gateway.ScimBrakeGateway."""

    def brake(self, connection_id: str) -> ScimBrake:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _never_brakes()

    def held_people(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldPerson]:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _never_brakes()

    def decide_brake(self, connection_id: str, decision: ScimBrakeDecision, *, version: str) -> None:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _never_brakes()


def _never_brakes() -> NoReturn:
    raise NotOffered("Stytch deactivates whom the identity provider says, however many at once.")
