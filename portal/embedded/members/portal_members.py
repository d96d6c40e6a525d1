"""Members, as far as signing in needs them."""

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Gone, NotFound, Refused
from portal.directory.ids import parse_id
from portal.directory.types import Member, MemberStatus, SentLink, SignedIn
from portal.embedded import models
from portal.embedded.members.sign_in_links import check_can_get_link, email_link, show_link
from portal.embedded.members.values import member_value
from portal.embedded.passwords.change import change_password
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scope import Scope
from portal.embedded.sessions.sessions import may_use_password, member_as_caller, start_session
from portal.embedded.tokens import token_hash

_RESET = "stytch.member:update.info.delete.password"


class EmbeddedMembers:
    """Implements portal.directory.gateway.MemberGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, member_id: str) -> Member:
        """Return the member. Raises NotFound, also for another organization's member."""
        return member_value(self._row(member_id))

    def link_member(self, token: str) -> Member:
        """Return the member the link was sent to. Raise Gone."""
        return member_value(self._link(token).member)

    @property
    def emails_links(self) -> bool:
        """Whether email is set up."""
        return bool(settings.EMAIL_IS_SET_UP)

    def send_link(self, member_id: str) -> SentLink:
        """Email a new link or, without email, return it. Raise NotFound, Conflict, Refused, StepUpRequired, Unavailable."""
        self._scope.require(_RESET)
        self._scope.require_recent_password()
        row = self._row(member_id)
        if self.emails_links:
            return email_link(row, self._scope.caller)
        check_can_get_link(row)
        # A link that an admin can copy lets them sign in as the member, so it must not give them more permissions.
        roles = self._scope.signed_in.session.roles if self._scope.signed_in else frozenset()
        if not self._scope.policy.covers(roles, member_value(row).role_ids):
            raise Refused(f"{row.email_address} has permissions that you don't have. Ask a member who has them.")
        return show_link(row, self._scope.caller, proves_address=False)

    def redeem_link(self, token: str, *, password: str) -> SignedIn:
        """Set the password, end every session that the member has, and start one. Raise Gone, Invalid."""
        seen = self._link(token)
        check_new_password(password, email_address=seen.member.email_address)
        encoded = make_password(password)
        with transaction.atomic():
            # The member before the link, as whatever ends a membership locks them: so neither waits for the other.
            members = models.Member.objects.filter(organization_id=seen.organization_id).select_for_update(no_key=True)
            members.get(pk=seen.member_id)
            link = self._link(token, lock=True)
            link.used_at = timezone.now()
            link.save(update_fields=["used_at"])
            member = link.member
            # An admin who copied the link would otherwise own a verified address, with which sessions of other
            # organizations can be had.
            member.status, member.email_address_verified = MemberStatus.ACTIVE, link.proves_address
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
        if link is None or link.member.status == MemberStatus.DELETED or _is_for_another_address(link):
            raise Gone("This link was used, has expired, or was replaced by a newer one.")
        if not may_use_password(link.member):
            raise Gone(f"{link.member.organization.name} no longer allows signing in by password.")
        return link

    def _row(self, member_id: str) -> models.Member:
        rows = models.Member.objects.select_related("organization", "scim_user")
        row = rows.filter(organization_id=self._scope.organization_id, pk=parse_id("member", member_id)).first()
        if row is None:
            raise NotFound("There is no such member.")
        return row


def _is_for_another_address(link: models.SignInLink) -> bool:
    return bool(link.email_address) and fold_address(link.email_address) != link.member.email_address_folded
