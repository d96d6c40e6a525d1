"""Locked members: after too many wrong passwords and codes, none is checked for a while (Stytch: is_locked).

A link by email still signs them in, so nobody can lock someone else out for good (docs/decisions/0018).
"""

from datetime import datetime
from typing import Protocol


class MemberLockGateway(Protocol):
    """Locks of one organization's members."""

    def unlock(self, member_id: str) -> str:
        """Remove a member's lock, and return their email address, whose attempts count from zero here.

        It isn't an error if they aren't locked. Needs `stytch.member:update.info.delete.password` and a recent proof
        (portal.directory.step_up). Raise NotFound, Forbidden, StepUpRequired.
        """
        ...


class LockRecorder(Protocol):
    """Records locks. The limits themselves are in portal.access.rate_limits, which knows no members."""

    def lock(self, email_address: str, *, until: datetime) -> None:
        """Record that members with an address are locked, in every organization. The same work for every address."""
        ...
