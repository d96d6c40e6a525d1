"""Sessions as products hold them: prolonged, told, revoked and exchanged."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.errors import NotFound, Refused, Unauthenticated
from portal.directory.ids import parse_id, public_id
from portal.directory.members import Member, MemberStatus
from portal.directory.sessions import MOST_TOLD, Authentication, MemberSession, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.members.members import EmbeddedProjectMembers
from portal.embedded.members.project_values import with_registration
from portal.embedded.members.values import member_value, session_value
from portal.embedded.organizations.organizations import with_scim_connection
from portal.embedded.scim.connection import current_token
from portal.embedded.scope import organization_value
from portal.embedded.sessions.discovery import start_intermediate_session
from portal.embedded.sessions.sessions import (
    EmbeddedSessions,
    end_choices,
    is_live,
    may_use_password,
    member_as_caller,
    record_session,
    signed_in_value,
    start_session,
)

_REVOKE = "revoke-sessions"


def change(row: models.MemberSessionRow, terms: SessionTerms) -> None:
    """Put what a product asks for into a session that is locked. Raises Invalid."""
    if terms.duration_minutes is not None:
        row.expires_at = timezone.now() + timedelta(minutes=terms.duration_minutes)
    row.custom_claims = terms.claims_after(row.custom_claims)
    row.save(update_fields=["expires_at", "custom_claims"])


class EmbeddedProjectSessions(EmbeddedSessions):
    """Implements portal.directory.sessions.ProjectSessionGateway."""

    def prolong(self, terms: SessionTerms) -> SignedIn:
        """Return the acting member's session as the terms have it. Raises Invalid, Unauthenticated."""
        terms.check()
        held = self._scope.signed_in
        if held is None:
            raise Unauthenticated("The session has ended, or never was.", error_type="session_not_found")
        if terms == SessionTerms():
            return held
        with transaction.atomic():
            row = (
                self._rows()
                .select_for_update(of=("self",))
                .filter(pk=parse_id("member-session", held.session.member_session_id))
                .first()
            )
            if row is None or not is_live(row):
                raise Unauthenticated("The session has ended.", error_type="session_not_found")
            change(row, terms)
        return signed_in_value(row, held.session_token)

    def jwt(self, signed_in: SignedIn) -> str:
        """Return a JWT of the session that is good for five minutes."""
        # Loads what signs, which only processes that serve products need.
        from portal.embedded.sessions import jwts  # noqa: PLC0415 -- as above

        return jwts.signed(signed_in)

    def of_member(self, member_id: str) -> tuple[MemberSession, ...]:
        """Return a member's live sessions, the newest first, MOST_TOLD at most. Raises NotFound."""
        value = self._member(member_id)
        rows = self._live().filter(member=parse_id("member", value.member_id)).order_by("-started_at")[:MOST_TOLD]
        return tuple(session_value(row, value) for row in rows)

    def revoke_session(self, member_session_id: str) -> None:
        """End one session, at once. Raises NotFound, Refused."""
        key = parse_id("member-session", member_session_id)
        with transaction.atomic():
            row = self._rows().select_for_update(of=("self",)).filter(pk=key).first()
            if row is None:
                raise NotFound("There is no such session.", field="member_session_id", error_type="session_not_found")
            if not self._is_own(row.member_id):
                self._scope.require(f"stytch.member:{_REVOKE}")
            self._end([row])
            end_choices([row.member_id])

    def revoke_for_member(self, member_id: str) -> None:
        """End all sessions of a member. Raises NotFound, Refused."""
        key = parse_id("member", self._member(member_id).member_id)
        self._scope.require(f"{'stytch.self' if self._is_own(key) else 'stytch.member'}:{_REVOKE}")
        with transaction.atomic():
            self._end(list(self._rows().select_for_update(of=("self",)).filter(member=key, revoked_at=None)))
            end_choices([key])

    def whole(self, signed_in: SignedIn) -> SignedIn:
        """Return a session with all that is told of its member and organization."""
        organization = with_scim_connection(signed_in.organization, current_token(self._scope.organization_id))
        held = self._scope.held
        known = held.member if held and public_id("member", held.member_id) == signed_in.member.member_id else None
        if known and not hasattr(known, "scim_user"):
            # No identity provider has pushed them: there is nothing to ask for.
            return replace(signed_in, organization=organization)
        return replace(signed_in, organization=organization, member=with_registration(signed_in.member))

    def exchange(self, holder: SignedIn, terms: SessionTerms) -> Authentication:
        """Start a session in this organization for who holds one in another. Raises Invalid, Refused, NotFound."""
        terms.check()
        if not holder.member.email_address_verified:
            # Whoever administers another organization may have given its member this address.
            raise Refused(
                "The session's e-mail address is not verified. Sign in to the organization itself.",
                error_type="insufficient_factors_for_session_exchange",
            )
        with transaction.atomic():
            member = self._same_person(holder)
            if not may_use_password(member):
                return self._wants_another_way(member)
            if member.status != MemberStatus.ACTIVE:
                self._accept(member)
            started = start_session(
                member, self._scope.origin, password_entered_at=None, terms=terms, exchanged_for=holder
            )
        return Authentication(started.member, started.organization, started)

    def _same_person(self, holder: SignedIn) -> models.MemberRow:
        members = models.MemberRow.objects.select_related("organization", "scim_user").select_for_update(of=("self",))
        member = (
            members.filter(
                organization_id=self._scope.organization_id,
                email_address_folded=fold_address(holder.member.email_address),
            )
            .exclude(status=MemberStatus.DELETED)
            .first()
        )
        if member is None:
            raise NotFound(
                "The organization has no member with the session's e-mail address.",
                error_type="member_does_not_exist_in_organization",
            )
        return member

    def _accept(self, member: models.MemberRow) -> None:
        before = {"status": str(member.status)}
        member.status, member.email_address_verified = MemberStatus.ACTIVE, True
        member.save(update_fields=["status", "email_address_verified", "updated_at"])
        record(
            member_as_caller(member, self._scope.origin),
            "member.accept_invitation",
            organization_id=member.organization_id,
            target_id=public_id("member", member.pk),
            target_name=member.email_address,
            before=before,
            after={"status": str(member.status)},
        )

    def _wants_another_way(self, member: models.MemberRow) -> Authentication:
        # It stands for no member, so that the portal's own discovery signs nobody in by it.
        session, token = start_intermediate_session(member.email_address, ())
        organization = organization_value(member.organization)
        return Authentication(
            member_value(member),
            organization,
            None,
            intermediate_session_token=token,
            intermediate_session_token_expires_at=session.expires_at,
            allowed_auth_methods=organization.settings.allowed_auth_methods,
        )

    def _member(self, member_id: str) -> Member:
        return EmbeddedProjectMembers(self._scope).get(member_id)

    def _is_own(self, key: UUID) -> bool:
        signed_in = self._scope.signed_in
        return signed_in is not None and parse_id("member", signed_in.member.member_id) == key

    def _end(self, rows: list[models.MemberSessionRow]) -> None:
        for row in rows:
            if row.revoked_at is None:
                row.revoked_at = timezone.now()
                row.save(update_fields=["revoked_at"])
                record_session(row, "member_session.revoke", self._scope.caller)

    def _rows(self) -> QuerySet[models.MemberSessionRow]:
        rows = models.MemberSessionRow.objects.select_related("member__organization", "member__scim_user")
        return rows.filter(organization_id=self._scope.organization_id)

    def _live(self) -> QuerySet[models.MemberSessionRow]:
        now = timezone.now()
        used = Q(ends_when_idle=False) | Q(last_accessed_at__gte=now - timedelta(minutes=settings.SESSION_IDLE_MINUTES))
        return self._rows().filter(used, revoked_at=None, expires_at__gt=now)
