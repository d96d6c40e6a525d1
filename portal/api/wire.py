"""What stands in answers more than once: Stytch's objects, field by field as its SDKs require them."""

from datetime import datetime

import msgspec


class Nothing(msgspec.Struct):
    """No fields: of a request that says nothing, or an answer that is only its status."""


class ScimGroupRoleAssignment(msgspec.Struct):
    """A role that a SCIM group gives to everybody in it (Stytch: SCIMGroupImplicitRoleAssignments)."""

    role_id: str
    group_id: str
    group_name: str = ""


class ScimConnection(msgspec.Struct):
    """Stytch's SCIMConnection; with a token that was just made, that is shown this once."""

    organization_id: str
    connection_id: str
    status: str
    display_name: str
    identity_provider: str
    base_url: str
    bearer_token_last_four: str
    bearer_token_expires_at: datetime | None
    scim_group_implicit_role_assignments: list[ScimGroupRoleAssignment]
    next_bearer_token_last_four: str
    next_bearer_token_expires_at: datetime | None
    bearer_token: str | msgspec.UnsetType = msgspec.UNSET
    next_bearer_token: str | msgspec.UnsetType = msgspec.UNSET


class ScimGroup(msgspec.Struct):
    """Stytch's SCIMGroup."""

    group_id: str
    group_name: str
    organization_id: str
    connection_id: str
