"""The sessions of all members of an organization."""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.ids import parse_id
from portal.directory.pages import MAX_COUNTED
from portal.directory.permissions import Permission
from portal.directory.sessions import SessionEndCause
from portal.embedded import audit, models
from portal.embedded.database.time_limit import lift_time_limit
from portal.embedded.scope import Scope


class EmbeddedAllSessions:
    """Implements portal.directory.sessions.AllSessionsGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def count(self) -> int:
        """Return how many others are live, up to MAX_COUNTED."""
        self._scope.require(Permission.MEMBER_SESSIONS)
        return self._others().filter(expires_at__gt=timezone.now())[:MAX_COUNTED].count()

    def revoke(self) -> int:
        """End all others, and the sign-ins that wait for a choice or a factor. Raise Forbidden, StepUpRequired."""
        self._scope.require(Permission.MEMBER_SESSIONS)
        self._scope.require_recent_proof()
        with transaction.atomic():
            lift_time_limit()
            # Members who left a device to others sign in with their second factor again.
            rows = models.OrganizationRow.objects.filter(pk=self._scope.organization_id)
            rows.update(devices_forgotten_at=timezone.now())
            ended = self._others().update(revoked_at=timezone.now(), revoked_because=SessionEndCause.ADMIN)
            self._scope.of(models.IntermediateSessionMemberRow).delete()
            organization = self._scope.organization
            audit.record(
                self._scope.caller,
                "organization.revoke_sessions",
                organization_id=self._scope.organization_id,
                target_id=organization.organization_id,
                target_name=organization.organization_name,
                after={"sessions": ended},
            )
        return ended

    def _others(self) -> QuerySet[models.MemberSessionRow]:
        rows = self._scope.of(models.MemberSessionRow).filter(revoked_at=None)
        if self._scope.signed_in is None:
            return rows
        return rows.exclude(pk=parse_id("member-session", self._scope.signed_in.session.member_session_id))
