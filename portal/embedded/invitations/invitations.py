"""Invite one person, list pending invitations, send one again, or revoke it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.access.rate_limits import admit_invitations
from portal.directory.bulk_invitations import DraftLine
from portal.directory.errors import Conflict, NotFound, TooManyRequests
from portal.directory.ids import parse_id, public_id
from portal.directory.invitations import ExpiringInvitations, NewInvitation, PendingInvitation
from portal.directory.locales import LOCALES
from portal.directory.members import RESOURCE, Member, MemberChanges, MemberStatus
from portal.directory.pages import DEFAULT_LIMIT, MAX_COUNTED, Page, check_limit
from portal.directory.permissions import Permission
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.database import keyset
from portal.embedded.invitations import rules, sending
from portal.embedded.invitations.records import WAITING
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.values import member_values, with_details
from portal.embedded.scope import Scope, lock_organization, rows_of

# Between two emails of one invitation.
RESEND_AFTER = timedelta(minutes=5)
_SOON = timedelta(days=1)
_TOO_MANY = "Your organization has sent as many invitations as it can in a day. Try again tomorrow."


class EmbeddedInvitations:
    """Implements portal.directory.invitations.InvitationGateway."""

    has_details = True
    locales = LOCALES

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def lifetime(self) -> timedelta:
        """For how long the link in an email works."""
        return sending.lifetime()

    def obstacle(self) -> str:
        """Return why nobody can be invited now, "" if people can be."""
        return rules.obstacle(self._scope)

    def grantable_roles(self) -> tuple[str, ...]:
        """Return the roles that the acting member can give to people they invite."""
        return rules.grantable_roles(self._scope)

    def invite(self, new: NewInvitation) -> Member:
        """Create an invited member and email them a link. Raise Invalid, Conflict, Forbidden, TooManyRequests."""
        self._scope.require_action("create", RESOURCE)
        rules.verdict(self._scope, DraftLine(1, new.email_address, new.name, new.roles, new.locale)).check()
        if new.roles:
            self._scope.require_recent_proof()
        return create_invited(self._scope, new)

    def page(self, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[PendingInvitation]:
        """Return a page of pending invitations, those that end first before the others. Raise InvalidCursor, Forbidden."""
        self._scope.require(Permission.MEMBER_SEARCH)
        check_limit(limit)
        keys = keyset.Keyset("invitations", self._scope.organization_id)
        found = self._pending().order_by("expires_at", "pk")
        if cursor:
            at, key = keys.key(cursor)
            ends = datetime.fromisoformat(at)
            # The first condition is redundant, but it lets the planner use the index.
            found = found.filter(Q(expires_at__gte=ends) & (Q(expires_at__gt=ends) | Q(pk__gt=UUID(key))))
        rows = list(found[: limit + 1])
        result = keys.page(rows, limit=limit, key=lambda row: [row.expires_at.isoformat(), str(row.pk)])
        return Page(tuple(self._values(result.items).values()), result.next_cursor)

    def expiring(self) -> ExpiringInvitations:
        """Return how many have expired, and how many end within a day. Raise Forbidden."""
        self._scope.require(Permission.MEMBER_SEARCH)
        now = timezone.now()
        ends = self._pending().filter(expires_at__lte=now + _SOON).order_by("expires_at")
        found = list(ends.values_list("expires_at", flat=True)[:MAX_COUNTED])
        expired = sum(at <= now for at in found)
        return ExpiringInvitations(expired, len(found) - expired)

    def of_members(self, member_ids: tuple[str, ...]) -> dict[str, PendingInvitation]:
        """Return the pending invitations of these members by member ID. Raise Forbidden."""
        self._scope.require(Permission.MEMBER_SEARCH)
        keys = [parse_id("member", one) for one in member_ids]
        return dict(self._values(self._pending().filter(member_id__in=keys))) if keys else {}

    def resend(self, member_id: str) -> Member:
        """Email another link. Raise NotFound, Conflict if the member isn't invited now, Forbidden, TooManyRequests."""
        self._scope.require_action("create", RESOURCE)
        with transaction.atomic():
            member = self._locked(member_id)
            rules.check_address(self._scope, member.email_address)
            invitations = self._scope.of(models.InvitationRow)
            before = invitations.select_for_update(no_key=True).filter(member=member).first()
            if before and (wait := before.sent_at + RESEND_AFTER - timezone.now()) > timedelta(0):
                minutes = ceil(wait.total_seconds() / 60)
                raise TooManyRequests(
                    f"This invitation was sent a few minutes ago. Try again in {minutes} minute{'s' * (minutes > 1)}."
                )
            require_room(self._scope)
            row = sending.send(member, invited_by=acting_id(self._scope), locale=before.locale if before else "")
            self._record("member.resend_invitation", member, {"expires_at": row.expires_at.isoformat()})
        (value,) = member_values([member])
        return value

    def revoke(self, member_id: str) -> str:
        """End the link and delete the member. Raise NotFound, Conflict if the member isn't invited now, Forbidden."""
        self._scope.require_action("delete", RESOURCE)
        with transaction.atomic():
            member = self._locked(member_id)
            sending.delete_links(member)
            EmbeddedMembers(self._scope).delete(public_id("member", member.pk))
        return member.email_address

    def _pending(self) -> QuerySet[models.InvitationRow]:
        rows = self._scope.of(models.InvitationRow)
        return rows.filter(member__status__in=WAITING, organization__deleted_at=None)

    def _values(self, rows: Iterable[models.InvitationRow]) -> Mapping[str, PendingInvitation]:
        """Return invitations by member ID. This takes the same number of queries for any number of them."""
        found = list(rows)
        members = with_details(self._scope.of(models.MemberRow)).filter(pk__in=[one.member_id for one in found])
        values = {parse_id("member", one.member_id): one for one in member_values(list(members))}
        inviters = self._names({one.invited_by for one in found} - {""})
        return {
            values[row.member_id].member_id: PendingInvitation(
                values[row.member_id], inviters.get(row.invited_by, ""), row.sent_at, row.expires_at, row.emailed_at
            )
            for row in found
            if row.member_id in values
        }

    def _names(self, member_ids: Iterable[str]) -> Mapping[str, str]:
        keys = [parse_id("member", one) for one in member_ids]
        members = self._scope.of(models.MemberRow).filter(pk__in=keys).order_by() if keys else ()
        return {public_id("member", one.pk): one.name or one.email_address for one in members}

    def _locked(self, member_id: str) -> models.MemberRow:
        """Lock a member who is invited. Raise NotFound, Conflict."""
        # The organization before the member, as deleting an admin does, to avoid deadlocks.
        lock_organization(self._scope.organization_id)
        rows = with_details(self._scope.of(models.MemberRow)).select_for_update(of=("self",), no_key=True)
        member = rows.filter(pk=parse_id("member", member_id)).first()
        if member is None or member.status == MemberStatus.DELETED:
            raise NotFound("This invitation does not exist. It may have been revoked.")
        if member.status not in WAITING:
            raise Conflict(f"{member.email_address} has accepted the invitation in the meantime.")
        return member

    def _record(self, action: str, member: models.MemberRow, after: Mapping[str, str]) -> None:
        record(
            self._scope.caller,
            action,
            organization_id=member.organization_id,
            target_id=public_id("member", member.pk),
            target_name=member.email_address,
            after=after,
        )


def create_invited(scope: Scope, new: NewInvitation, *, is_bulk: bool = False) -> Member:
    """Create an invited member and have a worker email them, all or nothing. The rules are checked before.

    Raise Invalid, Conflict, Forbidden, TooManyRequests.
    """
    with transaction.atomic():
        changes = MemberChanges(email_address=new.email_address, name=new.name or None, roles=new.roles or None)
        member = EmbeddedMembers(scope).create(changes, status=MemberStatus.INVITED)
        require_room(scope)
        row = rows_of(scope.organization_id, models.MemberRow).get(pk=parse_id("member", member.member_id))
        sending.send(row, invited_by=acting_id(scope), locale=new.locale, is_bulk=is_bulk)
    return member


def require_room(scope: Scope, number: int = 1) -> None:
    """Count emails of invitations. Raise TooManyRequests beyond the limit of the organization."""
    if not admit_invitations(str(scope.organization_id), number):
        raise TooManyRequests(_TOO_MANY)


def acting_id(scope: Scope) -> str:
    """Return the public ID of the acting member, "" for the product or the operator."""
    return scope.signed_in.member.member_id if scope.signed_in else ""
