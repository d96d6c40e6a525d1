"""Step-up: creating or restoring a secret needs a recent proof, so that an open browser isn't enough."""

from datetime import timedelta

from django.utils import timezone

from portal.directory.errors import StepUpRequired, Unauthenticated
from portal.directory.sessions import MemberSession, SignedIn

CONFIRMATION_LIFETIME = timedelta(minutes=5)


# The factors that prove who someone is again. Passwords of other organizations don't.
_BY_EMAIL = frozenset({"email_otp", "magic_link"})


def proof_is_recent(session: MemberSession) -> bool:
    """Say whether the member entered their password or a code by email in the last five minutes, at sign-in or afterwards."""
    by_email = [one.last_authenticated_at for one in session.other_factors if one.type in _BY_EMAIL]
    since = timezone.now() - CONFIRMATION_LIFETIME
    return any(at > since for at in (session.password_entered_at, *by_email) if at is not None)


def require_recent_proof(signed_in: SignedIn | None) -> None:
    """Raise StepUpRequired unless the member proved who they are recently, Unauthenticated without a session."""
    if signed_in is None:
        raise Unauthenticated("Sign in first.")
    if not proof_is_recent(signed_in.session):
        raise StepUpRequired("Confirm that it’s you to continue.")
