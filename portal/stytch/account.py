"""The account of the member who is signed in, in Stytch. Their session is in each request, so that Stytch checks it."""

from collections.abc import Mapping
from typing import Any

from portal.directory.account import PendingEmailUpdate
from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from portal.directory.members import Member, SessionSummary
from portal.directory.policy import ADMIN_ROLE
from portal.directory.sessions import SignedIn
from portal.directory.step_up import own_methods, require_recent_proof
from portal.stytch.email_otps import CODE_MEANINGS
from portal.stytch.errors import Meaning, Meanings
from portal.stytch.http import path_of
from portal.stytch.members import StytchMembers
from portal.stytch.scope import Scope
from portal.stytch.sessions import CONFIRM_MEANINGS, StytchSessions, signed_in
from portal.stytch.sms_otps import StytchSmsOtps
from portal.stytch.totps import StytchTotps
from portal.stytch.values import member_value

_WEAK: Meaning = (
    Invalid,
    "This password is too short, easy to guess, or appeared in a data breach. Choose another one.",
)
_STALE: Meaning = (Forbidden, "Enter your current password.")
_PASSWORD_MEANINGS: Meanings = {
    **CONFIRM_MEANINGS,
    **dict.fromkeys(("weak_password", "breached_password", "password_too_short", "reused_password"), _WEAK),
    **dict.fromkeys(("session_too_old_to_reset_password", "stale_factors"), _STALE),
}
# They would tell whose address it is. The member gets no code then, which looks the same.
_TAKEN = frozenset(
    {
        "duplicate_email",
        "duplicate_member_email",
        "retired_member_email",
        "desired_email_updating_for_different_member",
        "desired_email_deactivated_by_different_member",
    }
)
_TAKEN_MEANING: Meaning = (Conflict, "taken")
_UPDATE_MEANINGS: Meanings = {
    **dict.fromkeys(_TAKEN, _TAKEN_MEANING),
    "invalid_email": (Invalid, "Enter an email address such as ada@example.com."),
    **dict.fromkeys(
        ("email_updates_available_only_for_active_members", "member_has_no_active_verified_email"),
        (Forbidden, "Your current address isn’t verified, so the directory doesn’t change it. Ask an admin."),
    ),
}


