"""The SCIM connection and its groups, as Stytch keeps them."""

from portal.stytch.rbac import StytchOrganizationRbac
from portal.stytch.scim.connection import StytchScimConnection
from portal.stytch.scim.deletion import StytchScimDeletion
from portal.stytch.scim.group_roles import StytchScimGroupRoles
from portal.stytch.scim.groups import StytchScimGroups
from portal.stytch.scim.tokens import StytchScimTokens
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

    def __init__(self, scope: Scope, rbac: StytchOrganizationRbac) -> None:
        self.connection = StytchScimConnection(scope)
        self.tokens = StytchScimTokens(scope)
        self.deletion = StytchScimDeletion(scope)
        self.groups = StytchScimGroups(scope)
        self.group_roles = StytchScimGroupRoles(scope, rbac)
