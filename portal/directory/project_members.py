"""Members as products use them (Stytch: organizations.members)."""

from collections.abc import Sequence
from typing import Protocol

from portal.directory.members import Member, MemberChanges, MemberGateway, MemberStatus
from portal.directory.organizations import Organization
from portal.directory.pages import DEFAULT_LIMIT
from portal.directory.search import Found, Operand


class ProjectMemberGateway(MemberGateway, Protocol):
    """The organization's members. `member_id` can be an external ID. Only `reactivate` finds deleted members.

    Acting members need actions on `stytch.member`, or on `stytch.self` for their own account.
    """

    def by_email_address(self, email_address: str) -> Member:
        """Return the member with this address. Raise NotFound."""
        ...

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Member]:
        """Return a page of the members that match all operands (Stytch: organizations.members.search).

        `limit` is 1 to 1000. Raise Invalid, InvalidCursor, Forbidden.
        """
        ...

    def create(self, new: MemberChanges, *, status: MemberStatus = MemberStatus.ACTIVE) -> Member:
        """Create a member, active or pending.

        Needs `stytch.member:create`, and the actions of FIELD_ACTIONS for roles and is_breakglass. Raise Invalid, Forbidden,
        Conflict if the address or the external ID is taken.
        """
        ...

    def delete_mfa_phone_number(self, member_id: str) -> Member:
        """Delete the phone number. Sessions continue. Raise NotFound, Forbidden."""
        ...

    def delete_totp(self, member_id: str) -> Member:
        """Delete the authenticator app. Sessions continue. Raise NotFound, Forbidden."""
        ...

    def delete_external_id(self, member_id: str) -> Member:
        """Delete the external ID. Raise NotFound, and Forbidden on behalf of a member."""
        ...


class MembersGateway(Protocol):
    """The members of all organizations, for the project itself."""

    def search(
        self,
        organizations: Sequence[Organization],
        operands: Sequence[Operand] = (),
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Found[Member]:
        """Return a page of the members of several organizations that match all operands. Raise Invalid, InvalidCursor."""
        ...

    def get(self, member_id: str, *, include_deleted: bool = False) -> tuple[Member, Organization]:
        """Return a member and their organization (Stytch: dangerously_get). Raise NotFound."""
        ...
