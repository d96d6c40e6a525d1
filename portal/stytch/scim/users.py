"""Provisioned people: Stytch keeps them to itself."""

from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.scim.users import ScimUser, ScimUserDetails, ScimUserGroup, ScimUserRole, ScimUserState
from portal.stytch.scim.scoped import Scoped


class StytchScimUsers(Scoped):
    """Implements portal.directory.scim.users.ScimUserGateway."""

    def page(
        self,
        connection_id: str,  # noqa: ARG002 -- the gateway's signature
        *,
        cursor: str = "",  # noqa: ARG002 -- as above
        limit: int = DEFAULT_LIMIT,  # noqa: ARG002 -- as above
        search: str = "",  # noqa: ARG002 -- as above
        state: ScimUserState | None = None,  # noqa: ARG002 -- as above
    ) -> Page[ScimUser]:
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()

    def without_access(self, connection_id: str) -> int:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()

    def get(self, user_id: str) -> ScimUserDetails:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()

    def groups(self, user_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimUserGroup]:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()

    def roles(self, user_id: str) -> tuple[ScimUserRole, ...]:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()


def _people_are_not_told() -> NoReturn:
    raise NotOffered(
        "Stytch lists the groups that the identity provider pushed, but not the people of a SCIM connection."
    )
