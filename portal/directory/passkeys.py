"""Passkeys: a second factor on the portal's own pages (W3C Web Authentication). Stytch has none for members of organizations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from portal.directory.members import Member
from portal.directory.sessions import Continuation, SignedIn

MAX_PASSKEYS = 10  # of one member
MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey of a member. `is_synced` if what keeps it copies it to other devices."""

    passkey_id: str
    name: str
    is_synced: bool
    created_at: datetime
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AddedPasskey:
    """A new passkey, and the session that was confirmed with it. `recovery_codes` only if it's the first such factor."""

    signed_in: SignedIn
    passkey: Passkey
    recovery_codes: tuple[str, ...] = field(default=(), repr=False)


class PasskeyGateway(Protocol):
    """The passkeys of one organization's members, ten for each at most.

    `before` is a session of the member, or the token of a sign-in that waits for a second factor. Options are for the
    browser, in its JSON form; each has a challenge that works once, for five minutes, with the same `before`. `credential`
    is what the browser returns, as JSON.
    """

    @property
    def are_supported(self) -> bool:
        """Whether browsers accept passkeys for this server: its URL must name a host, not an IP address."""
        ...

    def own(self) -> tuple[Passkey, ...]:
        """Return the acting member's passkeys, the oldest first."""
        ...

    def creation_options(self, member_id: str, *, before: Continuation) -> Mapping[str, Any]:
        """Return the options to create a passkey.

        Raise Unauthenticated unless `before` proves who it is, with a second factor if the member has one; StepUpRequired,
        Forbidden if the organization doesn't allow passkeys, Conflict for an eleventh one, NotFound if they aren't supported.
        """
        ...

    def add(self, member_id: str, credential: str, *, name: str, before: Continuation) -> AddedPasskey:
        """Add a passkey, and continue `before` with it. Without a name, it gets that of what keeps it.

        Raise what `creation_options` does, Invalid for a name that is too long, WrongCode for a response that isn't right.
        """
        ...

    def request_options(self, member_id: str, *, before: Continuation) -> Mapping[str, Any]:
        """Return the options to confirm with a passkey. Raise Unauthenticated, Forbidden, NotFound without one."""
        ...

    def authenticate(self, member_id: str, credential: str, *, before: Continuation) -> SignedIn:
        """Add a passkey's response to `before`: continue its session, or start one.

        Raise WrongCode, Unauthenticated if `before` has ended, Forbidden if the organization doesn't allow passkeys.
        """
        ...

    def rename(self, passkey_id: str, name: str) -> Passkey:
        """Rename a passkey of the acting member. Raise NotFound, Invalid."""
        ...

    def remove(self, passkey_id: str) -> Passkey:
        """Remove a passkey of the acting member, and with their last such factor the recovery codes. Sessions continue.

        Raise NotFound, StepUpRequired.
        """
        ...

    def remove_all(self, member_id: str) -> Member:
        """Remove a member's passkeys, so that they can sign in without them. Sessions continue.

        Needs `stytch.member:update.info.delete.mfa-totp`. Raise NotFound, Forbidden, StepUpRequired.
        """
        ...
