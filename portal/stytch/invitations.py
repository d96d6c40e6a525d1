"""Invitations by Stytch's magic links. Stytch doesn't report who invited someone, when, and until when the link works."""

from datetime import timedelta
from typing import Any

from django.conf import settings

from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from portal.directory.invitations import ExpiringInvitations, NewInvitation, PendingInvitation
from portal.directory.locales import Locale
from portal.directory.members import FIELD_ACTIONS, RESOURCE, Member, MemberFilter, MemberState
from portal.directory.organizations import NOT_ALLOWED
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.policy import MEMBER_ROLE
from portal.directory.sessions import SignedIn
from portal.directory.step_up import require_recent_proof
from portal.stytch.errors import Meanings
from portal.stytch.http import path_of
from portal.stytch.members import StytchMembers
from portal.stytch.rbac import StytchOrganizationRbac
from portal.stytch.scope import Scope
from portal.stytch.values import member_value

_MEANINGS: Meanings = {
    "duplicate_member_email": (Conflict, "Already a member."),
    "invalid_email": (Invalid, "This isn’t a valid email address."),
    "invalid_email_for_invites": (Forbidden, "The organization doesn’t allow inviting this address."),
    "invalid_role": (Invalid, "A role doesn’t exist."),
    "member_not_found": (NotFound, "This invitation does not exist. It may have been revoked."),
}
_STATUSES = MemberState.INVITED.statuses


class StytchInvitations:
    """Implements portal.directory.invitations.InvitationGateway."""

    has_details = False
    locales: tuple[Locale, ...] = ("en", "es", "fr", "pt-br")

    def __init__(self, scope: Scope, rbac: StytchOrganizationRbac) -> None:
        self._scope = scope
        self._rbac = rbac

    @property
    def lifetime(self) -> timedelta:
        """For how long the link in an email works."""
        return timedelta(minutes=settings.PROJECT.invitations.lifetime_minutes)

    def obstacle(self) -> str:
        """Return why nobody can be invited now, "" if people can be."""
        organization = self._caller.organization
        is_closed = organization.settings.email_invites == NOT_ALLOWED
        return f"{organization.organization_name} doesn’t allow inviting people." if is_closed else ""

    def grantable_roles(self) -> tuple[str, ...]:
        """Return the roles that the acting member can give to people they invite."""
        policy, roles = self._rbac.policy(), self._caller.session.roles
        if not policy.allows(roles, f"{RESOURCE}:{FIELD_ACTIONS['roles']}"):
            return ()
        return tuple(one for one in policy.roles if one != MEMBER_ROLE and policy.may_grant(roles, [one]))

    def invite(self, new: NewInvitation) -> Member:
        """Create an invited member and email them a link (POST /v1/b2b/magic_links/email/invite)."""
        given = [one for one in new.roles if one != MEMBER_ROLE]
        grantable = self.grantable_roles() if given else ()
        for role_id in given:
            if role_id not in self._rbac.policy().roles:
                raise Invalid("A role doesn’t exist.", field="roles")
            if role_id not in grantable:
                raise Forbidden("Your roles don’t let you assign one of these roles.", field="roles")
        if given:
            require_recent_proof(self._caller)
        return self._send({"email_address": new.email_address, "name": new.name, "roles": given, "locale": new.locale})

    def page(self, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[PendingInvitation]:
        """Return a page of members who haven't accepted, in Stytch's order."""
        found = StytchMembers(self._scope).page(MemberFilter(state=MemberState.INVITED), cursor=cursor, limit=limit)
        return found.map(lambda one: PendingInvitation(one.member))

    def expiring(self) -> ExpiringInvitations | None:
        """Return None: Stytch doesn't say when they end."""
        return None

    def of_members(self, member_ids: tuple[str, ...]) -> dict[str, PendingInvitation]:  # noqa: ARG002 -- the gateway's signature
        """Return none: Stytch knows nothing of them besides the members."""
        return {}

    def resend(self, member_id: str) -> Member:
        """Email another link. Raise NotFound, Conflict if the member isn't invited now, Forbidden."""
        return self._send({"email_address": self._invited(member_id).email_address})

    def revoke(self, member_id: str) -> str:
        """Delete an invited member (DELETE /v1/b2b/organizations/{organization_id}/members/{member_id})."""
        member, caller = self._invited(member_id), self._caller
        path = path_of("organizations", caller.organization.organization_id, "members", member.member_id)
        self._scope.api.delete(path, session_token=caller.session_token, meanings=_MEANINGS)
        return member.email_address

    @property
    def _caller(self) -> SignedIn:
        if self._scope.signed_in is None:
            # Without a member's session, Stytch checks no permission.
            raise Unauthenticated("Sign in first.")
        return self._scope.signed_in

    def _invited(self, member_id: str) -> Member:
        member = StytchMembers(self._scope).get(member_id)
        if member.status not in _STATUSES:
            raise Conflict(f"{member.email_address} isn’t invited now.")
        return member

    def _send(self, given: dict[str, Any]) -> Member:
        caller = self._caller
        body = {
            "organization_id": caller.organization.organization_id,
            "invite_expiration_minutes": settings.PROJECT.invitations.lifetime_minutes,
            **{name: value for name, value in given.items() if value},
        }
        answer = self._scope.api.post(
            path_of("magic_links", "email", "invite"), body, session_token=caller.session_token, meanings=_MEANINGS
        )
        return member_value(answer.part("member"))
