"""The embedded directory's tables."""

from portal.embedded.models.activity import ActivityEntry
from portal.embedded.models.members import IntermediateSession, Member, MemberSession, SignInLink
from portal.embedded.models.organizations import FormerSlug, Organization, Project, ProjectSecret
from portal.embedded.models.rate_limits import RateLimitCounter
from portal.embedded.models.scim import (
    ScimBrake,
    ScimConflict,
    ScimConnection,
    ScimContact,
    ScimGroup,
    ScimGroupRole,
    ScimMembership,
    ScimNesting,
    ScimReminder,
    ScimRequest,
    ScimToken,
    ScimUser,
)
from portal.embedded.models.signing_keys import SigningKey

__all__ = [
    "ActivityEntry",
    "FormerSlug",
    "IntermediateSession",
    "Member",
    "MemberSession",
    "Organization",
    "Project",
    "ProjectSecret",
    "RateLimitCounter",
    "ScimBrake",
    "ScimConflict",
    "ScimConnection",
    "ScimContact",
    "ScimGroup",
    "ScimGroupRole",
    "ScimMembership",
    "ScimNesting",
    "ScimReminder",
    "ScimRequest",
    "ScimToken",
    "ScimUser",
    "SignInLink",
    "SigningKey",
]
