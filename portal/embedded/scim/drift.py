"""Drift: differences between an organization and what its identity provider sent."""

from dataclasses import replace
from hashlib import sha256

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from portal.directory.errors import Conflict, NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.scim.drift import ScimChangedUser, ScimDifference, ScimUnmanagedMember
from portal.directory.scim.group_roles import ScimGroupRoles
from portal.directory.scim.groups import ScimGroup
from portal.embedded import models
from portal.embedded.database.keyset import Keyset
from portal.embedded.database.writes import Writes
from portal.embedded.members.roles import roles_without_groups
from portal.embedded.members.values import member_id
from portal.embedded.scim.connection import active_connection
from portal.embedded.scim.group_roles import EmbeddedScimGroupRoles
from portal.embedded.scim.protocol.address_handover import hand_over_address
from portal.embedded.scim.protocol.client import DelegatedClient, ScimClient
from portal.embedded.scim.protocol.errors import ScimError
from portal.embedded.scim.protocol.member_sync import (
    ACCESS_COLUMNS,
    member_state,
    sync_member,
    target_state,
    update_access,
)
from portal.embedded.scope import Scope

# Upper bounds on the rows that one page reads: by an index alone, and by comparing whole users with their members.
_MAX_READ, _MAX_COMPARED = 10_000, 1000


class EmbeddedScimDrift:
    """Implements portal.directory.scim.drift.ScimDriftGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def unmanaged_members(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimUnmanagedMember]:
        """Return a page of the members without a user, by email address. Raise Invalid, InvalidCursor, NotFound."""
        connection = self._readable(connection_id, limit)
        keyset = Keyset("scim-unmanaged", connection.organization_id, connection.pk)
        members = self._scope.of(models.MemberRow).select_related("organization").exclude(status=MemberStatus.DELETED)
        members = keyset.after(cursor, members, "email_address_folded")
        end = members.values_list("email_address_folded", flat=True)[_MAX_READ - 1 : _MAX_READ].first()
        known = self._scope.of(models.ScimUserRow).filter(connection_id=connection.pk, member_id=OuterRef("pk"))
        found = members.filter(~Exists(known), _up_to("email_address_folded", end))[: limit + 1]
        return keyset.page(list(found), limit=limit, key=lambda row: row.email_address_folded, searched_to=end).map(
            _unmanaged_member
        )

    def drifted_group_roles(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimGroupRoles]:
        """Return the deleted and renamed groups of a page of group roles. Raise Invalid, InvalidCursor, NotFound."""
        page = EmbeddedScimGroupRoles(self._scope).page(connection_id, cursor=cursor, limit=limit)
        return replace(page, items=tuple(one for one in page.items if one.is_deleted or one.is_renamed))

    def unmapped_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups without roles, by name. Raise Invalid, InvalidCursor, NotFound."""
        connection = self._readable(connection_id, limit)
        keyset = Keyset("scim-unmapped", connection.organization_id, connection.pk)
        groups = self._scope.of(models.ScimGroupRow).filter(connection_id=connection.pk)
        groups = keyset.after(cursor, groups, "display_name_folded")
        end = groups.values_list("display_name_folded", flat=True)[_MAX_READ - 1 : _MAX_READ].first()
        assigned = self._scope.of(models.ScimGroupRoleRow).filter(group_key=OuterRef("pk"), group__isnull=False)
        unmapped = groups.filter(~Exists(assigned), _up_to("display_name_folded", end))
        rows = unmapped.defer("document", "search")[: limit + 1]
        organization_id = self._scope.organization.organization_id
        page = keyset.page(list(rows), limit=limit, key=lambda row: row.display_name_folded, searched_to=end)
        return page.map(
            lambda row: ScimGroup(
                public_id("scim-group", row.pk), row.display_name, organization_id, connection_id, row.member_count
            )
        )

    def changed_users(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimChangedUser]:
        """Return a page of the changed users, oldest first. Raise Invalid, InvalidCursor, NotFound."""
        connection = self._readable(connection_id, limit)
        keyset = Keyset("scim-changed", connection.organization_id, connection.pk)
        client = self._client(connection)
        rows = client.users().exclude(member=None).select_related("member")
        read = list(keyset.after(cursor, rows, "pk")[:_MAX_COMPARED])
        end = read[-1].pk if len(read) == _MAX_COMPARED else None
        compared = [(row, _differences(client, row)) for row in read]
        changed = [(row, differences) for row, differences in compared if differences][: limit + 1]
        page = keyset.page(changed, limit=limit, key=lambda one: one[0].pk, searched_to=end)
        return page.map(lambda one: _changed_user(*one))

    def take_idp_values(self, connection_id: str, user_id: str, *, version: str) -> None:
        """Replace the member's values with those of the identity provider. Raise NotFound, Conflict."""
        self._scope.require(Permission.SCIM_UPDATE)
        connection = active_connection(self._scope.organization_id, connection_id)
        client = self._client(connection)
        try:
            with transaction.atomic():
                users = client.users().exclude(member=None).select_related("member")
                row = users.select_for_update(of=("self",)).filter(pk=parse_id("scim-user", user_id)).first()
                if row is None:
                    raise NotFound("This person doesn't exist. The identity provider may have deleted them.")
                if version != _version(_differences(client, row)):
                    raise Conflict("The person changed in the meantime. Nothing was saved.")
                writes = Writes()
                freed = sync_member(client, row, writes)
                update_access(row)
                writes.update(row, *ACCESS_COLUMNS)
                writes.send()
                hand_over_address(client.organization_id, freed, client.caller)
        except ScimError as error:
            raise Conflict(error.detail) from None
        except IntegrityError:
            raise Conflict("Another member of the organization has this email address.") from None

    def _readable(self, connection_id: str, limit: int) -> models.ScimConnectionRow:
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        return active_connection(self._scope.organization_id, connection_id)

    def _client(self, connection: models.ScimConnectionRow) -> DelegatedClient:
        return DelegatedClient(connection, self._scope.origin, by=self._scope.caller)


def _up_to(column: str, end: str | None) -> Q:
    return Q() if end is None else Q(**{f"{column}__lte": end})


def _unmanaged_member(row: models.MemberRow) -> ScimUnmanagedMember:
    return ScimUnmanagedMember(
        member_id=member_id(row),
        email_address=row.email_address,
        name=row.name,
        status=MemberStatus(row.status),
        roles=tuple(roles_without_groups(row)),
        member_since=row.created_at,
    )


def _differences(client: ScimClient, row: models.ScimUserRow) -> tuple[ScimDifference, ...]:
    member = row.member
    if member is None or row.awaited_address:
        return ()  # the user is in the list of people who can't sign in
    actual, target = member_state(member), target_state(client, row, member)
    if actual["status"] == target["status"] == MemberStatus.DELETED:
        return ()  # the name of a deleted member isn't shown anywhere
    fields = ("status",) if target["status"] == MemberStatus.DELETED else tuple(target)
    return tuple(ScimDifference(name, actual[name], target[name]) for name in fields if actual[name] != target[name])


def _changed_user(row: models.ScimUserRow, differences: tuple[ScimDifference, ...]) -> ScimChangedUser:
    user_id = public_id("scim-user", row.pk)
    return ScimChangedUser(user_id, row.user_name, row.display_name, differences, _version(differences))


def _version(differences: tuple[ScimDifference, ...]) -> str:
    return sha256(repr(differences).encode()).hexdigest()[:16]
