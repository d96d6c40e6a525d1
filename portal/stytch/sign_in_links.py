"""One-time links to choose a password, which Stytch has no place for here."""

from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.members import Member
from portal.directory.sessions import SignedIn
from portal.directory.sign_in_links import SentLink


class StytchSignInLinks:
    """Implements portal.directory.sign_in_links.SignInLinkGateway."""

    @property
    def are_emailed(self) -> bool:
        """Say no: see `send`."""
        return False

    def send(self, member_id: str) -> SentLink:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: the link would lead to the product's own page, which the portal doesn't know."""
        raise NotOffered("Passwords are reset in the product. Use “Forgot password” on its sign-in page.")

    def member(self, token: str) -> Member:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch sends its own invitations."""
        _links_are_stytchs()

    def redeem(self, token: str, *, password: str) -> SignedIn:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch sends its own invitations."""
        _links_are_stytchs()


def _links_are_stytchs() -> NoReturn:
    raise NotOffered("Invitations to this portal are sent by the product; open the link in the e-mail that you got.")
