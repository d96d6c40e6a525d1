"""The bearer tokens of a SCIM connection, their rotation, and which of them the identity provider uses."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.utils import timezone

from portal.directory.scim.connection import NewScimConnection, ScimConnection

# The use of a token is stored at most this often.
USE_STORED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ScimTokenUse:
    """When a token was last used, from where, and by which client."""

    at: datetime
    ip_address: str
    client: str


@dataclass(frozen=True, slots=True)
class ScimToken:
    """A token that isn't revoked. `created_at` is None if the directory doesn't report when tokens are created and used."""

    last_four: str
    expires_at: datetime | None
    created_at: datetime | None = None
    last_use: ScimTokenUse | None = None

    @property
    def has_expired(self) -> bool:
        """Whether requests with it are rejected."""
        return self.expires_at is not None and self.expires_at <= timezone.now()


@dataclass(frozen=True, slots=True)
class ScimTokens:
    """The current token and, during a rotation, the next one. Both are valid."""

    current: ScimToken
    following: ScimToken | None = None

    @property
    def version(self) -> str:
        """What the end of a rotation must name as seen."""
        seen = [(one.last_four, one.expires_at) for one in (self.current, self.following) if one]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]

    @property
    def reports_use(self) -> bool:
        """Whether the directory reports when a token was created and used."""
        return self.current.created_at is not None

    @property
    def uses_following(self) -> bool:
        """Whether the identity provider used the next token, and hasn't used the current one since.

        Uses within USE_STORED_EVERY of a stored one aren't stored, so only what is later than that counts as later.
        """
        if self.following is None or self.following.last_use is None:
            return False
        before = self.current.last_use
        return before is None or self.following.last_use.at >= before.at + USE_STORED_EVERY

    @property
    def uses_both(self) -> bool:
        """Whether the next token was used, and the current one at about the same time or later."""
        return self.following is not None and self.following.last_use is not None and not self.uses_following

    @property
    def is_safe_to_finish(self) -> bool:
        """Whether no one is known to need the current token, so that a rotation can end."""
        return self.uses_following or self.current.has_expired or not self.reports_use


class ScimTokenGateway(Protocol):
    """The tokens of the connection, and their rotation. Reading needs `stytch.scim:get`, changing `stytch.scim:update`."""

    def get(self, connection_id: str) -> ScimTokens:
        """Return the connection's valid tokens. Raise NotFound."""
        ...

    def rotate_start(self, connection_id: str) -> NewScimConnection:
        """Create the next token. Both are valid until the rotation is completed or canceled.

        Raise NotFound, StepUpRequired, or Conflict if there is a next token.
        """
        ...

    def rotate_complete(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the current token and make the next one current.

        Raise NotFound, or Conflict if there is no next token or the tokens changed after `version` (ScimTokens.version).
        """
        ...

    def rotate_cancel(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the next token; the current one stays. Raise NotFound and Conflict as rotate_complete."""
        ...
