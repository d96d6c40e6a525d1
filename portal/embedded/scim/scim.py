"""The SCIM gateways of the embedded directory."""

from functools import cached_property

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
        self._scope = scope

    @cached_property
    def connection(self) -> EmbeddedScimConnection:
        return EmbeddedScimConnection(self._scope)

    @cached_property
    def tokens(self) -> EmbeddedScimTokens:
        return EmbeddedScimTokens(self._scope)

    @cached_property
    def pause(self) -> EmbeddedScimPause:
        return EmbeddedScimPause(self._scope)

    @cached_property
    def deletion(self) -> EmbeddedScimDeletion:
        return EmbeddedScimDeletion(self._scope)

    @cached_property
    def restoration(self) -> EmbeddedScimRestoration:
        return EmbeddedScimRestoration(self._scope)

    @cached_property
    def contacts(self) -> EmbeddedScimContacts:
        return EmbeddedScimContacts(self._scope)

    @cached_property
    def groups(self) -> EmbeddedScimGroups:
        return EmbeddedScimGroups(self._scope)

    @cached_property
    def group_details(self) -> EmbeddedScimGroups:
        return self.groups

    @cached_property
    def users(self) -> EmbeddedScimUsers:
        return EmbeddedScimUsers(self._scope)

    @cached_property
    def conflicts(self) -> EmbeddedScimConflicts:
        return EmbeddedScimConflicts(self._scope)

    @cached_property
    def group_roles(self) -> EmbeddedScimGroupRoles:
        return EmbeddedScimGroupRoles(self._scope)

    @cached_property
    def group_role_review(self) -> EmbeddedScimGroupRoleReview:
        return EmbeddedScimGroupRoleReview(self._scope)

    @cached_property
    def safeguard(self) -> EmbeddedScimSafeguard:
        return EmbeddedScimSafeguard(self._scope)

    @cached_property
    def drift(self) -> EmbeddedScimDrift:
        return EmbeddedScimDrift(self._scope)

    @cached_property
    def log(self) -> EmbeddedScimLog:
        return EmbeddedScimLog(self._scope)

    @cached_property
    def health(self) -> EmbeddedScimHealth:
        return EmbeddedScimHealth(self._scope)
