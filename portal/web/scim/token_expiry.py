"""When a connection's token expires, as every page says it that shows the connection (scim_admin/_token_expiry.html)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from portal.directory.scim.connection import ScimConnection

# Days before the expiry, and how loud it is said from then on.
_STAGES = ((1, "danger"), (7, "warning"), (14, "warning"), (30, "info"))


@dataclass(frozen=True, slots=True)
class TokenExpiry:
    """A token that has expired, or does so within so many days."""

    at: datetime
    days: int
    tone: str

    @property
    def has_expired(self) -> bool:
        """Whether it is refused already."""
        return self.days == 0

    @property
    def title(self) -> str:
        """What there is to say, in a few words."""
        if self.has_expired:
            return "The SCIM token has expired"
        return (
            f"The SCIM token expires within {self.days} days"
            if self.days > 1
            else "The SCIM token expires within a day"
        )


def token_expiry(connection: ScimConnection | None) -> TokenExpiry | None:
    """Return what there is to say of the current token's expiry, from 30 days before it."""
    at = connection.bearer_token_expires_at if connection else None
    if at is None:
        return None
    left = at - timezone.now()
    if left <= timedelta():
        return TokenExpiry(at, 0, "danger")
    stage = next((stage for stage in _STAGES if left <= timedelta(days=stage[0])), None)
    return TokenExpiry(at, *stage) if stage else None
