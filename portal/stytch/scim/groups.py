"""The groups that the IdP pushed, as Stytch keeps them."""

from typing import NoReturn

from portal.directory.errors import Invalid, InvalidCursor, NotOffered
from portal.directory.pages import DEFAULT_LIMIT, MAX_LIMIT, Page
from portal.directory.scim.groups import ScimGroup, ScimGroupMember
from portal.stytch.errors import Meanings
from portal.stytch.scim.scoped import CONNECTION_MEANINGS, NO_CONNECTION, Scoped
from portal.stytch.values import scim_group_value

# Stytch's own name for a bad cursor here is not documented; only what it says of a cursor counts as one.
_GROUPS_MEANINGS: Meanings = {
    **CONNECTION_MEANINGS,
    "invalid_id": NO_CONNECTION,
    "invalid_cursor": (InvalidCursor, "This place in the list is not valid."),
}


class StytchScimGroups(Scoped):
    """Implements portal.directory.scim.groups.ScimGroupGateway."""

    def page(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT, search: str = ""
    ) -> Page[ScimGroup]:
        """Return a page of groups (GET /v1/b2b/scim/{organization_id}/connection/{connection_id}).

        Raises Invalid, InvalidCursor, NotFound, NotOffered (for `search`), Refused.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise Invalid(f"limit must be from 1 to {MAX_LIMIT}.", field="limit")
        if search:
            raise NotOffered("Stytch lists groups, but does not search them by name.")
        caller = self._caller()
        query: dict[str, str | int] = {"limit": limit, "cursor": cursor} if cursor else {"limit": limit}
        answer = self._scope.api.get(
            self._path(connection_id),
            query,
            session_token=caller.session_token,
            meanings=_GROUPS_MEANINGS,
        )
        items = tuple(scim_group_value(group) for group in answer.parts("scim_groups"))
        # The last page has no next_cursor: absent, null and "" have all been seen.
        return Page(items, answer.text("next_cursor") if answer.fields.get("next_cursor") else None)

    def get(self, group_id: str) -> ScimGroup:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()

    def members(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupMember]:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()

    def nested(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()

    def parents(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()


def _people_are_not_told() -> NoReturn:
    raise NotOffered("Stytch tells which groups there are, but not who is in them.")
