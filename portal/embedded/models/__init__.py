"""The embedded directory's tables."""

from portal.embedded.models.activity import ActivityEntryRow
from portal.embedded.models.counts import DailyCountRow, ScimRequestCountRow
from portal.embedded.models.domains import EmailDomainRow, OwnedDomainRow
from portal.embedded.models.email_tokens import DiscoveryTokenRow, EmailPurpose, EmailTokenRow
from portal.embedded.models.embedding import EmbedTicketRow
from portal.embedded.models.invitations import InvitationJobRow, InvitationLineRow, InvitationRow
from portal.embedded.models.members import (
    IntermediateSessionMemberRow,
    IntermediateSessionRow,
    MemberRow,
    MemberSessionRow,
    SignInLinkRow,
)
from portal.embedded.models.organizations import (
    FormerSlugRow,
    OrganizationLogoRow,
    OrganizationRow,
    ProjectRow,
    ProjectSecretRow,
)
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
from portal.embedded.models.second_factors import (
    PasskeyChallengeRow,
    PasskeyRow,
    RecoveryCodesRow,
    RememberedDeviceRow,
    SmsOtpRow,
    TotpRow,
)
from portal.embedded.models.server_processes import KeyRotationRow, ServerProcessRow
from portal.embedded.models.signing_keys import SigningKeyRow
from portal.embedded.models.tasks import ScheduledJobRow, WorkerRow

__all__ = [
    "ActivityEntryRow",
    "DailyCountRow",
    "DiscoveryTokenRow",
    "EmailDomainRow",
    "EmailPurpose",
    "EmailTokenRow",
    "EmbedTicketRow",
    "FormerSlugRow",
    "IntermediateSessionMemberRow",
    "IntermediateSessionRow",
    "InvitationJobRow",
    "InvitationLineRow",
    "InvitationRow",
    "KeyRotationRow",
    "MemberRow",
    "MemberSessionRow",
    "OrganizationLogoRow",
    "OrganizationRow",
    "OwnedDomainRow",
    "PasskeyChallengeRow",
    "PasskeyRow",
    "ProjectRow",
    "ProjectSecretRow",
    "RateLimitCounterRow",
    "RecoveryCodesRow",
    "RememberedDeviceRow",
    "ScheduledJobRow",
    "ScimConflictRow",
    "ScimConnectionRow",
    "ScimContactRow",
    "ScimGroupRoleRow",
    "ScimGroupRow",
    "ScimMembershipRow",
    "ScimNestingRow",
    "ScimReminderRow",
    "ScimRequestCountRow",
    "ScimRequestRow",
    "ScimSafeguardRow",
    "ScimTokenRow",
    "ScimUserRow",
    "ServerProcessRow",
    "SignInLinkRow",
    "SigningKeyRow",
    "SmsOtpRow",
    "TotpRow",
    "WorkerRow",
]
