"""Locked members: record that the limit of wrong passwords and codes is reached, and unlock."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.ids import parse_id
from portal.directory.permissions import Permission
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.members.values import no_member
from portal.embedded.scope import Scope, across_organizations


class EmbeddedMemberLocks:
    """Implements portal.directory.member_locks.MemberLockGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def unlock(self, member_id: str) -> str:
        """Remove a member's lock, and return their email address. Raise NotFound, Forbidden, StepUpRequired."""
        self._scope.require(Permission.MEMBER_PASSWORD)
        self._scope.require_recent_proof()
        with transaction.atomic():
            members = self._scope.of(models.MemberRow).select_for_update(no_key=True)
            row = members.filter(pk=parse_id("member", member_id)).first()
            if row is None:
                raise no_member()
            row.lock_created_at = row.lock_expires_at = None
            row.save(update_fields=["lock_created_at", "lock_expires_at"])
            record(
                self._scope.caller,
                "member.unlock",
                organization_id=row.organization_id,
                target_id=member_id,
                target_name=row.email_address,
            )
        return row.email_address


class EmbeddedLockRecorder:
    """Implements portal.directory.member_locks.LockRecorder."""

    def lock(self, email_address: str, *, until: datetime) -> None:
        """Record that members with an address are locked. One statement, for every address."""
        now = timezone.now()
        free = Q(lock_expires_at=None) | Q(lock_expires_at__lte=now)
        named = across_organizations(models.MemberRow).filter(free, email_address_folded=fold_address(email_address))
        named.update(lock_created_at=now, lock_expires_at=until)
