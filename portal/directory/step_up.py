"""Step-up: whoever makes a secret, or revives one, has entered their password a short while ago, and not only an open browser."""

from datetime import timedelta

from django.utils import timezone

from portal.directory.errors import StepUpRequired, Unauthenticated
from portal.directory.sessions import MemberSession, SignedIn

PASSWORD_LIFE = timedelta(minutes=5)


def password_is_recent(session: MemberSession) -> bool:
    """Say whether the password was entered in this session within the last five minutes; signing in by it counts."""
    entered_at = session.password_entered_at
    return entered_at is not None and entered_at > timezone.now() - PASSWORD_LIFE


def require_recent_password(signed_in: SignedIn | None) -> None:
    """Raise StepUpRequired unless the password was entered a short while ago, Unauthenticated where nobody is signed in."""
    if signed_in is None:
        raise Unauthenticated("Sign in first.")
    if not password_is_recent(signed_in.session):
        raise StepUpRequired("Enter your password again to go on.")
