"""Members, as far as signing in needs them."""

from portal.directory.errors import NotFound
from portal.directory.ids import parse_id
from portal.directory.members import Member
from portal.embedded import models
from portal.embedded.members.values import member_value
from portal.embedded.scope import Scope


class EmbeddedMembers:
    """Implements portal.directory.members.MemberGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, member_id: str) -> Member:
        """Return the member. Raises NotFound, also for another organization's member."""
        return member_value(self._row(member_id))

    def _row(self, member_id: str) -> models.MemberRow:
        rows = models.MemberRow.objects.select_related("organization", "scim_user")
        row = rows.filter(organization_id=self._scope.organization_id, pk=parse_id("member", member_id)).first()
        if row is None:
            raise NotFound("There is no such member.")
        return row
