"""The notice about an expiring token on pages that show the connection (scim_admin/_token_expiry.html)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from portal.directory.scim.connection import ScimConnection

# Days before the expiry, and the tone of the notice from then on.
_STAGES = ((1, "danger"), (7, "warning"), (14, "warning"), (30, "info"))


@dataclass(frozen=True, slots=True)
class TokenExpiry:
    """A token that has expired, or expires within `days`."""

    at: datetime
    days: int
    tone: str

    @property
    def has_expired(self) -> bool:
        """Whether requests with it are rejected."""
        return self.days == 0

    @property
    def title(self) -> str:
        """The title of the notice."""
        if self.has_expired:
            return "The SCIM token has expired"
        return (
            f"The SCIM token expires within {self.days} days"
            if self.days > 1
            else "The SCIM token expires within a day"
        )


def token_expiry(connection: ScimConnection | None) -> TokenExpiry | None:
    """Return the notice about the current token from 30 days before its expiry, or None."""
    at = connection.bearer_token_expires_at if connection else None
    if at is None:
        return None
    left = at - timezone.now()
    if left <= timedelta():
        return TokenExpiry(at, 0, "danger")
    stage = next((stage for stage in _STAGES if left <= timedelta(days=stage[0])), None)
    return TokenExpiry(at, *stage) if stage else None
