"""The groups that the IdP pushed, and who is in them."""

from functools import cache
from uuid import UUID

from django.db.models import Q, QuerySet

from portal.directory.embedded import models
from portal.directory.embedded.models.fields import fold
from portal.directory.embedded.paging import check_limit, make_page, read_cursor
from portal.directory.embedded.scim.scoped import GET, Scoped
from portal.directory.embedded.statements import Statement
from portal.directory.errors import NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.types import (
    DEFAULT_LIMIT,
    Page,
    ScimConnectionStatus,
    ScimGroup,
    ScimGroupMember,
)

_LAST_CODE_POINT = "\U0010ffff"


class EmbeddedScimGroups(Scoped):
    """Implements portal.directory.gateway.ScimGroupGateway."""

    def groups(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT, name_prefix: str = ""
    ) -> Page[ScimGroup]:
        """Return a page of groups in the order of their names. Raises Invalid, InvalidCursor, NotFound."""
        self._scope.require(GET)
        check_limit(limit)
        connection = parse_id("scim-connection", connection_id)
        prefix = fold(name_prefix)
        list_key = ("scim-groups", self._scope.organization_id, connection, prefix)
        after = read_cursor(cursor, *list_key)
        place = (self._scope.organization_id, ScimConnectionStatus.ACTIVE, connection, after)
        rows = list(_groups_by_name(limit).rows(*place) if not prefix else _groups(*place, prefix)[: limit + 1])
        if not rows and not self._connections().filter(pk=connection).exists():
            raise NotFound("There is no such SCIM connection.")
        organization_id = self._scope.organization.organization_id
        return make_page(
            rows,
            *list_key,
            limit=limit,
            key=lambda row: row[3],
            item=lambda row: ScimGroup(public_id("scim-group", row[0]), row[1], organization_id, connection_id, row[2]),
        )

    def group(self, group_id: str) -> ScimGroup:
        """Return one group of the active connection. Raises NotFound."""
        self._scope.require(GET)
        row = self._groups().filter(pk=parse_id("scim-group", group_id)).first()
        if row is None:
            raise NotFound("There is no such group; the identity provider may have deleted it.")
        return ScimGroup(
            public_id("scim-group", row.pk),
            row.display_name,
            self._scope.organization.organization_id,
            public_id("scim-connection", row.connection_id),
            row.member_count,
        )

    def group_members(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupMember]:
        """Return a page of the people in a group, in the order in which they were provisioned."""
        self._scope.require(GET)
        check_limit(limit)
        group = parse_id("scim-group", group_id)
        list_key = ("scim-group-members", self._scope.organization_id, group)
        after = read_cursor(cursor, *list_key)
        memberships = models.ScimMembership.objects.filter(
            organization_id=self._scope.organization_id,
            group_id=group,
            group__connection__status=ScimConnectionStatus.ACTIVE,
        )
        if after:
            memberships = memberships.filter(user_id__gt=UUID(after))
        rows = list(
            memberships.order_by("user_id").values_list(
                "user_id", "user__user_name", "user__display_name", "user__active"
            )[: limit + 1]
        )
        if not rows:
            self.group(group_id)
        return make_page(
            rows,
            *list_key,
            limit=limit,
            key=lambda row: row[0],
            item=lambda row: ScimGroupMember(public_id("scim-user", row[0]), *row[1:]),
        )

    def _connections(self) -> QuerySet[models.ScimConnection]:
        return models.ScimConnection.objects.filter(
            organization_id=self._scope.organization_id, status=ScimConnectionStatus.ACTIVE
        )

    def _groups(self) -> QuerySet[models.ScimGroup]:
        return models.ScimGroup.objects.filter(
            organization_id=self._scope.organization_id, connection__status=ScimConnectionStatus.ACTIVE
        )


_ID = models.ScimGroup._meta.pk  # noqa: SLF001 -- Django's documented model API
_STATUS = models.ScimConnection._meta.get_field("status")  # noqa: SLF001 -- as above
_NAME = models.ScimGroup._meta.get_field("display_name_folded")  # noqa: SLF001 -- as above


@cache
def _groups_by_name(limit: int) -> Statement[models.ScimGroup]:
    """Return the statement that the portal makes most: a page of all groups, and the one behind it."""
    parameters = ((_ID, UUID(int=1)), (_STATUS, "example"), (_ID, UUID(int=2)), (_NAME, "name"))
    return Statement(lambda *place: _groups(*place)[: limit + 1], *parameters)


def _groups(
    organization: UUID, status: str, connection: UUID, after: str, prefix: str = ""
) -> "QuerySet[models.ScimGroup, tuple[UUID, str, int, str]]":
    of_organization = models.ScimGroup.objects.filter(organization_id=organization).filter(connection__status=status)
    found = of_organization.filter(connection_id=connection).filter(display_name_folded__gt=after)
    in_order = found.filter(_starts_with(prefix)).order_by("display_name_folded")
    return in_order.values_list("pk", "display_name", "member_count", "display_name_folded")


def _starts_with(prefix: str) -> Q:
    # A range, not LIKE: it uses the index on every database, and % and _ are just characters.
    if not prefix:
        return Q()
    return Q(display_name_folded__gte=prefix, display_name_folded__lt=prefix + _LAST_CODE_POINT)
