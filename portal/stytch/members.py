"""Members, as signing in needs them."""

from collections.abc import Mapping, Sequence
from typing import Any

from portal.directory.errors import InvalidCursor, NotFound, Unauthenticated
from portal.directory.members import (
    MIN_ADDRESS_PART,
    Helper,
    ListedMember,
    Member,
    MemberDetails,
    MemberFilter,
    MemberStatus,
)
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.stytch.documents import Document
from portal.stytch.errors import Meanings
from portal.stytch.http import path_of
from portal.stytch.member_changes import NO_MEMBER, StytchMemberChanges
from portal.stytch.sessions import StytchSessions
from portal.stytch.values import member_value

_MEANINGS = dict.fromkeys(("member_not_found", "invalid_id", "member_does_not_exist_in_organization"), NO_MEMBER)
_EVERY_MEMBER = MemberFilter()
_SEARCH_MEANINGS: Meanings = {"invalid_cursor": (InvalidCursor, "The cursor is not valid for this list.")}


class StytchMembers(StytchMemberChanges):
    """Implements portal.directory.members.MemberGateway."""

    def get(self, member_id: str) -> Member:
        """Return the member (GET /v1/b2b/organizations/{organization_id}/member). Raise NotFound."""
        return self.read(member_id)

    @property
    def has_details(self) -> bool:
        """Say that Stytch searches email addresses only, and doesn't report managers and activity."""
        return False

    def page(
        self, wanted: MemberFilter = _EVERY_MEMBER, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ListedMember]:
        """Return a page of members (POST /v1/b2b/organizations/members/search). Raise Invalid, InvalidCursor, Forbidden."""
        check_limit(limit)
        answer = self._search(_operands(wanted), cursor=cursor, limit=limit)
        following = answer.part("results_metadata").fields.get("next_cursor")
        members = tuple(ListedMember(member_value(one)) for one in answer.parts("members"))
        return Page(members, following if isinstance(following, str) and following else None)

    def helpers(self, role_ids: Sequence[str], *, limit: int = 3) -> tuple[Helper, ...]:
        """Return active members who have one of the roles (POST /v1/b2b/organizations/members/search).

        For the project, not for the member: Stytch would check their permission to search.
        """
        caller = self._scope.signed_in
        if caller is None:
            return ()
        operands = [_operand("statuses", [str(MemberStatus.ACTIVE)]), _operand("member_roles", list(role_ids))]
        answer = self._scope.api.post(
            path_of("organizations", "members", "search"),
            {
                "organization_ids": [caller.organization.organization_id],
                "limit": limit,
                "query": {"operator": "AND", "operands": operands},
            },
            is_read=True,
            meanings=_SEARCH_MEANINGS,
        )
        found = (member_value(one) for one in answer.parts("members"))
        return tuple(sorted((Helper(one.name, one.email_address) for one in found), key=lambda one: one.email_address))

    def details(self, member_id: str) -> MemberDetails:
        """Return a member, found by a search, for which Stytch checks the permission. Raise NotFound, Forbidden."""
        caller = self._scope.signed_in
        if caller and caller.member.member_id == member_id:
            # A search would need a permission that members may lack.
            return MemberDetails(ListedMember(caller.member), sessions=StytchSessions(self._scope).of_member(member_id))
        operands = [_operand("member_ids", [member_id]), _operand("statuses", list(map(str, MemberStatus)))]
        found = [member_value(one) for one in self._search(operands, limit=1).parts("members")]
        # Stytch also accepts external IDs, the portal doesn't.
        if [one.member_id for one in found] != [member_id]:
            raise NotFound(NO_MEMBER[1])
        return MemberDetails(ListedMember(found[0]))

    def _search(self, operands: Sequence[Mapping[str, Any]], *, limit: int, cursor: str = "") -> Document:
        caller = self._scope.signed_in
        if caller is None:
            # Without a member's session, Stytch checks no permission.
            raise Unauthenticated("Sign in to see the members.")
        body = {
            "organization_ids": [caller.organization.organization_id],
            "limit": limit,
            "query": {"operator": "AND", "operands": operands},
        }
        return self._scope.api.post(
            path_of("organizations", "members", "search"),
            {**body, "cursor": cursor} if cursor else body,
            session_token=caller.session_token,
            is_read=True,
            meanings={**_MEANINGS, **_SEARCH_MEANINGS},
        )


def _operands(wanted: MemberFilter) -> list[Mapping[str, Any]]:
    # Stytch would reject shorter words.
    words = [word for word in wanted.text.split() if len(word) >= MIN_ADDRESS_PART]
    found = [_operand("member_email_fuzzy", word) for word in words]
    if wanted.state:
        found.append(_operand("statuses", list(map(str, wanted.state.statuses))))
    if wanted.role_id:
        found.append(_operand("member_roles", [wanted.role_id]))
    return found


def _operand(name: str, value: object) -> Mapping[str, Any]:
    return {"filter_name": name, "filter_value": value}
