"""Members of any organization, as products search and read them."""

from collections.abc import Sequence

from portal.directory.ids import parse_id
from portal.directory.members import Member, MemberStatus
from portal.directory.organizations import Organization
from portal.directory.pages import DEFAULT_LIMIT
from portal.directory.search import Found, Operand
from portal.embedded import models
from portal.embedded.members.search import search_members
from portal.embedded.members.values import member_values, no_member, with_details
from portal.embedded.organizations.organizations import no_organization, whole_organizations
from portal.embedded.scope import across_organizations


class EmbeddedMembersOfProject:
    """Implements portal.directory.project_members.MembersGateway."""

    def search(
        self,
        organizations: Sequence[Organization],
        operands: Sequence[Operand] = (),
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Found[Member]:
        """Return a page of the members of several organizations that match all operands. Raise Invalid, InvalidCursor."""
        return search_members(organizations, operands, cursor=cursor, limit=limit)

    def get(self, member_id: str, *, include_deleted: bool = False) -> tuple[Member, Organization]:
        """Return a member of any organization, and the organization. Raise NotFound."""
        members = with_details(across_organizations(models.MemberRow))
        row = members.filter(pk=parse_id("member", member_id)).first()
        if row is None or (row.status == MemberStatus.DELETED and not include_deleted):
            raise no_member()
        if row.organization.deleted_at:
            raise no_organization()
        (organization,) = whole_organizations([row.organization])
        (member,) = member_values([row])
        return member, organization
