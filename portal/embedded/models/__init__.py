"""The embedded directory's tables."""

from portal.embedded.models.activity import ActivityEntryRow
from portal.embedded.models.members import (
    IntermediateSessionMemberRow,
    IntermediateSessionRow,
    MemberRow,
    MemberSessionRow,
    SignInLinkRow,
)
from portal.embedded.models.organizations import FormerSlugRow, OrganizationRow, ProjectRow, ProjectSecretRow
from portal.embedded.models.rate_limits import RateLimitCounterRow
from portal.embedded.models.scim.connections import (
    ScimConnectionRow,
    ScimContactRow,
    ScimReminderRow,
    ScimSafeguardRow,
    ScimTokenRow,
)
from portal.embedded.models.scim.log import ScimRequestRow
from portal.embedded.models.scim.users import (
    ScimConflictRow,
    ScimGroupRoleRow,
    ScimGroupRow,
    ScimMembershipRow,
    ScimNestingRow,
    ScimUserRow,
)
from portal.embedded.models.signing_keys import SigningKeyRow

__all__ = [
    "ActivityEntryRow",
    "FormerSlugRow",
    "IntermediateSessionMemberRow",
    "IntermediateSessionRow",
    "MemberRow",
    "MemberSessionRow",
    "OrganizationRow",
    "ProjectRow",
    "ProjectSecretRow",
    "RateLimitCounterRow",
    "ScimConflictRow",
    "ScimConnectionRow",
    "ScimContactRow",
    "ScimGroupRoleRow",
    "ScimGroupRow",
    "ScimMembershipRow",
    "ScimNestingRow",
    "ScimReminderRow",
    "ScimRequestRow",
    "ScimSafeguardRow",
    "ScimTokenRow",
    "ScimUserRow",
    "SignInLinkRow",
    "SigningKeyRow",
]
