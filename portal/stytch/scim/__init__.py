"""The SCIM connection and its groups, as Stytch keeps them: one module per noun."""

from portal.directory.scim.features import ScimFeature
from portal.stytch.scim.conflicts import StytchScimConflicts
from portal.stytch.scim.connection import StytchScimConnection
from portal.stytch.scim.contacts import StytchScimContacts
from portal.stytch.scim.deletion import StytchScimDeletion
from portal.stytch.scim.drift import StytchScimDrift
from portal.stytch.scim.group_roles import StytchScimGroupRoles
from portal.stytch.scim.groups import StytchScimGroups
from portal.stytch.scim.pause import StytchScimPause
from portal.stytch.scim.safeguard import StytchScimSafeguard
from portal.stytch.scim.users import StytchScimUsers


class StytchScim(
    StytchScimConnection,
    StytchScimPause,
    StytchScimDeletion,
    StytchScimContacts,
    StytchScimGroups,
    StytchScimUsers,
    StytchScimConflicts,
    StytchScimGroupRoles,
    StytchScimSafeguard,
    StytchScimDrift,
):
    """Implements portal.directory.directory.ScimGateway; Stytch checks the member's rights at each call."""

    offers: frozenset[ScimFeature] = frozenset()
