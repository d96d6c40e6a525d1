"""Remembered devices: a token in a browser's cookie replaces the second factor at the portal's own sign-in."""

import hashlib
from datetime import timedelta
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.directory.errors import Forbidden, NotFound, Unauthenticated
from portal.directory.ids import parse_id, public_id
from portal.directory.organizations import OrganizationSettings
from portal.directory.remembered_devices import MAX_DEVICES, NewDevice, RememberedDevice
from portal.directory.sessions import SessionEndCause, SignedIn
from portal.directory.step_up import CONFIRMATION_LIFETIME
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.database.batches import MAX_ROWS, delete_rows
from portal.embedded.members.values import member_id
from portal.embedded.scope import Scope, across_organizations, lock_organization, rows_of, settings_value
from portal.embedded.second_factors.policy import has_second_factor
from portal.embedded.second_factors.proof import locked_member
from portal.embedded.sessions.lifecycle import stored_factors
from portal.embedded.tokens import new_token, token_hash

_NOUN = "remembered-device"
# A member who uses one doesn't have the factor at hand, and may have found the code.
_NOT_ENOUGH = "recovery_codes"


def device_in_use(scope: Scope, member: models.MemberRow) -> UUID | None:
    """Return the key of the member's remembered device that the request comes from, and record its use. None if it isn't one.

    For the portal's own sign-in, after the first factor was right. The caller opens the transaction.
    """
    token = _sent(scope)
    if not token or scope.project is not None or not _days(settings_value(member.organization)):
        return None
    row = _counting(member).select_for_update(of=("self",)).filter(token_hash=token_hash(token)).first()
    if row is None:
        return None
    row.last_used_at, row.ip_address = timezone.now(), scope.origin.ip_address
    row.save(update_fields=["last_used_at", "ip_address"])
    key: UUID = row.pk
    return key


