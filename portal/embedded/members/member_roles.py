"""Add one more role to a member, or remove one, while nobody else changes the roles of the organization."""

from collections.abc import Collection, Iterable

from django.db import transaction

from portal.directory.authority import Authority
from portal.directory.errors import Forbidden
from portal.directory.ids import parse_id
from portal.directory.members import Member, MemberChanges, MemberStatus
from portal.directory.permissions import Permission
from portal.embedded import models
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.roles import lock_admins, roles_through_groups, roles_without_groups
from portal.embedded.members.values import with_details
from portal.embedded.scope import Scope


class EmbeddedMemberRoles:
    """Implements portal.directory.member_roles.MemberRoleGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add(self, member_id: str, role_id: str) -> Member:
        """Assign one more role. Raise NotFound, Invalid, Forbidden, StepUpRequired."""
        return self._change(member_id, add=[role_id], remove=())

    def remove(self, member_id: str, role_id: str) -> Member:
        """Remove a role. Raise NotFound, Forbidden, StepUpRequired, Conflict for the last admin."""
        return self._change(member_id, add=(), remove=[role_id])

    def _change(self, member_id: str, *, add: Collection[str], remove: Collection[str]) -> Member:
        self._scope.require(Permission.MEMBER_ROLES)
        self._scope.require_recent_proof()
        members = EmbeddedMembers(self._scope)
        with transaction.atomic():
            # Admins before members, as everywhere. Those who change roles at the same time wait here.
            lock_admins(self._scope.organization_id)
            self._require_roles_now(add)
            rows = self._scope.of(models.MemberRow).select_for_update(no_key=True)
            row = rows.filter(pk=parse_id("member", member_id)).exclude(status=MemberStatus.DELETED).first()
            before: Iterable[str] = row.direct_roles if row else ()
            after = [one for one in dict.fromkeys([*before, *add]) if one not in remove]
            return members.update(member_id, MemberChanges(roles=after))

    def _require_roles_now(self, gained: Collection[str]) -> None:
        """Raise Forbidden if another admin took the acting member's right since the request began."""
        if self._scope.signed_in is None:
            return
        key = parse_id("member", self._scope.signed_in.member.member_id)
        row = with_details(self._scope.of(models.MemberRow)).filter(pk=key, status=MemberStatus.ACTIVE).first()
        roles = {*roles_without_groups(row), *roles_through_groups(row)} if row else set()
        now = Authority(self._scope.policy, roles, self._scope.signed_in.session.embedding)
        if not now.allows(Permission.MEMBER_ROLES) or not now.may_grant(gained):
            raise Forbidden("Your roles were changed in the meantime, and no longer allow this.")
