"""Recovery codes: ten codes that work once each, in place of an authenticator app (Stytch: recovery_codes)."""

from typing import Protocol

from portal.directory.members import Member
from portal.directory.sessions import Continuation, SessionTerms, SignedIn


class RecoveryCodeGateway(Protocol):
    """The recovery codes of one organization's members. Acting members reach only their own."""

    def rotate(self, member_id: str) -> tuple[Member, tuple[str, ...]]:
        """Replace all codes (Stytch: recovery_codes.rotate).

        Raise NotFound if the member has no authenticator app, Unauthenticated on behalf of a member whose session has no
        second factor, Forbidden for another member's.
        """
        ...

    def recover(
        self, member_id: str, recovery_code: str, *, before: Continuation, terms: SessionTerms | None = None
    ) -> tuple[SignedIn, int]:
        """Use up a code and add it to `before`, as TotpGateway.authenticate does (Stytch: recovery_codes.recover).

        Return how many codes are left. Case, spaces and hyphens don't matter. Raise WrongCode for a wrong or used code,
        Unauthenticated if `before` has ended, NotFound without codes, TooManyRequests after too many wrong codes.
        """
        ...


class ProjectRecoveryCodeGateway(RecoveryCodeGateway, Protocol):
    """The same for products."""

    def get(self, member_id: str) -> tuple[Member, tuple[str, ...]]:
        """Return the codes that weren't used (Stytch: recovery_codes.get). Raise what `rotate` raises."""
        ...
