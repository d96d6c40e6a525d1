"""Member sessions of one organization."""

from dataclasses import replace
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Forbidden, NotFound, Unauthenticated
from portal.directory.ids import parse_id, public_id
from portal.directory.members import MemberStatus
from portal.directory.organizations import PASSWORD
from portal.directory.sessions import (
    MAX_LISTED,
    NOTHING_BEFORE,
    Authentication,
    AuthenticationFactor,
    Continuation,
    MemberSession,
    SessionEndCause,
    SessionEnded,
    SessionTerms,
    SignedIn,
    TrustedAuthTokenFactor,
)
from portal.directory.trusted_tokens import TrustedToken
from portal.embedded import models
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.values import with_registration
from portal.embedded.organizations.organizations import with_scim_connection
from portal.embedded.passwords.breaches import require_not_breached
from portal.embedded.passwords.stored import must_reset, password_is_right, password_matches, reset_required
from portal.embedded.scim.connection import current_token
from portal.embedded.scope import Scope
from portal.embedded.second_factors.policy import has_second_factor, needs_second_factor, own_factors
from portal.embedded.sessions import limits
from portal.embedded.sessions.lifecycle import (
    any_session_of_token,
    end_intermediate_sessions,
    end_of,
    is_live,
    member_as_caller,
    opens_portal,
    record_session,
    record_use,
    revoke_rows,
    session_not_found,
    session_value,
    signed_in_value,
    start_session,
    update_session,
)
from portal.embedded.sign_in.discovery import exchange_intermediate_session
from portal.embedded.sign_in.joining import activate, locked_member
from portal.embedded.sign_in.methods import is_enough, may_use
from portal.embedded.sign_in.outcome import (
    open_portal,
    signed_in_or_missing,
    without_second_factor,
    without_session,
)
from portal.embedded.tokens import token_hash
from portal.metrics import FAILED_SIGN_INS

_REVOKE = "revoke-sessions"


