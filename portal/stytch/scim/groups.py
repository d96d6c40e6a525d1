"""Groups that the identity provider pushed, as Stytch lists them."""

from portal.directory.errors import InvalidCursor
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.directory.scim.groups import ScimGroup
from portal.stytch.errors import Meanings
from portal.stytch.scim.scoped import CONNECTION_MEANINGS, NO_CONNECTION, Scoped
from portal.stytch.values import scim_group_value

# Stytch doesn't document its error type for an invalid cursor here, so only those that name a cursor count.
_GROUPS_MEANINGS: Meanings = {
    **CONNECTION_MEANINGS,
    "invalid_id": NO_CONNECTION,
    "invalid_cursor": (InvalidCursor, "The cursor is not valid for this list."),
}


class StytchScimGroups(Scoped):
    """Implements portal.directory.scim.groups.ScimGroupGateway."""

    def page(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of groups (GET /v1/b2b/scim/{organization_id}/connection/{connection_id}).

        Raise Invalid, InvalidCursor, NotFound, Forbidden.
        """
        check_limit(limit)
        caller = self._caller()
        query: dict[str, str | int] = {"limit": limit, "cursor": cursor} if cursor else {"limit": limit}
        answer = self._scope.api.get(
            self._path(connection_id),
            query,
            session_token=caller.session_token,
            meanings=_GROUPS_MEANINGS,
        )
        items = tuple(scim_group_value(group) for group in answer.parts("scim_groups"))
        # On the last page, next_cursor can be absent, null or "".
        return Page(items, answer.text("next_cursor") if answer.fields.get("next_cursor") else None)
