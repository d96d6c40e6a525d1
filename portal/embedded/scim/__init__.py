"""The SCIM connection and what it provisioned, as the portal reads and changes them: one module per noun."""

from portal.directory.scim.features import ScimFeature
from portal.embedded.scim.conflicts import EmbeddedScimConflicts
from portal.embedded.scim.connection import EmbeddedScimConnection
from portal.embedded.scim.contacts import EmbeddedScimContacts
from portal.embedded.scim.deletion import EmbeddedScimDeletion
from portal.embedded.scim.drift import EmbeddedScimDrift
from portal.embedded.scim.group_roles import EmbeddedScimGroupRoles
from portal.embedded.scim.groups import EmbeddedScimGroups
from portal.embedded.scim.pause import EmbeddedScimPause
from portal.embedded.scim.safeguard import EmbeddedScimSafeguard
from portal.embedded.scim.users import EmbeddedScimUsers


class EmbeddedScim(
    EmbeddedScimConnection,
    EmbeddedScimPause,
    EmbeddedScimDeletion,
    EmbeddedScimContacts,
    EmbeddedScimGroups,
    EmbeddedScimUsers,
    EmbeddedScimConflicts,
    EmbeddedScimGroupRoles,
    EmbeddedScimSafeguard,
    EmbeddedScimDrift,
):
    """Implements portal.directory.directory.ScimGateway."""

    offers = frozenset(ScimFeature)
