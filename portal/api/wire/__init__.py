"""Stytch's objects, field by field as its SDKs require them, and what several endpoints take or return.

Endpoints write `wire.Member` for the JSON object, and `Member` for the value of the directory.
"""

from portal.api.wire.empty import Empty
from portal.api.wire.members import Member, member
from portal.api.wire.organizations import ActiveSsoConnection, Organization, organization
from portal.api.wire.roles import CustomRole, RolePermission, roles
from portal.api.wire.scim import ScimConnection, ScimGroup, ScimGroupRoleAssignment
from portal.api.wire.search import ResultsMetadata, SearchRequest, results_metadata
from portal.api.wire.sessions import MemberSession, member_session

__all__ = [
    "ActiveSsoConnection",
    "CustomRole",
    "Empty",
    "Member",
    "MemberSession",
    "Organization",
    "ResultsMetadata",
    "RolePermission",
    "ScimConnection",
    "ScimGroup",
    "ScimGroupRoleAssignment",
    "SearchRequest",
    "member",
    "member_session",
    "organization",
    "results_metadata",
    "roles",
]
