"""Step-up: creating or restoring a secret needs a recent proof, so that an open browser isn't enough."""

from datetime import timedelta

from django.utils import timezone

from portal.directory.errors import StepUpRequired, Unauthenticated
from portal.directory.second_factors import SMS_OTP, TOTP
from portal.directory.sessions import MemberSession, SignedIn

CONFIRMATION_LIFETIME = timedelta(minutes=5)


# The factors that prove who someone is again. Passwords of other organizations don't.
_BY_EMAIL = frozenset({"email_otp", "magic_link"})


def takes_second_factor(signed_in: SignedIn) -> bool:
    """Say whether the member has a second factor to confirm with: then nothing weaker counts."""
    member, settings = signed_in.member, signed_in.organization.settings
    return (
        (bool(member.totp_registration_id) and TOTP in settings.second_factors)
        or (member.has_phone and SMS_OTP in settings.second_factors)
        or (bool(member.passkeys) and settings.allows_passkeys)
    )


def own_methods(signed_in: SignedIn) -> tuple[str, ...]:
    """Return the methods that the member has set up and the organization allows, totp and sms_otp, the default in front."""
    member, allowed = signed_in.member, signed_in.organization.settings.second_factors
    has = {TOTP: bool(member.totp_registration_id), SMS_OTP: member.has_phone}
    methods = [one for one in has if has[one] and one in allowed]
    return tuple(sorted(methods, key=lambda one: one != member.default_mfa_method))


def proof_is_recent(session: MemberSession, *, takes_second_factor: bool = False) -> bool:
    """Say whether the member proved who they are in the last five minutes, at sign-in or afterwards.

    With their second factor, if it `takes_second_factor`; else with their password or a code by email. Never in a frame: what
    was proved at the product isn't a proof for the page around the frame, which could lead a click to the wrong place.
    """
    if session.embedding is not None:
        return False
    since = timezone.now() - CONFIRMATION_LIFETIME
    if takes_second_factor:
        return any(one.is_second and one.last_authenticated_at > since for one in session.other_factors)
    by_email = [one.last_authenticated_at for one in session.other_factors if one.type in _BY_EMAIL]
    return any(at > since for at in (session.password_entered_at, *by_email) if at is not None)


def require_recent_proof(signed_in: SignedIn | None) -> None:
    """Raise StepUpRequired unless the member proved who they are recently, Unauthenticated without a session."""
    if signed_in is None:
        raise Unauthenticated("Sign in first.")
    if not proof_is_recent(signed_in.session, takes_second_factor=takes_second_factor(signed_in)):
        raise StepUpRequired("Confirm that it’s you to continue.")
