"""The SCIM connection and what it provisioned, as the portal reads and changes them."""

from portal.embedded.scim.conflicts import EmbeddedScimConflicts
from portal.embedded.scim.connection import EmbeddedScimConnection
from portal.embedded.scim.contacts import EmbeddedScimContacts
from portal.embedded.scim.deletion import EmbeddedScimDeletion
from portal.embedded.scim.drift import EmbeddedScimDrift
from portal.embedded.scim.group_role_review import EmbeddedScimGroupRoleReview
from portal.embedded.scim.group_roles import EmbeddedScimGroupRoles
from portal.embedded.scim.groups import EmbeddedScimGroups
from portal.embedded.scim.log.health import EmbeddedScimHealth
from portal.embedded.scim.log.reading import EmbeddedScimLog
from portal.embedded.scim.pause import EmbeddedScimPause
from portal.embedded.scim.restoration import EmbeddedScimRestoration
from portal.embedded.scim.safeguard import EmbeddedScimSafeguard
from portal.embedded.scim.tokens import EmbeddedScimTokens
from portal.embedded.scim.users import EmbeddedScimUsers
from portal.embedded.scope import Scope


class EmbeddedScim:
    """Implements portal.directory.directory.ScimGateway."""

    def __init__(self, scope: Scope) -> None:
        self.connection = EmbeddedScimConnection(scope)
        self.tokens = EmbeddedScimTokens(scope)
        self.pause = EmbeddedScimPause(scope)
        self.deletion = EmbeddedScimDeletion(scope)
        self.restoration = EmbeddedScimRestoration(scope)
        self.contacts = EmbeddedScimContacts(scope)
        self.groups = EmbeddedScimGroups(scope)
        self.group_details = self.groups
        self.users = EmbeddedScimUsers(scope)
        self.conflicts = EmbeddedScimConflicts(scope)
        self.group_roles = EmbeddedScimGroupRoles(scope)
        self.group_role_review = EmbeddedScimGroupRoleReview(scope)
        self.safeguard = EmbeddedScimSafeguard(scope)
        self.drift = EmbeddedScimDrift(scope)
        self.log = EmbeddedScimLog(scope)
        self.health = EmbeddedScimHealth(scope)
