"""Step-up: creating or restoring a secret needs a recently entered password, so that an open browser isn't enough."""

from datetime import timedelta

from django.utils import timezone

from portal.directory.errors import StepUpRequired, Unauthenticated
from portal.directory.sessions import MemberSession, SignedIn

CONFIRMATION_LIFETIME = timedelta(minutes=5)


def password_is_recent(session: MemberSession) -> bool:
    """Say whether the password was entered in this session within the last five minutes, at sign-in or afterwards."""
    entered_at = session.password_entered_at
    return entered_at is not None and entered_at > timezone.now() - CONFIRMATION_LIFETIME


def require_recent_password(signed_in: SignedIn | None) -> None:
    """Raise StepUpRequired unless the password was entered recently, Unauthenticated without a session."""
    if signed_in is None:
        raise Unauthenticated("Sign in first.")
    if not password_is_recent(signed_in.session):
        raise StepUpRequired("Enter your password again to continue.")
