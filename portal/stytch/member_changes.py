"""Changing other members in Stytch. The acting member's session is in each request, so that Stytch checks their permission."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from portal.directory.email_updates import EmailUpdateRequest
from portal.directory.errors import Conflict, Invalid, NotFound, Unauthenticated
from portal.directory.members import Member, MemberChanges, MemberStatus, RoleSourceType
from portal.directory.policy import ADMIN_ROLE
from portal.directory.sessions import SignedIn
from portal.directory.step_up import require_recent_proof
from portal.stytch.errors import Meaning, Meanings
from portal.stytch.http import path_of
from portal.stytch.organization import StytchOrganization
from portal.stytch.rbac import StytchOrganizationRbac
from portal.stytch.scope import Scope
from portal.stytch.values import member_value

NO_MEMBER: Meaning = (NotFound, "This member does not exist.")
_MEANINGS: Meanings = {
    **dict.fromkeys(("member_not_found", "invalid_id", "member_does_not_exist_in_organization"), NO_MEMBER),
    "no_deleted_member_found_for_reactivation": (NotFound, "This deleted member does not exist."),
    "member_password_not_found": (NotFound, "This member has no password."),
    "invalid_role": (Invalid, "This role does not exist."),
    "default_mfa_member_missing_factor": (Invalid, "The member has not set up this method."),
    "email_unverified_for_reactivation": (
        Invalid,
        "The email address was never verified. Create a new member instead.",
    ),
    "reactivation_email_belongs_to_another_member": (Conflict, "Another member has this email address."),
    "email_updates_available_only_for_active_members": (
        Invalid,
        "Only active members whose current address is verified can change it themselves.",
    ),
    "member_has_no_active_verified_email": (
        Invalid,
        "Only active members whose current address is verified can change it themselves.",
    ),
    **dict.fromkeys(
        ("duplicate_email", "duplicate_member_email", "desired_email_updating_for_different_member"),
        (Conflict, "Another member of the organization has this email address."),
    ),
    "retired_member_email": (Conflict, "Another member had this address, and it is kept for them."),
}
# What pages change without a recent proof.
_WITHOUT_PROOF = frozenset({"name", "untrusted_metadata"})
_DIRECT = RoleSourceType.DIRECT_ASSIGNMENT
_LAST_ADMIN = "is the organization's last admin. Make another member an admin first."


class StytchMemberChanges:
    """The methods of portal.directory.members.MemberGateway that change members."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def update(self, member_id: str, changes: MemberChanges, *, version: str = "") -> Member:
        """Change a member (PUT …/members/{member_id}). Raise as the contract.

        Stytch has no versions: a change between reading the fields and changing them is overwritten.
        """
        if not {*changes.given} <= _WITHOUT_PROOF:
            require_recent_proof(self._scope.signed_in)
        if version and version != self.read(member_id).version_of(*changes.given):
            raise Conflict("Someone else changed this in the meantime. Check what it is now, then save again.")
        body = {name: getattr(changes, name) for name in changes.given}
        answer = self._scope.api.put(
            self._path(member_id), body, session_token=self._holder().session_token, meanings=_MEANINGS
        )
        return member_value(answer.part("member"))

    def delete(self, member_id: str) -> str:
        """Delete a member (DELETE …/members/{member_id}). Raise Conflict for the last admin, which Stytch would delete."""
        require_recent_proof(self._scope.signed_in)
        self.require_other_admin(self.read(member_id))
        path, token = self._path(member_id), self._holder().session_token
        return self._scope.api.delete(path, session_token=token, meanings=_MEANINGS).text("member_id")

    def reactivate(self, member_id: str) -> Member:
        """Reactivate a deleted member (PUT …/members/{member_id}/reactivate). Raise as the contract."""
        require_recent_proof(self._scope.signed_in)
        path, token = self._path(member_id, "reactivate"), self._holder().session_token
        return member_value(self._scope.api.put(path, {}, session_token=token, meanings=_MEANINGS).part("member"))

    def delete_password(self, member_password_id: str) -> Member:
        """Delete a password (DELETE …/members/passwords/{member_password_id}). Raise as the contract."""
        require_recent_proof(self._scope.signed_in)
        path, token = self._path("passwords", member_password_id), self._holder().session_token
        return member_value(self._scope.api.delete(path, session_token=token, meanings=_MEANINGS).part("member"))

    def unlink_retired_email(self, member_id: str, *, email_id: str = "", email_address: str = "") -> Member:
        """Release a former address (POST …/members/{member_id}/unlink_retired_email). Raise as the contract."""
        require_recent_proof(self._scope.signed_in)
        named = {"email_id": email_id, "email_address": email_address}
        body = {name: value for name, value in named.items() if value}
        path, token = self._path(member_id, "unlink_retired_email"), self._holder().session_token
        answer = self._scope.api.post(path, body, session_token=token, meanings=_MEANINGS)
        return member_value(answer.part("member"))

    def read(self, member_id: str) -> Member:
        """Return the member (GET …/member). Raise NotFound, also for an external ID, which Stytch would accept."""
        organization = StytchOrganization(self._scope).get()
        path = path_of("organizations", organization.organization_id, "member")
        member = member_value(self._scope.api.get(path, {"member_id": member_id}, meanings=_MEANINGS).part("member"))
        if (member.member_id, member.organization_id) != (member_id, organization.organization_id):
            raise NotFound(NO_MEMBER[1])
        return member

    def require_other_admin(self, member: Member) -> None:
        """Raise Conflict if there is no other active admin (POST …/members/search), for the project as in `helpers`."""
        if not member.is_admin or member.status != MemberStatus.ACTIVE:
            return
        operands = [
            {"filter_name": "statuses", "filter_value": [str(MemberStatus.ACTIVE)]},
            {"filter_name": "member_roles", "filter_value": [ADMIN_ROLE]},
        ]
        body: dict[str, Any] = {
            "organization_ids": [self._holder().organization.organization_id],
            "limit": 2,
            "query": {"operator": "AND", "operands": operands},
        }
        found = self._scope.api.post(path_of("organizations", "members", "search"), body, is_read=True).parts("members")
        if all(one.text("member_id") == member.member_id for one in found):
            raise Conflict(f"{member.email_address} {_LAST_ADMIN}")

    def _path(self, *parts: str) -> str:
        return path_of("organizations", self._holder().organization.organization_id, "members", *parts)

    def _holder(self) -> SignedIn:
        if self._scope.signed_in is None:
            raise Unauthenticated("Sign in first.")
        return self._scope.signed_in


