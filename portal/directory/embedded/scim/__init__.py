"""The SCIM connection and what it provisioned, as the portal reads and changes them: one module per noun."""

from portal.directory.embedded.scim.brake import EmbeddedScimBrake
from portal.directory.embedded.scim.conflicts import EmbeddedScimConflicts
from portal.directory.embedded.scim.connection import EmbeddedScimConnection
from portal.directory.embedded.scim.contacts import EmbeddedScimContacts
from portal.directory.embedded.scim.deletion import EmbeddedScimDeletion
from portal.directory.embedded.scim.drift import EmbeddedScimDrift
from portal.directory.embedded.scim.group_roles import EmbeddedScimGroupRoles
from portal.directory.embedded.scim.groups import EmbeddedScimGroups
from portal.directory.embedded.scim.pause import EmbeddedScimPause
from portal.directory.embedded.scim.people import EmbeddedScimPeople
from portal.directory.types import ScimFeature


class EmbeddedScim(
    EmbeddedScimConnection,
    EmbeddedScimPause,
    EmbeddedScimDeletion,
    EmbeddedScimContacts,
    EmbeddedScimGroups,
    EmbeddedScimPeople,
    EmbeddedScimConflicts,
    EmbeddedScimGroupRoles,
    EmbeddedScimBrake,
    EmbeddedScimDrift,
):
    """Implements portal.directory.gateway.ScimGateway."""

    offers = frozenset(ScimFeature)
