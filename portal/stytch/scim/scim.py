"""The SCIM gateways of the Stytch directory."""

from functools import cached_property

from portal.stytch.scim.connection import StytchScimConnection, StytchScimTokens
from portal.stytch.scim.deletion import StytchScimDeletion
from portal.stytch.scim.group_roles import StytchScimGroupRoles
from portal.stytch.scim.groups import StytchScimGroups
from portal.stytch.scope import Scope


class StytchScim:
    """Implements portal.directory.directory.ScimGateway; Stytch checks the member's permissions."""

    # What Stytch's API has no requests for.
    conflicts = None
    contacts = None
    drift = None
    group_details = None
    group_role_review = None
    health = None
    log = None
    pause = None
    restoration = None
    safeguard = None
    users = None

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @cached_property
    def connection(self) -> StytchScimConnection:
        return StytchScimConnection(self._scope)

    @cached_property
    def tokens(self) -> StytchScimTokens:
        return StytchScimTokens(self._scope)

    @cached_property
    def deletion(self) -> StytchScimDeletion:
        return StytchScimDeletion(self._scope)

    @cached_property
    def groups(self) -> StytchScimGroups:
        return StytchScimGroups(self._scope)

    @cached_property
    def group_roles(self) -> StytchScimGroupRoles:
        return StytchScimGroupRoles(self._scope)
