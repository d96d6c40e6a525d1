"""What a change of the sign-in settings means for the members, and saving it together with an emergency admin."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.directory.counts import Count
from portal.directory.members import MemberChanges, MemberStatus
from portal.directory.organizations import (
    EMAIL_OTP,
    MAGIC_LINK,
    PASSWORD,
    RESTRICTED,
    Organization,
    OrganizationChanges,
    OrganizationSettings,
)
from portal.directory.pages import MAX_COUNTED
from portal.directory.permissions import Permission
from portal.directory.policy import ADMIN_ROLE
from portal.directory.second_factors import PASSKEY, SMS_OTP, TOTP
from portal.directory.sign_in_settings import MAX_NAMED, MethodReview, NamedMember, SignInAttention, SignInNumbers
from portal.embedded import models
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.search import has_any_role
from portal.embedded.members.values import member_id
from portal.embedded.organizations.organizations import EmbeddedOrganization
from portal.embedded.organizations.sign_in_numbers import count_admins, count_members, members_in_order
from portal.embedded.scope import Scope, lock_organization
from portal.embedded.sessions.lifecycle import opens_portal
from portal.embedded.sessions.satisfied import is_satisfied
from portal.embedded.sign_in.lock_outs import allows_email, lock_out

# Members among which a review looks for names, in the order of an index.
_SEARCHED = 10_000

Members = QuerySet[models.MemberRow]


class EmbeddedSignInSettings:
    """Implements portal.directory.sign_in_settings.SignInSettingsGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def numbers(self) -> SignInNumbers | None:
        """Count how members sign in, with two queries at most."""
        self._scope.require(Permission.MEMBER_SEARCH)
        found = count_members(self._scope.organization_id, MAX_COUNTED + 1)
        if found["all"] <= MAX_COUNTED:
            return _numbers({**found, **count_admins(self._scope.organization, self._scope.organization_id)})
        kept = self._scope.of(models.DailyCountRow).exclude(sign_in={}).order_by("-day").first()
        return replace(_numbers(kept.sign_in), counted_at=kept.counted_at) if kept else None

    def attention(self) -> SignInAttention:
        """Return what needs attention. This takes no query if nothing is required and all methods are allowed."""
        self._scope.require(Permission.MEMBER_SEARCH)
        current = self._scope.organization.settings
        allowed = current.allowed_auth_methods if current.auth_methods == RESTRICTED else ()
        of_everyone, of_admins = (current.requires_second_factor(is_admin=one) for one in (False, True))
        numbers = self.numbers() if of_admins or PASSWORD in allowed else None
        lacking = 0
        if numbers and of_admins:
            lacking = numbers.without_second_factor if of_everyone else numbers.admins_without_second_factor
        usable = {MAGIC_LINK, EMAIL_OTP} if settings.EMAIL_IS_SET_UP else set()
        if numbers is None or numbers.with_password:
            usable |= {PASSWORD}
        return SignInAttention(lacking, not of_everyone, tuple(one for one in allowed if one not in usable))

    def review(self, methods: Sequence[str]) -> MethodReview:
        """Return the consequences of allowing only these methods, with six queries at most."""
        self._scope.require(Permission.AUTH_METHODS)
        after = replace(self._scope.organization.settings, auth_methods=RESTRICTED, allowed_auth_methods=tuple(methods))
        may_see = self._scope.allows(Permission.MEMBER_SEARCH)
        admins = self._searched().filter(_ACTIVE, has_any_role([ADMIN_ROLE], [self._scope.organization]))
        emergency = self._scope.of(models.MemberRow).filter(_ACTIVE, is_breakglass=True).order_by("pk")
        locked_out = self._locked_out(after)
        return MethodReview(
            locked_out=_named(locked_out) if may_see else (),
            locked_out_count=self._count(locked_out, after),
            sessions=self._ended(after),
            refusal=lock_out(self._scope, after),
            emergency_admins=_named(emergency) if may_see else (),
            candidates=_named(admins.filter(is_breakglass=False)) if may_see else (),
        )

    def save_methods(self, methods: Sequence[str], *, version: str, emergency_admin: str = "") -> Organization:
        """Allow only these methods, and give a member emergency access, or change nothing."""
        self._scope.require(Permission.AUTH_METHODS)
        with transaction.atomic():
            # The organization is locked before the member, as where members are created.
            lock_organization(self._scope.organization_id)
            if emergency_admin:
                EmbeddedMembers(self._scope).update(emergency_admin, MemberChanges(is_breakglass=True))
            changes = OrganizationChanges(auth_methods=RESTRICTED, allowed_auth_methods=methods)
            return EmbeddedOrganization(self._scope).update(changes, version=version)

    def _searched(self) -> Members:
        keys = members_in_order(self._scope.organization_id).values("pk")[:_SEARCHED]
        rows = self._scope.of(models.MemberRow).filter(pk__in=keys)
        return rows.order_by("email_address_folded", "pk")

    def _locked_out(self, after: OrganizationSettings) -> Members:
        """Return the active members who have no way left, of those that are searched."""
        if allows_email(after):
            return self._scope.of(models.MemberRow).none()
        rows = self._searched().filter(_ACTIVE, is_breakglass=False)
        return rows.filter(password="") if after.allows(PASSWORD) else rows

    def _count(self, locked_out: Members, after: OrganizationSettings) -> Count | None:
        found, is_large = locked_out.order_by()[: MAX_COUNTED + 1].count(), self._is_large
        if found > MAX_COUNTED or (found and is_large):
            kept = self._scope.of(models.DailyCountRow).exclude(sign_in={}).order_by("-day").first()
            if kept is None:
                return None
            numbers = _numbers(kept.sign_in)
            return Count(numbers.members - (numbers.with_password if after.allows(PASSWORD) else 0))
        return Count(found)

    @property
    def _is_large(self) -> bool:
        """Whether there are more members than a review searches."""
        return members_in_order(self._scope.organization_id)[_SEARCHED : _SEARCHED + 1].exists()

    def _ended(self, after: OrganizationSettings) -> Count:
        """Count the sessions that are in use and would end, among the first MAX_COUNTED."""
        organization = models.OrganizationRow.objects.get(pk=self._scope.organization_id)
        organization.settings = {
            **(organization.settings or {}),
            "auth_methods": after.auth_methods,
            "allowed_auth_methods": list(after.allowed_auth_methods),
        }
        live = self._scope.of(models.MemberSessionRow).filter(revoked_at=None, expires_at__gt=timezone.now())
        found = live.select_related("member").order_by("member_id", "-started_at")[: MAX_COUNTED + 1]
        # Before anything asks a session for its organization, which would take a query for each.
        rows = [_under(row, organization) for row in found]
        ended = [row for row in rows if _is_used(row) and not is_satisfied(row)]
        return Count(len(ended), is_more=len(rows) > MAX_COUNTED)


_ACTIVE = Q(status=MemberStatus.ACTIVE)


def _is_used(row: models.MemberSessionRow) -> bool:
    return row.member.status == MemberStatus.ACTIVE and (opens_portal(row) or not row.ends_when_idle)


def _under(row: models.MemberSessionRow, organization: models.OrganizationRow) -> models.MemberSessionRow:
    """Return a session as if its organization had these settings."""
    row.member.organization = organization
    return row


def _numbers(counted: Mapping[str, int]) -> SignInNumbers:
    return SignInNumbers(
        members=counted["members"],
        with_password=counted["password"],
        with_second_factor=counted["second_factor"],
        by_factor={name: counted[name] for name in (TOTP, SMS_OTP, PASSKEY)},
        admins=counted["admins"],
        admins_with_second_factor=counted["admins_with_second_factor"],
    )


def _named(rows: Members) -> tuple[NamedMember, ...]:
    return tuple(NamedMember(member_id(row), row.name, row.email_address) for row in rows[:MAX_NAMED])
