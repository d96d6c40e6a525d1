"""Members whom provisioning would take over: Stytch links by rules of its own, and tells nobody."""

from collections.abc import Mapping
from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.conflicts import ScimConflict, ScimConflictState, ScimLinkingRule
from portal.stytch.scim.scoped import Scoped


class StytchScimConflicts(Scoped):
    """Implements portal.directory.scim.conflicts.ScimConflictGateway."""

    def page(
        self,
        connection_id: str,  # noqa: ARG002 -- the gateway's signature
        *,
        state: ScimConflictState,  # noqa: ARG002 -- as above
        cursor: str = "",  # noqa: ARG002 -- as above
        limit: int = DEFAULT_LIMIT,  # noqa: ARG002 -- as above
    ) -> Page[ScimConflict]:
        """Raise NotOffered: Stytch has no such call."""
        _are_not_told()

    def decide(self, connection_id: str, chosen: Mapping[str, str], *, approve: bool) -> int:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _are_not_told()

    def linking_rule(self, connection_id: str, *, domain: str = "") -> ScimLinkingRule:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _are_not_told()

    def always_link(self, connection_id: str, *, domain: str) -> str:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _are_not_told()

    def stop_linking(self, connection_id: str, *, domain: str) -> str:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _are_not_told()


def _are_not_told() -> NoReturn:
    raise NotOffered("Stytch decides by itself whom it links, and does not tell whom it refused.")
