"""A member's own account: password, address, sessions, data, and leaving the organization."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.account import PendingEmailUpdate
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from portal.directory.ids import parse_id
from portal.directory.members import RESOURCE, SELF, Member, MemberChanges, MemberStatus
from portal.directory.organizations import EMAIL_OTP, PASSWORD
from portal.directory.sessions import Continuation, SessionEndCause, SignedIn
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.members.managed import require_unmanaged
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.own_data import own_data
from portal.embedded.members.values import with_details
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.passwords.stored import change_password, password_is_right
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scope import Scope
from portal.embedded.second_factors.policy import usable
from portal.embedded.sessions.lifecycle import (
    end_intermediate_sessions,
    revoke_rows,
    signed_in_value,
)
from portal.embedded.sign_in import email_tokens, email_updates
from portal.embedded.sign_in.methods import email_factor, may_use
from portal.embedded.sign_in.outcome import signed_in_or_missing
from portal.metrics import FAILED_SIGN_INS


class EmbeddedAccount:
    """Implements portal.directory.account.AccountGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def change_password(self, new_password: str, *, existing_password: str = "") -> SignedIn:
        """Replace the password. Raise Unauthenticated, StepUpRequired, Invalid, Forbidden, Conflict."""
        holder, member = self._scope.require_own_account(), self._member()
        if not may_use(member, PASSWORD):
            raise Forbidden("The organization doesn’t allow signing in by password.")
        if not existing_password:
            self._scope.require_recent_proof()
        elif not password_is_right(member, existing_password):
            FAILED_SIGN_INS.labels("wrong_password").inc()
            raise Unauthenticated("Incorrect password.")
        check_new_password(new_password, email_address=member.email_address, field="new_password")
        encoded, known = make_password(new_password), member.password
        with transaction.atomic():
            locked = self._members().select_for_update(of=("self",), no_key=True).get(pk=member.pk)
            if locked.password != known or locked.status != MemberStatus.ACTIVE:
                raise Conflict("The password was changed in the meantime.", field="new_password")
            change_password(locked, encoded, self._scope.caller, keep=_key(holder))
            session = self._sessions().filter(pk=_key(holder), revoked_at=None).first()
            if session is None:
                raise Unauthenticated("The session has ended.")
            if existing_password:
                session.password_entered_at = timezone.now()
                session.save(update_fields=["password_entered_at"])
        return signed_in_value(session, holder.session_token)

    def change_name(self, name: str) -> Member:
        """Change the name. Raise Conflict, Invalid, Forbidden."""
        require_unmanaged(self._member())
        return EmbeddedMembers(self._scope).update(
            self._scope.require_own_account().member.member_id, MemberChanges(name=name)
        )

    def delete_totp(self) -> Member:
        """Delete the authenticator app and the recovery codes. Raise NotFound, Forbidden, Unauthenticated, StepUpRequired."""
        member_id, members = self._scope.require_own_account().member.member_id, EmbeddedMembers(self._scope)
        self._scope.require_recent_proof()
        with transaction.atomic():
            member = members.delete_totp(member_id)
            if member.mfa_enrolled and not member.mfa_phone_number_verified:
                member = members.update(member_id, MemberChanges(mfa_enrolled=False))
        return member

    def delete_phone_number(self) -> Member:
        """Delete the phone number. Raise NotFound, Forbidden, Unauthenticated, StepUpRequired."""
        member_id, members = self._scope.require_own_account().member.member_id, EmbeddedMembers(self._scope)
        self._scope.require_recent_proof()
        with transaction.atomic():
            member = members.delete_mfa_phone_number(member_id)
            if member.mfa_enrolled and not member.totp_registration_id:
                member = members.update(member_id, MemberChanges(mfa_enrolled=False))
        return member

    def change_default_method(self, method: str) -> Member:
        """Ask for this method first. Raise Invalid, Forbidden, Unauthenticated, StepUpRequired."""
        member_id = self._scope.require_own_account().member.member_id
        self._scope.require_recent_proof()
        if method not in usable(self._member()):
            raise Invalid("You can’t sign in with this method.", field="default_mfa_method")
        return EmbeddedMembers(self._scope).update(member_id, MemberChanges(default_mfa_method=method))

    def pending_email_update(self) -> PendingEmailUpdate | None:
        """Return the change of the address that waits for its code."""
        row = email_updates.pending(self._scope, self._scope.require_own_account().member.member_id).first()
        if row is None:
            return None
        return PendingEmailUpdate(row.email_address, row.expires_at if row.token_hash is not None else None)

    def start_email_update(self, email_address: str) -> None:
        """Email a code to a new address. Raise Invalid, Conflict, Forbidden, NotFound, StepUpRequired, TooManyRequests."""
        self._scope.require_own_account()
        self._scope.require_recent_proof()
        self._scope.require_action("update.info.email", RESOURCE, SELF)
        email_updates.ask(self._scope, email_updates.requested_update(self._scope, self._member(), email_address))

    def finish_email_update(self, *, email_address: str, code: str) -> SignedIn:
        """Give the member the address that the code was sent to. Raise Unauthenticated, Conflict."""
        holder = self._scope.require_own_account()
        tokens = self._scope.of(models.EmailTokenRow)
        own = tokens.filter(updates_member=holder.member.member_id)
        row = email_tokens.code_row(own, email_address, code, purposes=(EmailPurpose.UPDATE_CODE,))
        with transaction.atomic():
            member = email_updates.updated_member(self._scope, row, keep=_key(holder))
            email_tokens.use(row, tokens, email_tokens.wrong_code())
            factor = email_factor(EMAIL_OTP, member.email_address, member.pk, timezone.now())
            outcome = signed_in_or_missing(self._scope, member, factor, None, Continuation(session=holder))
        return outcome.signed_in or holder

    def cancel_email_update(self) -> None:
        """End the change that waits for its code."""
        email_updates.pending(self._scope, self._scope.require_own_account().member.member_id).delete()

    def revoke_session(self, member_session_id: str) -> None:
        """End one session of the member. Raise NotFound, StepUpRequired."""
        self._scope.require_own_account()
        self._scope.require_recent_proof()
        key = parse_id("member-session", member_session_id)
        if not self._revoke(self._own_sessions().filter(pk=key)):
            raise NotFound("You have no such session.", field="member_session_id")

    def revoke_other_sessions(self) -> None:
        """End all sessions of the member except the one in use, and forget their devices. Raise StepUpRequired."""
        holder = self._scope.require_own_account()
        self._scope.require_recent_proof()
        key = parse_id("member", holder.member.member_id)
        with transaction.atomic():
            # Devices first: a sign-in that uses one locks it, so its session is there by now.
            self._scope.of(models.RememberedDeviceRow).filter(member_id=key).delete()
            self._revoke(self._own_sessions().exclude(pk=_key(holder)))

    def data(self) -> Mapping[str, Any]:
        """Return everything that is stored about the member. Raise StepUpRequired."""
        holder = self._scope.require_own_account()
        self._scope.require_recent_proof()
        member_id, data = holder.member.member_id, own_data(self._scope, holder, self._member().pk)
        record(
            self._scope.caller,
            "member.export_data",
            organization_id=self._scope.organization_id,
            target_id=member_id,
            target_name=holder.member.email_address,
        )
        return data

    def leave(self) -> None:
        """Delete the membership. Raise Conflict, Forbidden, StepUpRequired."""
        member_id = self._scope.require_own_account().member.member_id
        self._scope.require_recent_proof()
        require_unmanaged(self._member())
        EmbeddedMembers(self._scope).delete(member_id)

    def _member(self) -> models.MemberRow:
        row = self._members().filter(pk=parse_id("member", self._scope.require_own_account().member.member_id)).first()
        if row is None:
            raise Unauthenticated("The session has ended.")
        return row

    def _members(self) -> QuerySet[models.MemberRow]:
        return with_details(self._scope.of(models.MemberRow)).exclude(status=MemberStatus.DELETED)

    def _sessions(self) -> QuerySet[models.MemberSessionRow]:
        return self._scope.of(models.MemberSessionRow).select_related("member__organization", "member__scim_user")

    def _own_sessions(self) -> QuerySet[models.MemberSessionRow]:
        return self._sessions().filter(
            member_id=parse_id("member", self._scope.require_own_account().member.member_id), revoked_at=None
        )

    def _revoke(self, sessions: QuerySet[models.MemberSessionRow]) -> int:
        """End sessions of the member, and return how many."""
        with transaction.atomic():
            rows = list(sessions.select_for_update(of=("self",)))
            own = _key(self._scope.require_own_account())
            revoke_rows(rows, SessionEndCause.MEMBER, self._scope.caller, keep=own)
            if rows:
                end_intermediate_sessions([rows[0].member_id])
        return len(rows)


def _key(holder: SignedIn) -> UUID:
    return parse_id("member-session", holder.session.member_session_id)