class EmbeddedRememberedDevices:
    """Implements portal.directory.remembered_devices.RememberedDeviceGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def days(self) -> int:
        """For how many days the organization has devices remembered."""
        return _days(self._scope.organization.settings)

    def remember(self) -> NewDevice:
        """Remember the browser of this request. Raise Unauthenticated, Forbidden."""
        holder = self._scope.require_own_account()
        with transaction.atomic():
            # The organization first, as elsewhere: a change of its policy is complete before this, or comes after it.
            lock_organization(self._scope.organization_id)
            member = locked_member(self._scope, holder.member.member_id)
            days = _days(settings_value(member.organization))
            if not days or self._scope.project is not None:
                raise Forbidden(f"{member.organization.name} asks for the second factor at every sign-in.")
            self._require_fresh_factor(holder, member)
            now, token = timezone.now(), new_token()
            self._make_room(member)
            row = models.RememberedDeviceRow(
                organization_id=member.organization_id,
                member=member,
                token_hash=token_hash(token),
                state_hash=_state(member),
                created_at=now,
                last_used_at=now,
                expires_at=now + timedelta(days=days),
                ip_address=self._scope.origin.ip_address,
                user_agent=self._scope.origin.user_agent,
            )
            row.save(force_insert=True)
            self._record("member.remember_device", member, {"days": days})
        return NewDevice(token, row.expires_at)

    def own(self) -> tuple[RememberedDevice, ...]:
        """Return those that still count, the last used first."""
        key = parse_id("member", self._scope.require_own_account().member.member_id)
        if not self.days:
            return ()
        members = self._scope.of(models.MemberRow).select_related("organization")
        member = members.filter(pk=key).first()
        rows = _counting(member).order_by("-last_used_at", "-pk") if member else ()
        return tuple(
            RememberedDevice(
                device_id=public_id(_NOUN, row.pk),
                created_at=row.created_at,
                last_used_at=row.last_used_at,
                expires_at=row.expires_at,
                ip_address=row.ip_address,
                user_agent=row.user_agent,
            )
            for row in rows
        )

    def forget(self, device_id: str) -> None:
        """End one, with the other sessions that began with it. Raise NotFound, StepUpRequired."""
        holder = self._scope.require_own_account()
        self._scope.require_recent_proof()
        key, now = parse_id(_NOUN, device_id), timezone.now()
        with transaction.atomic():
            member = locked_member(self._scope, holder.member.member_id)
            if not self._scope.of(models.RememberedDeviceRow).filter(member=member, pk=key).delete()[0]:
                raise NotFound("You have no such remembered device.")
            # After the row, which a sign-in locks: its session is there by now.
            began = self._scope.of(models.MemberSessionRow).filter(
                member=member, remembered_device=key, revoked_at=None
            )
            others = began.exclude(pk=parse_id("member-session", holder.session.member_session_id))
            others.update(revoked_at=now, revoked_because=SessionEndCause.MEMBER)
            self._record("member.forget_device", member, {})

    def _require_fresh_factor(self, holder: SignedIn, member: models.MemberRow) -> None:
        """Raise Unauthenticated unless the session has a second factor of the last minutes."""
        sessions = self._scope.of(models.MemberSessionRow).filter(member=member, revoked_at=None)
        row = sessions.filter(pk=parse_id("member-session", holder.session.member_session_id)).first()
        since = timezone.now() - CONFIRMATION_LIFETIME
        factors = stored_factors(row.factors) if row else ()
        fresh = [one for one in factors if one.type != _NOT_ENOUGH and one.last_authenticated_at > since]
        if not has_second_factor(member, fresh):
            raise Unauthenticated("Confirm with your second factor first.", error_type="insufficient_factors")

    def _make_room(self, member: models.MemberRow) -> None:
        """Delete what this browser had before, and the least recently used beyond the maximum."""
        rows = self._scope.of(models.RememberedDeviceRow).filter(member=member)
        token = _sent(self._scope)
        before = Q(token_hash=token_hash(token)) if token else Q(pk=None)
        others = rows.exclude(before).order_by("-last_used_at", "-pk")
        rows.filter(before | Q(pk__in=list(others.values_list("pk", flat=True)[MAX_DEVICES - 1 :]))).delete()

    def _record(self, action: str, member: models.MemberRow, after: dict[str, int]) -> None:
        record(
            self._scope.caller,
            action,
            organization_id=member.organization_id,
            target_id=member_id(member),
            target_name=member.email_address,
            after=after,
        )


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete expired devices. Return how many, `limit` at most."""
    return delete_rows(across_organizations(models.RememberedDeviceRow).filter(expires_at__lte=timezone.now()), limit)


def _days(chosen: OrganizationSettings) -> int:
    """Return for how many days an organization with these settings has devices remembered, 0 if it doesn't."""
    return min(chosen.remembered_device_days, settings.PROJECT.sessions.max_remembered_device_days)


def _sent(scope: Scope) -> str:
    """Return the token that the browser sent for the organization, "" for none."""
    return dict(scope.origin.device_tokens).get(public_id("organization", scope.organization_id), "")


def _counting(member: models.MemberRow) -> QuerySet[models.RememberedDeviceRow]:
    """Return the member's devices that still count. Select `organization` with the member."""
    organization, now = member.organization, timezone.now()
    rows = rows_of(member.organization_id, models.RememberedDeviceRow).filter(
        member=member,
        state_hash=_state(member),
        expires_at__gt=now,
        # The organization may have fewer days by now.
        created_at__gt=now - timedelta(days=_days(settings_value(organization))),
    )
    forgotten_at = organization.devices_forgotten_at
    return rows.filter(created_at__gt=forgotten_at) if forgotten_at else rows


def _state(member: models.MemberRow) -> bytes:
    """Return a hash of what a device must not outlive: the member's password and second factors."""
    passkeys = rows_of(member.organization_id, models.PasskeyRow).filter(member=member).order_by("pk")
    parts = (
        member.password,
        str(member.totp_id or ""),
        member.mfa_phone_number if member.mfa_phone_number_verified else "",
        *(map(str, passkeys.values_list("pk", flat=True)) if member.passkey_count else ()),
    )
    return hashlib.sha256(msgspec.json.encode(parts)).digest()
