"""The base of the SCIM gateways of Stytch."""

from portal.directory.errors import NotFound, Unauthenticated
from portal.directory.sessions import SignedIn
from portal.stytch.errors import Meaning, Meanings
from portal.stytch.http import path_of
from portal.stytch.scope import Scope


class NoConnection(NotFound):
    """The organization has no SCIM connection."""


NO_CONNECTION: Meaning = (NoConnection, "This SCIM connection does not exist.")
CONNECTION_MEANINGS: Meanings = dict.fromkeys(("no_active_scim_connection", "scim_connection_not_found"), NO_CONNECTION)


class Scoped:
    """One organization and one caller."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def _caller(self) -> SignedIn:
        # Without a member's session, Stytch checks no permission.
        if self._scope.signed_in is None:
            raise Unauthenticated("Sign in to see the SCIM connection.")
        return self._scope.signed_in

    def _path(self, *below: str) -> str:
        return path_of("scim", self._caller().organization.organization_id, "connection", *below)
