"""The bearer tokens of a SCIM connection: which there are, and which of them the identity provider uses."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.utils import timezone

from portal.directory.scim.connection import NewScimConnection, ScimConnection

# That a token was used is noted at most this often.
USE_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ScimTokenUse:
    """When a token was last used, from where, and by which client."""

    at: datetime
    ip_address: str
    client: str


@dataclass(frozen=True, slots=True)
class ScimToken:
    """A live token; without ScimFeature.TOKEN_USE, nobody knows when it was made and used."""

    last_four: str
    expires_at: datetime | None
    created_at: datetime | None = None
    last_use: ScimTokenUse | None = None

    @property
    def has_expired(self) -> bool:
        """Whether it is refused already."""
        return self.expires_at is not None and self.expires_at <= timezone.now()


@dataclass(frozen=True, slots=True)
class ScimTokens:
    """The current token and, while it is being exchanged, the next one; both are good."""

    current: ScimToken
    following: ScimToken | None = None

    @property
    def version(self) -> str:
        """What the end of a rotation must say that it has seen."""
        seen = [(one.last_four, one.expires_at) for one in (self.current, self.following) if one]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]

    @property
    def uses_following(self) -> bool:
        """Whether the identity provider was heard with the next token, and not with the current one since.

        A use within a minute of a noted one is not noted: only what is later than that counts as later.
        """
        if self.following is None or self.following.last_use is None:
            return False
        before = self.current.last_use
        return before is None or self.following.last_use.at >= before.at + USE_NOTED_EVERY

    @property
    def uses_both(self) -> bool:
        """Whether it was heard with the next token, and about as late or later with the current one."""
        return self.following is not None and self.following.last_use is not None and not self.uses_following


class ScimTokenGateway(Protocol):
    """The tokens of the connection, and their rotation. Reading needs `stytch.scim:get`, changing `stytch.scim:update`."""

    def get(self, connection_id: str) -> ScimTokens:
        """Return the connection's live tokens. Raises NotFound."""
        ...

    def rotate_start(self, connection_id: str) -> NewScimConnection:
        """Make the next token; both are good until the rotation is completed or cancelled.

        Raises NotFound, Conflict where there is one, StepUpRequired.
        """
        ...

    def rotate_complete(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the current token and put the next one in its place.

        Raises NotFound, Conflict where the tokens are not as `version` says any more (ScimTokens.version).
        """
        ...

    def rotate_cancel(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the next token; the current one stays. Raises as rotate_complete."""
        ...
