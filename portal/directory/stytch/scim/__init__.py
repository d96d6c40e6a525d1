"""The SCIM connection and its groups, as Stytch keeps them: one module per noun."""

from portal.directory.stytch.scim.brake import StytchScimBrake
from portal.directory.stytch.scim.conflicts import StytchScimConflicts
from portal.directory.stytch.scim.connection import StytchScimConnection
from portal.directory.stytch.scim.contacts import StytchScimContacts
from portal.directory.stytch.scim.deletion import StytchScimDeletion
from portal.directory.stytch.scim.drift import StytchScimDrift
from portal.directory.stytch.scim.group_roles import StytchScimGroupRoles
from portal.directory.stytch.scim.groups import StytchScimGroups
from portal.directory.stytch.scim.pause import StytchScimPause
from portal.directory.stytch.scim.people import StytchScimPeople
from portal.directory.types import ScimFeature


class StytchScim(
    StytchScimConnection,
    StytchScimPause,
    StytchScimDeletion,
    StytchScimContacts,
    StytchScimGroups,
    StytchScimPeople,
    StytchScimConflicts,
    StytchScimGroupRoles,
    StytchScimBrake,
    StytchScimDrift,
):
    """Implements portal.directory.gateway.ScimGateway; Stytch checks the member's rights at each call."""

    offers: frozenset[ScimFeature] = frozenset()