class EmbeddedSessions:
    """Implements portal.directory.sessions.ProjectSessionGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def authenticate(self, session_token: str) -> SignedIn:
        """Return the session of a token, and record its use. Raise SessionEnded if it isn't live in this organization."""
        row = any_session_of_token(session_token)
        # The session of a frame opens no page at top level.
        is_framed = row is not None and row.embedding is not None
        if row is None or is_framed or row.member.organization.slug != self._scope.organization_slug:
            raise SessionEnded
        if not is_live(row) or not opens_portal(row):
            raise SessionEnded(end_of(row))
        record_use(row)
        return signed_in_value(row, session_token)

    def sign_in(self, *, email_address: str, password: str) -> SignedIn:
        """Start a session by password. Raise Unauthenticated, taking the same time for every cause; SecondFactorRequired."""
        members = self._scope.of(models.MemberRow).select_related("organization", "scim_user")
        member = members.filter(email_address_folded=fold_address(email_address), status=MemberStatus.ACTIVE).first()
        if not password_matches(member, password) or member is None:
            FAILED_SIGN_INS.labels("wrong_password").inc()
            raise Unauthenticated("Incorrect email or password.")
        if must_reset(member):
            FAILED_SIGN_INS.labels("reset_required").inc()
            raise reset_required()
        if not may_use(member, PASSWORD):
            FAILED_SIGN_INS.labels("password_not_allowed").inc()
            raise Unauthenticated(
                "The organization does not allow signing in by password.",
                error_type="operation_restricted_by_organization_auth_methods",
            )
        require_not_breached(password)
        now = timezone.now()
        entered = AuthenticationFactor("password", "knowledge", now, now)
        with transaction.atomic():
            outcome = signed_in_or_missing(self._scope, member, entered, None, NOTHING_BEFORE)
        return open_portal(outcome)

    def confirm_password(self, password: str) -> SignedIn:
        """Record that the acting member entered their password again. Raise Unauthenticated if it's wrong."""
        token = self._scope.require_own_account().session_token if self._scope.signed_in else ""
        row = self._rows().filter(token_hash=token_hash(token), revoked_at=None).first()
        if row is None:
            raise Unauthenticated("The session has ended.")
        if not password_is_right(row.member, password):
            FAILED_SIGN_INS.labels("wrong_password").inc()
            raise Unauthenticated("Incorrect password.")
        row.password_entered_at = timezone.now()
        with transaction.atomic():
            row.save(update_fields=["password_entered_at"])
            record_session(row, "member_session.confirm_password", member_as_caller(row.member, self._scope.origin))
        return signed_in_value(row, token)

    def revoke(self, session_token: str) -> None:
        """End the session of a token. An unknown token isn't an error."""
        with transaction.atomic():
            rows = self._rows().select_for_update(of=("self",))
            row = rows.filter(token_hash=token_hash(session_token), revoked_at=None).first()
            if row is not None:
                caller = member_as_caller(row.member, self._scope.origin)
                revoke_rows([row], SessionEndCause.MEMBER, caller)
                end_intermediate_sessions([row.member_id])

    def extend(self, terms: SessionTerms) -> SignedIn:
        """Apply the terms to the acting member's session. Raise Invalid for terms that aren't allowed, Unauthenticated."""
        terms.check()
        current = self._scope.signed_in
        if current is None:
            raise session_not_found()
        if terms == SessionTerms():
            return current
        with transaction.atomic():
            rows = self._rows().select_for_update(of=("self",))
            row = rows.filter(pk=parse_id("member-session", current.session.member_session_id)).first()
            if row is None or not is_live(row):
                raise session_not_found()
            update_session(row, terms)
        return signed_in_value(row, current.session_token)

    def jwt(self, signed_in: SignedIn) -> str:
        """Return a JWT of the session, valid for five minutes."""
        # Imported here: only processes that serve products need the libraries that sign.
        from portal.embedded.sessions import jwts  # noqa: PLC0415 -- as above

        return jwts.signed(signed_in)

    def list_for_member(self, member_id: str) -> tuple[MemberSession, ...]:
        """Return a member's live sessions, newest first, at most MAX_LISTED. Raise NotFound."""
        member = EmbeddedMembers(self._scope).get(member_id)
        now = timezone.now()
        own = self._rows().filter(member=parse_id("member", member.member_id), revoked_at=None, expires_at__gt=now)
        chosen = self._scope.organization.settings
        live = own.filter(limits.live(chosen, now))
        rows = live.order_by("-started_at")[:MAX_LISTED]
        return tuple(session_value(row, member) for row in rows)

    def revoke_session(self, member_session_id: str, *, member_id: str = "") -> None:
        """End one session. Raise NotFound, Forbidden, StepUpRequired."""
        key = parse_id("member-session", member_session_id)
        owner = {"member_id": parse_id("member", member_id)} if member_id else {}
        with transaction.atomic():
            row = self._rows().select_for_update(of=("self",)).filter(pk=key, **owner).first()
            if row is None:
                raise NotFound(
                    "The organization has no such session.", field="member_session_id", error_type="session_not_found"
                )
            if not self._is_own(row.member_id):
                self._scope.require(f"stytch.member:{_REVOKE}")
            self._scope.require_recent_proof()
            self._revoke_rows([row])
            end_intermediate_sessions([row.member_id])

    def revoke_for_member(self, member_id: str) -> None:
        """End all sessions of a member. Raise NotFound, Forbidden."""
        key = parse_id("member", EmbeddedMembers(self._scope).get(member_id).member_id)
        self._scope.require(f"{'stytch.self' if self._is_own(key) else 'stytch.member'}:{_REVOKE}")
        self._scope.require_recent_proof()
        with transaction.atomic():
            # Devices first: a sign-in that uses one locks it, so its session is there by now.
            self._scope.of(models.RememberedDeviceRow).filter(member_id=key).delete()
            self._revoke_rows(list(self._rows().select_for_update(of=("self",)).filter(member=key, revoked_at=None)))
            end_intermediate_sessions([key])

    def with_details(self, signed_in: SignedIn) -> SignedIn:
        """Return a session with its organization's SCIM connection and its member's SCIM registration."""
        organization = with_scim_connection(signed_in.organization, current_token(self._scope.organization_id))
        read = self._scope.session
        member = read.member if read and public_id("member", read.member_id) == signed_in.member.member_id else None
        if member and not hasattr(member, "scim_user"):
            # Not provisioned, which was read with the session: save the query.
            return replace(signed_in, organization=organization)
        return replace(signed_in, organization=organization, member=with_registration(signed_in.member))

    def exchange(self, holder: SignedIn, terms: SessionTerms) -> Authentication:
        """Start a session here for the holder of one in another organization. Raise Invalid, Forbidden, NotFound."""
        terms.check()
        if not holder.member.email_address_verified:
            # An admin of the other organization may have given its member any address.
            raise Forbidden(
                "The session's email address is not verified. Sign in to the organization itself.",
                error_type="insufficient_factors_for_session_exchange",
            )
        with transaction.atomic():
            member = self._member_with_address(holder.member.email_address)
            # Second factors are of one organization's member.
            factors = own_factors(member, holder.session.authentication_factors)
            if not is_enough(member, factors):
                return without_session(member, factors)
            activate(member, member_as_caller(member, self._scope.origin))
            if needs_second_factor(member) and not has_second_factor(member, factors):
                return without_second_factor(self._scope, member, factors)
            started = start_session(
                member,
                self._scope.origin,
                password_entered_at=None,
                terms=terms,
                factors=factors,
                is_own_device=self._scope.project is None,
            )
        return Authentication(started.member, started.organization, started)

    def attest(self, token: TrustedToken, terms: SessionTerms, before: Continuation = NOTHING_BEFORE) -> SignedIn:
        """Start a session with a verified token, or add it to one. Raise NotFound, Forbidden, Invalid."""
        now = timezone.now()
        factor = AuthenticationFactor(
            "trusted_auth_token",
            "trusted_token_exchange",
            now,
            now,
            trusted_auth_token_factor=TrustedAuthTokenFactor(token.token_id),
        )
        return self._start_by(factor, token.email_address, terms, before)

    def migrate(self, email_address: str, terms: SessionTerms) -> SignedIn:
        """Start a session of someone who has one elsewhere. Raise NotFound, Forbidden, Invalid."""
        now = timezone.now()
        # Stytch's SDKs know no other delivery method of this type.
        return self._start_by(AuthenticationFactor("imported", "imported_auth0", now, now), email_address, terms)

    def _start_by(
        self,
        factor: AuthenticationFactor,
        email_address: str,
        terms: SessionTerms,
        before: Continuation = NOTHING_BEFORE,
    ) -> SignedIn:
        """Start the session of the active member with an address by what another system vouches for, or add that to one."""
        terms.check()
        with transaction.atomic():
            member = locked_member(self._scope, email_address)
            if member is None or member.status != MemberStatus.ACTIVE:
                raise NotFound(
                    "The organization has no active member with the token's email address.",
                    error_type="member_not_found",
                )
            if before == NOTHING_BEFORE and needs_second_factor(member) and is_enough(member, [factor]):
                # Before a code is asked for, which nobody could enter, and which counts as one that was sent.
                raise _second_factor_missing()
            outcome = signed_in_or_missing(self._scope, member, factor, terms, before)
            if outcome.signed_in is None:
                # The response has no room for what is missing (Stytch). The error takes the intermediate session back.
                raise _second_factor_missing() if outcome.mfa_required else _not_allowed()
        return outcome.signed_in

    def exchange_intermediate_session(self, intermediate_session_token: str, terms: SessionTerms) -> Authentication:
        """Sign a person in to this organization, which they chose. Raise Unauthenticated, NotFound."""
        return exchange_intermediate_session(self._scope, intermediate_session_token, terms)

    def _member_with_address(self, email_address: str) -> models.MemberRow:
        members = self._scope.of(models.MemberRow).select_related("organization", "scim_user")
        named = members.filter(email_address_folded=fold_address(email_address)).exclude(status=MemberStatus.DELETED)
        member = named.select_for_update(of=("self",)).first()
        if member is None:
            raise NotFound(
                "The organization has no member with the session's email address.",
                error_type="member_does_not_exist_in_organization",
            )
        return member

    def _is_own(self, key: UUID) -> bool:
        signed_in = self._scope.signed_in
        return signed_in is not None and parse_id("member", signed_in.member.member_id) == key

    def _revoke_rows(self, rows: list[models.MemberSessionRow]) -> None:
        live = [row for row in rows if row.revoked_at is None]
        if live:
            # All of them are of one member.
            revoke_rows(live, self._cause(live[0]), self._scope.caller)

    def _cause(self, row: models.MemberSessionRow) -> str:
        """Return what the member may read about the end of their session; "" if a product's backend ended it."""
        if self._scope.signed_in is None:
            return ""
        return SessionEndCause.MEMBER if self._is_own(row.member_id) else SessionEndCause.ADMIN

    def _rows(self) -> QuerySet[models.MemberSessionRow]:
        return self._scope.of(models.MemberSessionRow).select_related("member__organization", "member__scim_user")


def _second_factor_missing() -> Forbidden:
    return Forbidden(
        "The member needs a second factor. Add the token to a session that has one.",
        error_type="insufficient_factors",
    )


def _not_allowed() -> Forbidden:
    return Forbidden(
        "The organization allows only some sign-in methods, and trusted auth tokens are none of them.",
        error_type="operation_restricted_by_organization_auth_methods",
    )