class StytchMemberRoles:
    """Implements portal.directory.member_roles.MemberRoleGateway.

    Stytch replaces all roles at once, so a change of the same roles between the two requests is overwritten.
    """

    def __init__(self, scope: Scope, rbac: StytchOrganizationRbac) -> None:
        self._scope = scope
        self._changes = StytchMemberChanges(scope)
        self._rbac = rbac

    def add(self, member_id: str, role_id: str) -> Member:
        """Assign one more role. Raise as the contract."""
        self._rbac.require_grantable([role_id])
        return self._change(member_id, lambda roles: [*dict.fromkeys([*roles, role_id])])

    def remove(self, member_id: str, role_id: str) -> Member:
        """Remove a role. Raise as the contract."""
        return self._change(member_id, lambda roles: [one for one in roles if one != role_id])

    def _change(self, member_id: str, changed: Callable[[Sequence[str]], list[str]]) -> Member:
        require_recent_proof(self._scope.signed_in)
        member = self._changes.read(member_id)
        after = changed(member.direct_role_ids)
        others = [
            one
            for role in member.roles
            if role.role_id == ADMIN_ROLE
            for one in role.sources
            if one.type is not _DIRECT
        ]
        if ADMIN_ROLE in member.direct_role_ids and ADMIN_ROLE not in after and not others:
            self._changes.require_other_admin(member)
        return self._changes.update(member_id, MemberChanges(roles=after))


class StytchEmailUpdates:
    """Implements portal.directory.email_updates.EmailUpdateGateway."""

    def __init__(self, scope: Scope, rbac: StytchOrganizationRbac) -> None:
        self._scope, self._rbac = scope, rbac

    def start(self, member_id: str, request: EmailUpdateRequest) -> Member:
        """Have Stytch email a link or code (POST …/members/{member_id}/start_email_update). Raise as the contract."""
        holder = self._scope.signed_in
        if holder is None:
            raise Unauthenticated("Sign in first.")
        require_recent_proof(holder)
        if member_id != holder.member.member_id:
            # People who receive email at the new address can sign in as the member.
            self._rbac.require_no_more_rights(StytchMemberChanges(self._scope).read(member_id))
        organization_id = holder.organization.organization_id
        body: Mapping[str, str] = {
            "email_address": request.email_address,
            "delivery_method": request.delivery_method,
        }
        path = path_of("organizations", organization_id, "members", member_id, "start_email_update")
        answer = self._scope.api.post(path, body, session_token=holder.session_token, meanings=_MEANINGS)
        return member_value(answer.part("member"))
