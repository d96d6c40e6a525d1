"""Members, as the JSON API asks a directory for them."""

from collections.abc import Sequence
from typing import Protocol

from portal.directory.gateway import MemberGateway
from portal.directory.member_changes import MemberChanges
from portal.directory.search import Found, Operand
from portal.directory.types import DEFAULT_LIMIT, Member, Organization


class ProjectMemberGateway(MemberGateway, Protocol):
    """The organization's members. `member_id` may be an external id; no method but `reactivate` knows deleted ones.

    What members do needs actions on `stytch.member`, of their own account those on `stytch.self` are as good.
    """

    def by_email_address(self, email_address: str) -> Member:
        """Return the member who has the address. Raises NotFound."""
        ...

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Member]:
        """Return a page of the members whom all operands find (Stytch: organizations.members.search).

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor, Refused.
        """
        ...

    def create(self, new: MemberChanges, *, as_pending: bool = False) -> Member:
        """Make a member, who is active at once or pending.

        Needs `stytch.member:create`, and for roles and is_breakglass the right to change them, too. Raises Invalid, Refused,
        Conflict: address or external id taken.
        """
        ...

    def update(self, member_id: str, changes: MemberChanges) -> Member:
        """Change what is given, all of it or nothing (Stytch: organizations.members.update).

        A new address takes the password away, and is not verified. Raises NotFound, Invalid, Refused, Conflict: address or
        external id taken, a phone number there, nobody left as admin.
        """
        ...

    def delete(self, member_id: str) -> str:
        """End a membership and return whose id it was: sessions, sign-in links, roles, password and MFA go.

        Raises NotFound, Refused, Conflict for the last admin.
        """
        ...

    def reactivate(self, member_id: str) -> Member:
        """Have a deleted member be active again, without what was taken; needs `stytch.member:create`.

        Raises NotFound, Refused, Invalid where the address was never verified, Conflict where another member has it.
        """
        ...

    def delete_password(self, member_password_id: str) -> Member:
        """Take the password away; sessions go on. Raises NotFound, Refused."""
        ...

    def delete_mfa_phone_number(self, member_id: str) -> Member:
        """Take the phone number away; sessions go on. Raises NotFound, Refused."""
        ...

    def delete_totp(self, member_id: str) -> Member:
        """Take the authenticator app away; sessions go on. Raises NotFound, Refused."""
        ...

    def delete_external_id(self, member_id: str) -> Member:
        """Forget what the product calls the member. Only the project may: raises NotFound, Refused."""
        ...

    def unlink_retired_email(self, member_id: str, *, email_id: str = "", email_address: str = "") -> Member:
        """Let go of a former address, which then another member can have. Raises NotFound, Invalid, Refused."""
        ...


class MembersGateway(Protocol):
    """The members of all organizations of the project; only the project itself reaches them."""

    def search(
        self,
        organizations: Sequence[Organization],
        operands: Sequence[Operand] = (),
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Found[Member]:
        """Return a page of the members of several organizations. Raises Invalid, InvalidCursor."""
        ...

    def get(self, member_id: str, *, include_deleted: bool = False) -> tuple[Member, Organization]:
        """Return a member, and the organization (Stytch: dangerously_get). Raises NotFound."""
        ...
