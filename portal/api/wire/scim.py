"""Stytch's objects for SCIM connections and groups."""

from datetime import datetime

import msgspec


class ScimGroupRoleAssignment(msgspec.Struct):
    """A role assigned to a SCIM group (Stytch: SCIMGroupImplicitRoleAssignments)."""

    role_id: str
    group_id: str
    group_name: str = ""


class ScimConnection(msgspec.Struct):
    """Stytch's SCIMConnection. A token is included only in the response that creates it."""

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
