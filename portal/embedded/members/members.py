"""Members of one organization: get, search, create, update, delete and reactivate them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.ids import id_prefix, parse_id
from portal.directory.members import (
    FIELD_ACTIONS,
    PRIVILEGED,
    PROJECT_ONLY,
    RESOURCE,
    SELF,
    Helper,
    ListedMember,
    Member,
    MemberChanges,
    MemberDetails,
    MemberFilter,
    MemberStatus,
)
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.search import Found, Operand
from portal.directory.second_factors import SMS_OTP, TOTP
from portal.directory.sessions import SessionEndCause
from portal.embedded import audit, models
from portal.embedded.database.integrity import is_text
from portal.embedded.invitations import records
from portal.embedded.members import listing, notices
from portal.embedded.members.changes import (
    apply_changes,
    check_address,
    described,
    for_activity,
    require_version,
    unless_taken,
)
from portal.embedded.members.managed import require_unmanaged
from portal.embedded.members.retired_addresses import release, require_not_retired, retire
from portal.embedded.members.roles import email_roles, has_admin, is_admin, lock_admins, roles_through_groups
from portal.embedded.members.search import search_members
from portal.embedded.members.values import member_id as id_of
from portal.embedded.members.values import member_values, no_member, with_details
from portal.embedded.scim.protocol.address_handover import (
    after_address_changed,
    after_member_deleted,
    after_member_reactivated,
)
from portal.embedded.scope import Scope, lock_organization, settings_value
from portal.embedded.second_factors.policy import require_second_factor, set_up
from portal.embedded.second_factors.stored import delete_app, delete_of
from portal.embedded.sessions.lifecycle import end_intermediate_sessions
from portal.embedded.sessions.satisfied import end_unsatisfied
from portal.embedded.sign_in.lock_outs import lock_out

_EVERY_MEMBER = MemberFilter()
# What members change of their own second factors.
_OF_SECOND_FACTOR = ("mfa_enrolled", "mfa_phone_number", "default_mfa_method")
_DEFAULT = ("default_mfa_method", "updated_at")
# What identity providers send, and what pages change without a recent proof.
_MANAGED = frozenset({"name", "email_address"})
_WITHOUT_PROOF = frozenset({"name", "untrusted_metadata"})


class EmbeddedMembers:
    """Implements portal.directory.project_members.ProjectMemberGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, member_id: str) -> Member:
        """Return the member with this ID or external ID. Raise NotFound, also for a deleted member."""
        return _value(self._member(member_id))

    @property
    def has_details(self) -> bool:
        """Say that names can be searched, and that managers and activity are known."""
        return True

    def page(
        self, wanted: MemberFilter = _EVERY_MEMBER, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ListedMember]:
        """Return a page of members by email address. Raise Invalid, InvalidCursor, Forbidden."""
        return listing.page(self._scope, wanted, cursor=cursor, limit=limit)

    def helpers(self, role_ids: Sequence[str], *, limit: int = 3) -> tuple[Helper, ...]:
        """Return active members who have one of the roles, by email address, at most `limit`."""
        return listing.helpers(self._scope, role_ids, limit=limit)

    def details(self, member_id: str) -> MemberDetails:
        """Return a member, deactivated ones included. Raise NotFound, Forbidden."""
        return listing.details(self._scope, member_id)

    def by_email_address(self, email_address: str) -> Member:
        """Return the member with this address. Raise NotFound."""
        named = self._rows().filter(email_address_folded=fold_address(email_address))
        row = named.first() if is_text(email_address) else None
        if row is None:
            raise no_member()
        return _value(row)

    def search(
        self, operands: Sequence[Operand] = (), *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Found[Member]:
        """Return a page of the members that match all operands. Raise Invalid, InvalidCursor, Forbidden."""
        self._scope.require_action("search", RESOURCE)
        return search_members([self._scope.organization], operands, cursor=cursor, limit=limit)

    def create(self, new: MemberChanges, *, status: MemberStatus = MemberStatus.ACTIVE) -> Member:
        """Create a member, active, invited or pending. Raise Invalid, Conflict, Forbidden, NotFound if the organization was deleted."""
        self._scope.require_action("create", RESOURCE)
        self._scope.require_fields(new, {}, PROJECT_ONLY, RESOURCE)
        for field in PRIVILEGED:
            # Some SDKs always send these fields. Empty values need no permission.
            if getattr(new, field):
                self._scope.require_action(FIELD_ACTIONS[field], RESOURCE)
        self._scope.require_grantable(new.roles or ())
        with unless_taken(), transaction.atomic():
            lock_organization(self._scope.organization_id)
            row = models.MemberRow(organization_id=self._scope.organization_id, status=status)
            row.email_address = check_address(new.email_address or "")
            require_not_retired(self._scope, row)
            apply_changes(row, new)
            self._scope.require_grantable(email_roles(row.organization, row.email_address), "email_address")
            row.save(force_insert=True)
            self._record("member.create", row, {}, for_activity({**described(row), "status": str(status)}))
        return self._reread(row.pk)

    def update(self, member_id: str, changes: MemberChanges, *, version: str = "") -> Member:
        """Make all changes or none. Raise NotFound, Invalid, Conflict, Forbidden, StepUpRequired."""
        seen = self._member(member_id)
        self._require_fields(seen, changes)
        if not {*changes.given} <= _WITHOUT_PROOF:
            self._scope.require_recent_proof()
        could_lose_admin = changes.roles is not None or changes.email_address is not None
        with unless_taken(), transaction.atomic():
            row, was_admin = self._locked(seen, could_lose_admin=could_lose_admin)
            require_version(row, changes, version)
            self._require_unmanaged(row, changes.given)
            self._require_second_factor_for(row, changes)
            before, former = described(row), row.email_address_folded
            self._change_address(row, changes)
            self._scope.require_grantable(set(changes.roles or ()) - set(row.direct_roles))
            apply_changes(row, changes)
            after = described(row)
            changed = [name for name in after if after[name] != before[name]]
            if changed:
                row.save()
                self._record(
                    "member.update",
                    row,
                    *(for_activity({name: one[name] for name in changed}) for one in (before, after)),
                )
            if was_admin and not is_admin(row):
                self._require_admin(row)
            if row.email_address_folded != former:
                after_address_changed(row, former, self._scope.caller)
            self._end_sessions(row, SessionEndCause.ADDRESS if row.email_address_folded != former else None, before)
        return self._reread(row.pk)

    def delete(self, member_id: str) -> str:
        """Delete a member and return their ID. Raise NotFound, Forbidden, Conflict for the last admin."""
        seen = self._member(member_id)
        self._require(seen, "delete")
        if seen.status == MemberStatus.ACTIVE:
            # Revoking an invitation needs none: nothing is lost.
            self._scope.require_recent_proof()
        with transaction.atomic():
            row, was_admin = self._locked(seen, could_lose_admin=True)
            self._require_unmanaged(row, _MANAGED)
            before = {"status": str(row.status), "roles": row.direct_roles}
            row.status, row.direct_roles, row.password = MemberStatus.DELETED, [], ""
            row.mfa_phone_number, row.mfa_phone_number_verified, row.mfa_enrolled = "", False, False
            row.default_mfa_method = ""
            delete_of(row)
            self._scope.of(models.SmsOtpRow).filter(member=row).delete()
            row.save()
            if was_admin:
                self._require_admin(row)
            sessions = self._scope.of(models.MemberSessionRow).filter(member=row, revoked_at=None)
            sessions.update(revoked_at=timezone.now())
            self._scope.of(models.SignInLinkRow).filter(member=row).delete()
            records.end(row)
            self._scope.of(models.RememberedDeviceRow).filter(member=row).delete()
            end_intermediate_sessions([row.pk])
            self._record("member.delete", row, before, {"status": str(row.status), "roles": []})
            after_member_deleted(row, self._scope.caller)
        return id_of(row)

    def reactivate(self, member_id: str) -> Member:
        """Reactivate a deleted member, without a password and with roles only from groups and the email domain.

        Raise NotFound, Forbidden, Invalid if the address was never verified, Conflict if another member has it.
        """
        self._scope.require_action("create", RESOURCE)
        self._scope.require_recent_proof()
        with unless_taken("reactivation_email_belongs_to_another_member"), transaction.atomic():
            lock_organization(self._scope.organization_id)
            rows = with_details(self._scope.of(models.MemberRow)).filter(status=MemberStatus.DELETED)
            row = rows.select_for_update(of=("self",), no_key=True).filter(pk=parse_id("member", member_id)).first()
            if row is None:
                raise NotFound(
                    "This deleted member does not exist.", error_type="no_deleted_member_found_for_reactivation"
                )
            if not (row.email_address_verified or _is_provisioned(row)):
                raise Invalid(
                    "The email address was never verified. Create a new member instead.",
                    field="member_id",
                    error_type="email_unverified_for_reactivation",
                )
            by_others = [*email_roles(row.organization, row.email_address), *roles_through_groups(row)]
            self._scope.require_grantable(by_others, "member_id")
            row.status = MemberStatus.ACTIVE
            row.save(update_fields=["status", "updated_at"])
            deleted, active = ({"status": str(status)} for status in (MemberStatus.DELETED, MemberStatus.ACTIVE))
            self._record("member.reactivate", row, deleted, active)
            after_member_reactivated(row)
        return self._reread(row.pk)

    def delete_password(self, member_password_id: str) -> Member:
        """Delete a password. Raise NotFound, Forbidden."""
        with_password = self._rows().exclude(password="").filter(pk=parse_id("member-password", member_password_id))
        seen = with_password.first()
        if seen is None:
            raise NotFound("This password does not exist.", error_type="member_password_not_found")
        self._require(seen, "update.info.delete.password")
        self._scope.require_recent_proof()
        return self._clear(seen, "member.delete_password", password="")

    def delete_mfa_phone_number(self, member_id: str) -> Member:
        """Delete the phone number. Raise NotFound, Forbidden."""
        seen = self._member(member_id)
        self._require(seen, "update.info.delete.mfa-phone")
        with transaction.atomic():
            row, _ = self._locked(seen)
            self._require_own_second_factor(row)
            if not row.mfa_phone_number:
                raise NotFound("The member has no phone number.", error_type="member_phone_number_not_found")
            was_verified = row.mfa_phone_number_verified
            row.mfa_phone_number, row.mfa_phone_number_verified = "", False
            self._scope.of(models.SmsOtpRow).filter(member=row).delete()
            _leave_default(row, SMS_OTP)
            row.save(update_fields=["mfa_phone_number", "mfa_phone_number_verified", *_DEFAULT])
            entry = self._record("member.delete_mfa_phone_number", row, {}, {})
            if was_verified:
                notices.second_factor_removed(row, SMS_OTP, entry)
        return self._reread(row.pk)

    def delete_totp(self, member_id: str) -> Member:
        """Delete the authenticator app, and the recovery codes unless passkeys need them. Raise NotFound, Forbidden.

        Raise Unauthenticated on behalf of the member themselves without their second factor.
        """
        seen = self._member(member_id)
        self._require(seen, "update.info.delete.mfa-totp")
        with transaction.atomic():
            row, _ = self._locked(seen)
            self._require_own_second_factor(row)
            if row.totp_id is None:
                raise NotFound("The member has no authenticator app.", error_type="totp_not_found")
            delete_app(row)
            _leave_default(row, TOTP)
            row.save(update_fields=["totp_id", *_DEFAULT])
            notices.second_factor_removed(row, TOTP, self._record("member.delete_totp", row, {}, {}))
        return self._reread(row.pk)

    def delete_external_id(self, member_id: str) -> Member:
        """Delete the external ID, if there is one. Raise NotFound, and Forbidden on behalf of a member."""
        return self.update(member_id, MemberChanges(external_id=""))

    def unlink_retired_email(self, member_id: str, *, email_id: str = "", email_address: str = "") -> Member:
        """Release a former address, named by its ID, by itself, or both. Raise NotFound, Invalid, Forbidden."""
        seen = self._member(member_id)
        self._require(seen, "update.info.unlink.retired-email")
        self._scope.require_recent_proof()
        if not (email_id or email_address):
            raise Invalid("Give the address or its ID.", field="email_id")
        with transaction.atomic():
            row, _ = self._locked(seen)
            release(row, email_id=email_id, email_address=email_address)
            row.save(update_fields=["retired_email_addresses", "updated_at"])
            self._record("member.unlink_retired_email", row, {}, {})
        return self._reread(row.pk)

    def _rows(self) -> QuerySet[models.MemberRow]:
        rows = with_details(self._scope.of(models.MemberRow)).filter(organization__deleted_at=None)
        return rows.exclude(status=MemberStatus.DELETED)

    def _member(self, member_id: str) -> models.MemberRow:
        """Return the member with an ID or external ID. Raise NotFound."""
        is_id = member_id.startswith(id_prefix("member"))
        wanted = {"pk": parse_id("member", member_id)} if is_id else {"external_id": member_id}
        row = self._rows().filter(**wanted).first() if member_id and is_text(member_id) else None
        if row is None:
            raise no_member()
        return row

    def _locked(self, seen: models.MemberRow, *, could_lose_admin: bool = False) -> tuple[models.MemberRow, bool]:
        """Lock a member, and say whether they are an active admin. Raise NotFound if they were deleted since."""
        if could_lose_admin and is_admin(seen):
            # Lock admins before the member, as provisioning does, to avoid deadlocks.
            lock_admins(seen.organization_id)
        row = self._rows().select_for_update(of=("self",), no_key=True).filter(pk=seen.pk).first()
        if row is None:
            raise no_member()
        return row, could_lose_admin and row.status == MemberStatus.ACTIVE and is_admin(row)

    @staticmethod
    def _require_admin(row: models.MemberRow) -> None:
        lock_admins(row.organization_id)
        if not has_admin(row.organization_id):
            raise Conflict(
                f"{row.email_address} is the organization's last admin. Make another member an admin first.",
                field="member_id",
                error_type="organization_needs_admin",
            )

    def _require_no_lock_out(self) -> None:
        """Raise Conflict if the acting member, or every admin, could sign in only as an emergency admin."""
        current = models.OrganizationRow.objects.get(pk=self._scope.organization_id)
        if reason := lock_out(self._scope, settings_value(current)):
            raise Conflict(reason, field="is_breakglass", error_type="organization_change_locks_out")

    def _reread(self, key: UUID) -> Member:
        row = self._rows().filter(pk=key).first()
        if row is None:  # deleted since, alone or with the organization
            raise no_member()
        return _value(row)

    def _is_own(self, row: models.MemberRow) -> bool:
        signed_in = self._scope.signed_in
        return signed_in is not None and signed_in.member.member_id == id_of(row)

    def _require(self, row: models.MemberRow, action: str) -> None:
        self._scope.require_action(action, RESOURCE, SELF if self._is_own(row) else "")

    def _require_fields(self, row: models.MemberRow, changes: MemberChanges) -> None:
        is_own = self._is_own(row)
        if (
            is_own
            and changes.email_address is not None
            and fold_address(changes.email_address) != row.email_address_folded
        ):
            raise Invalid(
                "Members cannot change their own email address through this API.",
                field="email_address",
                error_type="member_cannot_update_their_email_address",
            )
        self._scope.require_fields(changes, FIELD_ACTIONS, PROJECT_ONLY, RESOURCE, SELF if is_own else "")

    def _require_second_factor_for(self, row: models.MemberRow, changes: MemberChanges) -> None:
        if any(getattr(changes, name) is not None for name in _OF_SECOND_FACTOR):
            self._require_own_second_factor(row)

    def _require_own_second_factor(self, row: models.MemberRow) -> None:
        """Raise Unauthenticated if members change their own second factors without having proved one in the session.

        The row is locked: a factor counts from the moment that it is confirmed, also for a change that began before.
        """
        signed_in = self._scope.signed_in
        if signed_in is not None and self._is_own(row):
            require_second_factor(row, signed_in.session.authentication_factors)

    def _change_address(self, row: models.MemberRow, changes: MemberChanges) -> None:
        """Change the address. The old one is kept for the member; the password and sent links are deleted."""
        if changes.email_address is None:
            return
        address, former = check_address(changes.email_address), row.email_address
        row.email_address = address
        if fold_address(address) == fold_address(former):
            return
        if not self._is_own(row):
            # Who receives email at the new address can sign in as the member.
            self._scope.require_no_more_rights(_value(row).role_ids, former)
        require_not_retired(self._scope, row)
        # Roles of the new domain take effect immediately, before the address is verified.
        gained = set(email_roles(row.organization, address)) - set(email_roles(row.organization, former))
        self._scope.require_grantable(gained, "email_address")
        retire(row, "" if changes.unlink_email else former)
        row.email_address_verified, row.password = False, ""
        self._scope.of(models.SignInLinkRow).filter(member=row).delete()
        end_intermediate_sessions([row.pk])

    def _end_sessions(self, row: models.MemberRow, cause: SessionEndCause | None, before: Mapping[str, Any]) -> None:
        """End sessions that a new address or the end of emergency access no longer satisfies."""
        if before["is_breakglass"] and not row.is_breakglass:
            self._require_no_lock_out()
            cause = cause or SessionEndCause.METHODS
        if cause is not None:
            end_unsatisfied(self._scope.of(models.MemberSessionRow).filter(member=row), cause)

    def _require_unmanaged(self, row: models.MemberRow, names: Collection[str]) -> None:
        """Raise Conflict if a page changes what the member's identity provider would change back. Products may."""
        if not self._scope.project and not _MANAGED.isdisjoint(names):
            require_unmanaged(row)

    def _clear(self, seen: models.MemberRow, action: str, **values: str) -> Member:
        with transaction.atomic():
            row, _ = self._locked(seen)
            for name, value in values.items():
                setattr(row, name, value)
            row.save(update_fields=[*values, "updated_at"])
            if "password" in values:
                end_intermediate_sessions([row.pk])
            self._record(action, row, {}, {})
        return self._reread(row.pk)

    def _record(self, action: str, row: models.MemberRow, before: Mapping[str, Any], after: Mapping[str, Any]) -> UUID:
        return audit.record(
            self._scope.caller,
            action,
            organization_id=row.organization_id,
            target_id=id_of(row),
            target_name=row.email_address,
            before=before,
            after=after,
        )


def _value(row: models.MemberRow) -> Member:
    (value,) = member_values([row])
    return value


def _leave_default(row: models.MemberRow, method: str) -> None:
    """Choose another default in place of a method that is deleted, if the member has one."""
    if row.default_mfa_method == method:
        row.default_mfa_method = next((one for one in set_up(row) if one != method), "")


def _is_provisioned(row: models.MemberRow) -> bool:
    """Say whether the identity provider has the member as an active user, which verifies the address."""
    user: models.ScimUserRow | None = getattr(row, "scim_user", None)
    return user is not None and user.active
