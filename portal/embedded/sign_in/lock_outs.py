"""Who could no longer sign in after a change of the settings: nobody may lock themselves or the last admin out."""

from django.conf import settings
from django.db.models import Q

from portal.directory.ids import parse_id
from portal.directory.members import MemberStatus
from portal.directory.organizations import EMAIL_OTP, MAGIC_LINK, PASSWORD, OrganizationSettings
from portal.directory.policy import ADMIN_ROLE
from portal.embedded import models
from portal.embedded.members.search import has_any_role
from portal.embedded.scope import Scope
from portal.embedded.second_factors.policy import is_allowed
from portal.embedded.sign_in.methods import is_allowed_by

_OWN_METHOD = (
    "You didn’t sign in with one of these methods. So that you don’t lock yourself out, confirm with a method that stays "
    "allowed first, or sign in with it."
)
_NO_ADMIN = "No admin could sign in. Allow another method, or make an admin an emergency admin, who can always sign in."
_OWN_FACTOR = "Your own session has no second factor that would be accepted. Add one to your account, or confirm with it, and then try again."


def allows_email(current: OrganizationSettings) -> bool:
    """Say whether everyone can sign in by email: all members have an address."""
    return settings.EMAIL_IS_SET_UP and (current.allows(MAGIC_LINK) or current.allows(EMAIL_OTP))


def lock_out(scope: Scope, after: OrganizationSettings) -> str:
    """Return why the acting member can't have only the methods of these settings, "" if they can. The project always can.

    This takes at most two queries, and none if the member's own session shows that they can still sign in.
    """
    signed_in = scope.signed_in
    if signed_in is None:
        return ""
    factors = signed_in.session.authentication_factors
    is_proved = any(is_allowed_by(after, one.type) for one in factors if not one.is_second)
    if not is_proved and not _is_emergency_admin(scope):
        return _OWN_METHOD
    if signed_in.member.is_admin or allows_email(after):
        return ""
    has_way = Q(is_breakglass=True) | (~Q(password="") if after.allows(PASSWORD) else Q(pk__in=()))
    is_admin = has_any_role([ADMIN_ROLE], [scope.organization])
    admins = scope.of(models.MemberRow).filter(is_admin, has_way, status=MemberStatus.ACTIVE)
    return "" if admins.exists() else _NO_ADMIN


def second_factor_lock_out(scope: Scope, after: OrganizationSettings) -> str:
    """Return why the acting member can't require second factors as in these settings: their own session would end.

    Not for the API, as with Stytch: the member adds a second factor when they sign in again.
    """
    signed_in = scope.signed_in
    if signed_in is None or scope.project or not after.requires_second_factor(is_admin=signed_in.member.is_admin):
        return ""
    factors = signed_in.session.authentication_factors
    return "" if any(one.is_second and is_allowed(after, one.type) for one in factors) else _OWN_FACTOR


def _is_emergency_admin(scope: Scope) -> bool:
    """Say whether the acting member is one now: they may have become one by the same change."""
    key = parse_id("member", scope.signed_in.member.member_id if scope.signed_in else "")
    return scope.of(models.MemberRow).filter(pk=key, is_breakglass=True, status=MemberStatus.ACTIVE).exists()
