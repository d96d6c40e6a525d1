"""Member sessions. Stytch stores them, and the portal checks them there on each request."""

from contextlib import suppress

from django.conf import settings

from portal.directory.errors import NotFound, Unauthenticated
from portal.directory.members import SessionSummary
from portal.directory.second_factors import SecondFactorRequired
from portal.directory.sessions import SignedIn
from portal.directory.step_up import require_recent_proof
from portal.stytch.documents import Document
from portal.stytch.errors import Meaning, Meanings
from portal.stytch.http import path_of
from portal.stytch.scope import Scope
from portal.stytch.values import pending_sign_in_value, signed_in_value

_WRONG: Meaning = (Unauthenticated, "Incorrect email or password.")
# Errors of a password sign-in. The sentences don't tell whether there is such a member.
PASSWORD_MEANINGS: Meanings = {
    **dict.fromkeys(
        (
            "unauthorized_credentials",
            "member_not_found",
            "member_password_not_found",
            "member_does_not_exist_in_organization",
            "email_not_found",
            "invalid_email",
            "invalid_argument",
            "bad_request",
            "retired_member_email",
        ),
        _WRONG,
    ),
    "member_reset_password": (
        Unauthenticated,
        "This password appeared in a data breach. Reset it in the product, then sign in.",
    ),
}
_PASSWORD_WRONG: Meaning = (Unauthenticated, "Incorrect password.")
# The same for a member who is signed in.
CONFIRM_MEANINGS: Meanings = {
    **{name: _PASSWORD_WRONG if meaning is _WRONG else meaning for name, meaning in PASSWORD_MEANINGS.items()},
    "member_password_not_found": (
        Unauthenticated,
        "You have no password yet. Set one in the product, then sign in here with it.",
    ),
}


def signed_in(answer: Document) -> SignedIn:
    """Return the new session. Raise SecondFactorRequired, or Unauthenticated if Stytch requires another step."""
    if answer.flag("member_authenticated"):
        return signed_in_value(answer)
    if answer.optional_part("mfa_required") and not answer.optional_part("primary_required"):
        raise SecondFactorRequired(pending_sign_in_value(answer))
    raise Unauthenticated(
        "Your organization requires a further sign-in step, which the portal doesn't support. "
        "Sign in to the product first, then come back.",
        request_id=answer.request_id,
    )


class StytchSessions:
    """Implements portal.directory.sessions.SessionGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def authenticate(self, session_token: str) -> SignedIn:
        """Return the session of a token (POST /v1/b2b/sessions/authenticate). Raise Unauthenticated.

        This doesn't extend the session.
        """
        if not session_token:
            raise Unauthenticated("The session has ended.")
        answer = self._scope.api.post(
            path_of("sessions", "authenticate"), {"session_token": session_token}, is_read=True
        )
        return self.of_this_organization(signed_in_value(answer))

    def sign_in(self, *, email_address: str, password: str) -> SignedIn:
        """Start a session by password (POST /v1/b2b/passwords/authenticate). Raise Unauthenticated."""
        body = {
            "organization_id": self._scope.organization,
            "email_address": email_address,
            "password": password,
            "session_duration_minutes": settings.SESSION_DURATION_MINUTES,
        }
        answer = self._scope.api.post(path_of("passwords", "authenticate"), body, meanings=PASSWORD_MEANINGS)
        return self.of_this_organization(signed_in(answer))

    def confirm_password(self, password: str) -> SignedIn:
        """Renew the session's password factor (POST /v1/b2b/passwords/authenticate). Raise Unauthenticated.

        Without a duration in the request, the session's end stays the same.
        """
        caller = self._scope.signed_in
        if caller is None:
            raise Unauthenticated("The session has ended.")
        body = {
            "organization_id": caller.organization.organization_id,
            "email_address": caller.member.email_address,
            "password": password,
            "session_token": caller.session_token,
        }
        answer = self._scope.api.post(path_of("passwords", "authenticate"), body, meanings=CONFIRM_MEANINGS)
        confirmed = self.of_this_organization(signed_in(answer))
        if confirmed.member.member_id != caller.member.member_id:
            raise Unauthenticated("The session has ended.")
        return confirmed

    def revoke(self, session_token: str) -> None:
        """End the session (POST /v1/b2b/sessions/revoke) if it belongs to this organization."""
        caller = self._scope.signed_in
        with suppress(Unauthenticated):
            if caller is None or caller.session_token != session_token:
                self.authenticate(session_token)
            self._scope.api.post(path_of("sessions", "revoke"), {"session_token": session_token})

    def revoke_session(self, member_session_id: str, *, member_id: str = "") -> None:
        """End one session of a member (POST /v1/b2b/sessions/revoke). Raise NotFound, Forbidden, StepUpRequired."""
        caller = self._scope.signed_in
        require_recent_proof(caller)
        # Stytch would end a session of any organization.
        theirs = {one.text("member_session_id") for one in self.documents_of(member_id)}
        if caller is None or member_session_id not in theirs:
            raise NotFound("This member has no such session.", field="member_session_id")
        body = {"member_session_id": member_session_id}
        self._scope.api.post(path_of("sessions", "revoke"), body, session_token=caller.session_token)

    def revoke_for_member(self, member_id: str) -> None:
        """End all sessions of a member (POST /v1/b2b/sessions/revoke). Raise NotFound, Forbidden, StepUpRequired."""
        caller = self._scope.signed_in
        require_recent_proof(caller)
        # Stytch would end the sessions of a member of any organization. Listing them raises NotFound for another one.
        self.documents_of(member_id)
        if caller is None:
            raise Unauthenticated("The session has ended.")
        body = {"member_id": member_id}
        self._scope.api.post(path_of("sessions", "revoke"), body, session_token=caller.session_token)

    def documents_of(self, member_id: str) -> list[Document]:
        """Return a member's live sessions as Stytch has them (GET /v1/b2b/sessions). The caller checks the permission."""
        caller = self._scope.signed_in
        if caller is None:
            raise Unauthenticated("The session has ended.")
        query = {"organization_id": caller.organization.organization_id, "member_id": member_id}
        return self._scope.api.get(path_of("sessions"), query).parts("member_sessions")

    def of_member(self, member_id: str) -> tuple[SessionSummary, ...]:
        """Return a member's live sessions, newest first. Stytch doesn't tell devices and IP addresses."""
        found = [
            SessionSummary(
                one.text("member_session_id"),
                one.timestamp("started_at"),
                one.timestamp("last_accessed_at"),
                ip_address="",
                user_agent="",
            )
            for one in self.documents_of(member_id)
        ]
        return tuple(sorted(found, key=lambda one: one.started_at, reverse=True))

    def of_this_organization(self, who: SignedIn) -> SignedIn:
        """Return a session. Raise Unauthenticated if it is of another organization."""
        slugs = {who.organization.organization_slug, who.session.organization_slug}
        ids = {who.organization.organization_id, who.session.organization_id, who.member.organization_id}
        if slugs != {self._scope.organization_slug} or len(ids) > 1:
            raise Unauthenticated("The session has ended.")
        return who
