"""Passwords as products use them: check, migrate and replace them."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, Forbidden, Unauthenticated
from portal.directory.ids import parse_id, public_id
from portal.directory.members import Member, MemberChanges, MemberStatus
from portal.directory.organizations import PASSWORD
from portal.directory.passwords import MigratedMember, PasswordHash
from portal.directory.sessions import (
    NOTHING_BEFORE,
    Authentication,
    AuthenticationFactor,
    Continuation,
    SessionTerms,
    SignedIn,
)
from portal.embedded import models
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.passwords.breaches import require_not_breached
from portal.embedded.passwords.migrated import encoded_hash
from portal.embedded.passwords.stored import change_password, must_reset, password_matches, reset_required
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scope import Scope
from portal.embedded.sessions.lifecycle import member_as_caller, session_not_found
from portal.embedded.sign_in.methods import may_use
from portal.embedded.sign_in.outcome import signed_in_or_missing
from portal.metrics import FAILED_SIGN_INS

# Stytch: a session may replace the password within this time after the password was entered.
_RECENT = timedelta(minutes=5)


class EmbeddedPasswords:
    """Implements portal.directory.passwords.ProjectPasswordGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def authenticate(
        self, *, email_address: str, password: str, terms: SessionTerms, before: Continuation = NOTHING_BEFORE
    ) -> Authentication:
        """Start a session by password. Raise Unauthenticated, taking the same time for every cause; Invalid, Forbidden."""
        terms.check()
        member = self._authenticated_member(email_address, password)
        with transaction.atomic():
            return signed_in_or_missing(self._scope, member, _entered(), terms, before)

    def migrate(self, migrated: MigratedMember, password: PasswordHash) -> tuple[Member, bool]:
        """Give a member the password of a hash, and say whether the member was created. Raise Invalid, Conflict, Forbidden."""
        if self._scope.signed_in:
            raise Forbidden("Only the project can migrate passwords. Leave out the member session.")
        encoded = encoded_hash(password)
        members, changes = EmbeddedMembers(self._scope), _changes(migrated)
        with transaction.atomic():
            named = self._members().filter(email_address_folded=fold_address(migrated.email_address.strip()))
            existing = named.exclude(status=MemberStatus.DELETED).first()
            if existing is None:
                value = members.create(replace(changes, email_address=migrated.email_address))
            else:
                # An existing member keeps their external ID.
                value = members.update(public_id("member", existing.pk), replace(changes, external_id=None))
            row = self._members().select_for_update(of=("self",)).get(pk=parse_id("member", value.member_id))
            if row.password:
                raise Conflict(
                    "The member already has a password.", field="email_address", error_type="member_password_exists"
                )
            row.email_address_verified, row.status = True, MemberStatus.ACTIVE
            row.save(update_fields=["email_address_verified", "status", "updated_at"])
            change_password(row, encoded, self._scope.caller, is_notified=False)
            return members.get(value.member_id), existing is None

    def reset_by_existing_password(
        self,
        *,
        email_address: str,
        existing_password: str,
        new_password: str,
        terms: SessionTerms,
        before: Continuation = NOTHING_BEFORE,
    ) -> Authentication:
        """Replace a password. Raise what `authenticate` raises, and Invalid for a weak password."""
        terms.check()
        member = self._authenticated_member(email_address, existing_password)
        check_new_password(new_password, email_address=member.email_address, field="new_password")
        return self._replace(member, new_password, terms, before)

    def reset_by_session(self, *, password: str, terms: SessionTerms) -> Authentication:
        """Replace the acting member's password. Raise Forbidden, Invalid, Unauthenticated."""
        terms.check()
        holder = self._scope.signed_in
        if holder is None:
            raise session_not_found()
        entered_at = holder.session.password_entered_at
        if entered_at is None or entered_at < timezone.now() - _RECENT:
            raise Forbidden(
                "The password was not entered in this session within the last five minutes.",
                error_type="session_too_old_to_reset_password",
            )
        member = self._members().get(pk=parse_id("member", holder.member.member_id))
        self._require_passwords_allowed(member)
        check_new_password(password, email_address=member.email_address)
        return self._replace(member, password, terms, Continuation(session=holder), is_entered=False)

    def _authenticated_member(self, email_address: str, password: str) -> models.MemberRow:
        found = (
            self._members().filter(email_address_folded=fold_address(email_address), status=MemberStatus.ACTIVE).first()
        )
        if not password_matches(found, password) or found is None:
            FAILED_SIGN_INS.labels("wrong_password").inc()
            raise Unauthenticated("Incorrect email or password.", error_type="unauthorized_credentials")
        if must_reset(found):
            FAILED_SIGN_INS.labels("reset_required").inc()
            raise reset_required()
        self._require_passwords_allowed(found)
        require_not_breached(password)
        return found

    @staticmethod
    def _require_passwords_allowed(member: models.MemberRow) -> None:
        if not may_use(member, PASSWORD):
            raise Forbidden(
                "The organization does not allow signing in by password.",
                error_type="operation_restricted_by_organization_auth_methods",
            )

    def _replace(
        self,
        member: models.MemberRow,
        password: str,
        terms: SessionTerms,
        before: Continuation,
        *,
        is_entered: bool = True,
    ) -> Authentication:
        encoded, known = make_password(password), member.password
        with transaction.atomic():
            locked = self._members().select_for_update(of=("self",)).get(pk=member.pk)
            if locked.password != known or locked.status != MemberStatus.ACTIVE:
                raise Unauthenticated(
                    "The password was changed in the meantime.", error_type="unauthorized_credentials"
                )
            keep = _session_key(before.session) if before.session else None
            change_password(locked, encoded, member_as_caller(locked, self._scope.origin), keep=keep)
            factor = _entered() if is_entered else None
            return signed_in_or_missing(self._scope, locked, factor, terms, before)

    def _members(self) -> QuerySet[models.MemberRow]:
        return self._scope.of(models.MemberRow).select_related("organization", "scim_user")


def _changes(migrated: MigratedMember) -> MemberChanges:
    return MemberChanges(
        name=migrated.name,
        roles=None if migrated.roles is None else list(migrated.roles),
        external_id=migrated.external_id,
        trusted_metadata=migrated.trusted_metadata,
        untrusted_metadata=migrated.untrusted_metadata,
    )


def _entered() -> AuthenticationFactor:
    """Return the factor of a password that was entered just now."""
    now = timezone.now()
    return AuthenticationFactor("password", "knowledge", now, now)


def _session_key(signed_in: SignedIn) -> UUID:
    return parse_id("member-session", signed_in.session.member_session_id)
