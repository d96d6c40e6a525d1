"""Members, as signing in needs them."""

from portal.directory.errors import NotFound
from portal.directory.members import Member
from portal.stytch.errors import Meaning
from portal.stytch.http import path_of
from portal.stytch.organization import StytchOrganization
from portal.stytch.scope import Scope
from portal.stytch.values import member_value

_NO_MEMBER: Meaning = (NotFound, "There is no such member.")
_MEANINGS = dict.fromkeys(("member_not_found", "invalid_id", "member_does_not_exist_in_organization"), _NO_MEMBER)


class StytchMembers:
    """Implements portal.directory.members.MemberGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, member_id: str) -> Member:
        """Return the member (GET /v1/b2b/organizations/{organization_id}/member). Raise NotFound."""
        organization = StytchOrganization(self._scope).get()
        answer = self._scope.api.get(
            path_of("organizations", organization.organization_id, "member"),
            {"member_id": member_id},
            meanings=_MEANINGS,
        )
        member = member_value(answer.part("member"))
        # Stytch also accepts external IDs, the portal doesn't.
        if (member.member_id, member.organization_id) != (member_id, organization.organization_id):
            raise NotFound(_NO_MEMBER[1])
        return member
