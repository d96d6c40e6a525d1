"""Members, as far as signing in needs them."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from portal.directory.embedded import models
from portal.directory.embedded.password_change import change_password
from portal.directory.embedded.password_strength import check_new_password
from portal.directory.embedded.scope import Scope
from portal.directory.embedded.sessions import may_use_password, member_as_caller, start_session
from portal.directory.embedded.tokens import new_token, token_hash
from portal.directory.embedded.values import member_value
from portal.directory.errors import NotFound, Unauthenticated
from portal.directory.ids import parse_id
from portal.directory.types import Member, MemberStatus, SignedIn

LINK_LIFE = timedelta(days=7)  # Stytch: an invitation lives a week


def new_sign_in_link(member: models.Member) -> str:
    """Store a sign-in link and return its address; what it replaces stops to work."""
    models.SignInLink.objects.filter(organization_id=member.organization_id, member=member, used_at=None).delete()
    token = new_token()
    models.SignInLink.objects.create(
        organization_id=member.organization_id,
        member=member,
        token_hash=token_hash(token),
        expires_at=timezone.now() + LINK_LIFE,
    )
    return f"{settings.PUBLIC_URL}/o/{member.organization.slug}/sign-in/link/?token={token}"


class EmbeddedMembers:
    """Implements portal.directory.gateway.MemberGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, member_id: str) -> Member:
        """Return the member. Raises NotFound, also for another organization's member."""
        rows = models.Member.objects.select_related("organization", "scim_user")
        row = rows.filter(organization_id=self._scope.organization_id, pk=parse_id("member", member_id)).first()
        if row is None:
            raise NotFound("There is no such member.")
        return member_value(row)

    def link_member(self, token: str) -> Member:
        """Return whom the link invites. Raises Unauthenticated."""
        return member_value(self._link(token).member)

    def redeem_link(self, token: str, *, password: str) -> SignedIn:
        """Set the password, end every session that the member has, and start one. Raises Unauthenticated, Invalid."""
        check_new_password(password, email_address=self._link(token).member.email_address)
        encoded = make_password(password)
        with transaction.atomic():
            link = self._link(token, lock=True)
            link.used_at = timezone.now()
            link.save(update_fields=["used_at"])
            member = link.member
            member.status, member.email_address_verified = MemberStatus.ACTIVE, True
            member.save(update_fields=["status", "email_address_verified", "updated_at"])
            change_password(member, encoded, member_as_caller(member, self._scope.origin))
            return start_session(member, self._scope.origin, password_entered_at=timezone.now())

    def _link(self, token: str, *, lock: bool = False) -> models.SignInLink:
        links = models.SignInLink.objects.select_related("member__organization")
        if lock:
            links = links.select_for_update(of=("self",))
        link = links.filter(
            organization__slug=self._scope.organization_slug,
            token_hash=token_hash(token),
            used_at=None,
            expires_at__gt=timezone.now(),
        ).first()
        if link is None or link.member.status == MemberStatus.DELETED:
            raise Unauthenticated(
                "This link has been used already, or has expired. Ask your administrator for a new one."
            )
        if not may_use_password(link.member):
            raise Unauthenticated("The organization does not allow signing in by password.")
        return link
