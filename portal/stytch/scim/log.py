"""The log of SCIM requests, which Stytch does not have: identity providers talk to Stytch, and it does not say of what."""

from collections.abc import Iterator
from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.health import ScimHealth, ScimProgress
from portal.directory.scim.log import ScimReplay, ScimRequest, ScimRequestFilter
from portal.stytch.scim.scoped import Scoped

_ANY = ScimRequestFilter()


class StytchScimLog(Scoped):
    """Implements portal.directory.directory.ScimLogGateway, by saying that there is none."""

    @property
    def retention_days(self) -> int:
        """Raise NotOffered."""
        _is_not_told()

    def page(
        self,
        connection_id: str,  # noqa: ARG002 -- the gateway's signature, as below
        wanted: ScimRequestFilter = _ANY,  # noqa: ARG002
        *,
        cursor: str = "",  # noqa: ARG002
        limit: int = DEFAULT_LIMIT,  # noqa: ARG002
    ) -> Page[ScimRequest]:
        """Raise NotOffered."""
        _is_not_told()

    def get(self, scim_request_id: str) -> ScimRequest:  # noqa: ARG002
        """Raise NotOffered."""
        _is_not_told()

    def export(self, connection_id: str, wanted: ScimRequestFilter = _ANY) -> Iterator[ScimRequest]:  # noqa: ARG002
        """Raise NotOffered."""
        _is_not_told()

    def replay(self, scim_request_id: str) -> ScimReplay:  # noqa: ARG002
        """Raise NotOffered."""
        _is_not_told()


class StytchScimHealth(Scoped):
    """Implements portal.directory.scim.health.ScimHealthGateway, by saying that it is not known."""

    def get(self, connection: ScimConnection) -> ScimHealth:  # noqa: ARG002
        """Raise NotOffered."""
        _is_not_told()

    def progress(self, connection_id: str) -> ScimProgress:  # noqa: ARG002
        """Raise NotOffered."""
        _is_not_told()


def _is_not_told() -> NoReturn:
    raise NotOffered(
        "Identity providers talk to Stytch itself, which does not tell what they asked and how it answered."
    )
