"""Members, as far as signing in needs them."""

from typing import NoReturn

from portal.directory.errors import NotFound, NotOffered
from portal.directory.types import Member, SentLink, SignedIn
from portal.stytch.errors import Meaning
from portal.stytch.http import path_of
from portal.stytch.organization import StytchOrganization
from portal.stytch.scope import Scope
from portal.stytch.values import member_value

_NO_MEMBER: Meaning = (NotFound, "There is no such member.")
_MEANINGS = dict.fromkeys(("member_not_found", "invalid_id", "member_does_not_exist_in_organization"), _NO_MEMBER)


class StytchMembers:
    """Implements portal.directory.gateway.MemberGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, member_id: str) -> Member:
        """Return the member (GET /v1/b2b/organizations/{organization_id}/member). Raises NotFound."""
        organization = StytchOrganization(self._scope).get()
        answer = self._scope.api.get(
            path_of("organizations", organization.organization_id, "member"),
            {"member_id": member_id},
            meanings=_MEANINGS,
        )
        member = member_value(answer.part("member"))
        # Stytch takes a product's own id of the member as well; here a member has one id.
        if (member.member_id, member.organization_id) != (member_id, organization.organization_id):
            raise NotFound(_NO_MEMBER[1])
        return member

    @property
    def emails_links(self) -> bool:
        """Say no: see `send_link`."""
        return False

    def send_link(self, member_id: str) -> SentLink:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: the link would lead to the product's own page, which the portal doesn't know."""
        raise NotOffered("Passwords are reset in the product. Use “Forgot password” on its sign-in page.")

    def link_member(self, token: str) -> Member:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch sends its own invitations."""
        _links_are_stytchs()

    def redeem_link(self, token: str, *, password: str) -> SignedIn:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch sends its own invitations."""
        _links_are_stytchs()


def _links_are_stytchs() -> NoReturn:
    raise NotOffered("Invitations to this portal are sent by the product; open the link in the e-mail that you got.")