class StytchAccount:
    """Implements portal.directory.account.AccountGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def change_password(self, new_password: str, *, existing_password: str = "") -> SignedIn:
        """Replace the password (POST /v1/b2b/passwords/existing_password/reset or …/session/reset). Raise as the contract."""
        holder = self._holder()
        body = {"organization_id": holder.organization.organization_id, "session_token": holder.session_token}
        if existing_password:
            path = path_of("passwords", "existing_password", "reset")
            body |= {
                "email_address": holder.member.email_address,
                "existing_password": existing_password,
                "new_password": new_password,
            }
        else:
            require_recent_proof(holder)
            path = path_of("passwords", "session", "reset")
            body |= {"password": new_password}
        return self._same_member(signed_in(self._scope.api.post(path, body, meanings=_PASSWORD_MEANINGS)))

    def change_name(self, name: str) -> Member:
        """Change the name (PUT /v1/b2b/organizations/{organization_id}/members/{member_id}). Raise Invalid, Forbidden."""
        return self._update(name=name)

    def delete_totp(self) -> Member:
        """Delete the app (DELETE …/members/{member_id}/totp), then stop asking for one (PUT …/members/{member_id}).

        Raise NotFound, Forbidden, StepUpRequired.
        """
        member = StytchTotps(self._scope).delete(self._holder().member.member_id)
        if member.mfa_enrolled and not member.mfa_phone_number_verified:
            member = self._update(mfa_enrolled=False)
        return member

    def delete_phone_number(self) -> Member:
        """Delete the number (DELETE …/members/mfa_phone_numbers/{member_id}), then stop asking for a code of it.

        Raise NotFound, Forbidden, StepUpRequired.
        """
        member = StytchSmsOtps(self._scope).delete(self._holder().member.member_id)
        if member.mfa_enrolled and not member.totp_registration_id:
            member = self._update(mfa_enrolled=False)
        return member

    def change_default_method(self, method: str) -> Member:
        """Ask for this method first (PUT …/members/{member_id}). Raise Invalid, Forbidden, StepUpRequired."""
        holder = self._holder()
        require_recent_proof(holder)
        if method not in own_methods(holder):
            raise Invalid("You can’t sign in with this method.", field="default_mfa_method")
        return self._update(default_mfa_method=method)

    def pending_email_update(self) -> PendingEmailUpdate | None:
        """Return None: Stytch's API doesn't tell."""
        return None

    def start_email_update(self, email_address: str) -> None:
        """Have Stytch email a code (POST …/members/{member_id}/start_email_update). Stytch notifies no one else.

        Raise Invalid, Forbidden, StepUpRequired, TooManyRequests, Unavailable.
        """
        holder = self._holder()
        require_recent_proof(holder)
        organization_id = holder.organization.organization_id
        path = path_of("organizations", organization_id, "members", holder.member.member_id, "start_email_update")
        body = {"email_address": email_address, "delivery_method": "EMAIL_OTP"}
        try:
            self._scope.api.post(path, body, session_token=holder.session_token, meanings=_UPDATE_MEANINGS)
        except Conflict as error:
            if error.detail != _TAKEN_MEANING[1]:
                raise

    def finish_email_update(self, *, email_address: str, code: str) -> SignedIn:
        """Use the code (POST /v1/b2b/otps/email/authenticate), which changes the address. Raise Unauthenticated."""
        holder = self._holder()
        body = {
            "organization_id": holder.organization.organization_id,
            "email_address": email_address,
            "code": code,
            "session_token": holder.session_token,
        }
        answer = self._scope.api.post(path_of("otps", "email", "authenticate"), body, meanings=CODE_MEANINGS)
        return self._same_member(signed_in(answer))

    def cancel_email_update(self) -> None:
        """Do nothing: Stytch's API can't cancel. The code expires after a few minutes."""

    def revoke_session(self, member_session_id: str) -> None:
        """End one session (POST /v1/b2b/sessions/revoke). Raise NotFound, StepUpRequired."""
        holder = self._holder()
        require_recent_proof(holder)
        if member_session_id not in {one.member_session_id for one in self._sessions()}:
            raise NotFound("You have no such session.")
        self._revoke(member_session_id)

    def revoke_other_sessions(self) -> None:
        """End the others one by one (POST /v1/b2b/sessions/revoke): with the member's ID, Stytch ends this one, too."""
        holder = self._holder()
        require_recent_proof(holder)
        for one in self._sessions():
            if one.member_session_id != holder.session.member_session_id:
                self._revoke(one.member_session_id)

    def data(self) -> Mapping[str, Any]:
        """Return the member (GET …/member) and their sessions (GET /v1/b2b/sessions) as Stytch has them."""
        holder = self._holder()
        require_recent_proof(holder)
        organization_id, member_id = holder.organization.organization_id, holder.member.member_id
        member = self._scope.api.get(path_of("organizations", organization_id, "member"), {"member_id": member_id})
        return {
            "organization": {
                "organization_id": organization_id,
                "organization_name": holder.organization.organization_name,
            },
            "member": dict(member.part("member").fields),
            "sessions": [dict(one.fields) for one in StytchSessions(self._scope).documents_of(member_id)],
        }

    def leave(self) -> None:
        """Delete the member (DELETE …/members/{member_id}). Raise Conflict for the last admin, which Stytch would let go."""
        holder = self._holder()
        require_recent_proof(holder)
        if holder.member.is_admin and len(StytchMembers(self._scope).helpers([ADMIN_ROLE], limit=2)) < 2:  # noqa: PLR2004 -- another one
            raise Conflict(
                f"{holder.member.email_address} is the organization's last admin. Make another member an admin first."
            )
        path = path_of("organizations", holder.organization.organization_id, "members", holder.member.member_id)
        self._scope.api.delete(path, session_token=holder.session_token)

    def _update(self, **changes: object) -> Member:
        holder = self._holder()
        path = path_of("organizations", holder.organization.organization_id, "members", holder.member.member_id)
        answer = self._scope.api.put(path, changes, session_token=holder.session_token)
        return member_value(answer.part("member"))

    def _holder(self) -> SignedIn:
        if self._scope.signed_in is None:
            raise Unauthenticated("Sign in first.")
        return self._scope.signed_in

    def _sessions(self) -> tuple[SessionSummary, ...]:
        return StytchSessions(self._scope).of_member(self._holder().member.member_id)

    def _revoke(self, member_session_id: str) -> None:
        self._scope.api.post(
            path_of("sessions", "revoke"),
            {"member_session_id": member_session_id},
            meanings={"session_not_found": (NotFound, "You have no such session.")},
        )

    def _same_member(self, who: SignedIn) -> SignedIn:
        StytchSessions(self._scope).of_this_organization(who)
        if who.member.member_id != self._holder().member.member_id:
            raise Unauthenticated("The session has ended.")
        return who
