"""The organization that a directory is bound to, and the caller."""

from dataclasses import dataclass

from portal.directory.sessions import SignedIn
from portal.stytch.http import StytchApi


@dataclass(frozen=True, slots=True)
class Scope:
    """One organization and one caller. Every request to Stytch is for them."""

    api: StytchApi
    organization_slug: str
    signed_in: SignedIn | None = None

    @property
    def organization(self) -> str:
        """The organization's ID if a member is signed in, else its slug. Stytch accepts both."""
        return self.signed_in.organization.organization_id if self.signed_in else self.organization_slug
