"""The SCIM connection and its groups, as Stytch keeps them."""

from typing import NoReturn

from portal.directory.errors import Invalid, InvalidCursor, NotFound, NotOffered, Unauthenticated
from portal.directory.stytch.errors import Meaning, Meanings
from portal.directory.stytch.http import path_of
from portal.directory.stytch.scope import Scope
from portal.directory.stytch.values import scim_connection_value, scim_group_value
from portal.directory.types import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Page,
    ScimConnection,
    ScimFeature,
    ScimGroup,
    ScimGroupMember,
    SignedIn,
)


class _NoConnection(NotFound):
    """The organization has no SCIM connection."""


_NO_CONNECTION: Meaning = (_NoConnection, "There is no such SCIM connection.")
_CONNECTION_MEANINGS: Meanings = dict.fromkeys(
    ("no_active_scim_connection", "scim_connection_not_found"), _NO_CONNECTION
)
# Stytch's own name for a bad cursor here is not documented; only what it says of a cursor counts as one.
_GROUPS_MEANINGS: Meanings = {
    **_CONNECTION_MEANINGS,
    "invalid_id": _NO_CONNECTION,
    "invalid_cursor": (InvalidCursor, "This place in the list is not valid."),
}


class StytchScim:
    """Implements portal.directory.gateway.ScimGateway; Stytch checks the member's rights at each call."""

    offers: frozenset[ScimFeature] = frozenset()

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def connection(self) -> ScimConnection | None:
        """Return the active connection, or None (GET /v1/b2b/scim/{organization_id}/connection). Raises Refused."""
        caller = self._caller()
        try:
            answer = self._scope.api.get(
                path_of("scim", caller.organization.organization_id, "connection"),
                session_token=caller.session_token,
                meanings=_CONNECTION_MEANINGS,
            )
        except _NoConnection:
            return None
        document = answer.optional_part("connection")
        return scim_connection_value(document) if document else None

    def groups(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT, name_prefix: str = ""
    ) -> Page[ScimGroup]:
        """Return a page of groups (GET /v1/b2b/scim/{organization_id}/connection/{connection_id}).

        Raises Invalid, InvalidCursor, NotFound, NotOffered (for `name_prefix`), Refused.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise Invalid(f"limit must be from 1 to {MAX_LIMIT}.", field="limit")
        if name_prefix:
            raise NotOffered("Stytch lists groups, but does not search them by name.")
        caller = self._caller()
        query: dict[str, str | int] = {"limit": limit, "cursor": cursor} if cursor else {"limit": limit}
        answer = self._scope.api.get(
            path_of("scim", caller.organization.organization_id, "connection", connection_id),
            query,
            session_token=caller.session_token,
            meanings=_GROUPS_MEANINGS,
        )
        items = tuple(scim_group_value(group) for group in answer.parts("scim_groups"))
        # The last page has no next_cursor: absent, null and "" have all been seen.
        return Page(items, answer.text("next_cursor") if answer.fields.get("next_cursor") else None)

    def group(self, group_id: str) -> ScimGroup:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()

    def group_members(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupMember]:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _people_are_not_told()

    def _caller(self) -> SignedIn:
        # Without a member's session Stytch would check no right at all.
        if self._scope.signed_in is None:
            raise Unauthenticated("Sign in to see the SCIM connection.")
        return self._scope.signed_in


def _people_are_not_told() -> NoReturn:
    raise NotOffered("Stytch tells which groups there are, but not who is in them.")
