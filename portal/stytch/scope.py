"""The organization that an opened directory is bound to, and who calls."""

from dataclasses import dataclass

from portal.directory.sessions import SignedIn
from portal.stytch.http import StytchApi


@dataclass(frozen=True, slots=True)
class Scope:
    """One organization and one caller; every call of the directory starts from it."""

    api: StytchApi
    organization_slug: str
    signed_in: SignedIn | None = None

    @property
    def organization(self) -> str:
        """What names the organization to Stytch: its id when somebody is signed in, else its slug; Stytch takes both."""
        return self.signed_in.organization.organization_id if self.signed_in else self.organization_slug
