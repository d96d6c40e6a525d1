"""Passwords as products use them: checked, brought along, and replaced."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, Invalid, Refused, Unauthenticated
from portal.directory.ids import parse_id, public_id
from portal.directory.members import Member, MemberChanges, MemberStatus
from portal.directory.passwords import Migrant, PasswordHash
from portal.directory.sessions import Authentication, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.members.members import EmbeddedProjectMembers
from portal.embedded.passwords.change import change_password
from portal.embedded.passwords.migrated import encoded_hash
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scope import Scope
from portal.embedded.sessions.project_sessions import change
from portal.embedded.sessions.sessions import (
    is_live,
    may_use_password,
    member_as_caller,
    password_is_right,
    signed_in_value,
    start_session,
)

_RECENT = timedelta(minutes=5)  # Stytch: of the factor by which a password may be replaced


class EmbeddedProjectPasswords:
    """Implements portal.directory.passwords.ProjectPasswordGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def authenticate(
        self, *, email_address: str, password: str, terms: SessionTerms, current: SignedIn | None = None
    ) -> Authentication:
        """Start a session by password. Raises Invalid, Refused, and Unauthenticated, in the same time, whatever was wrong."""
        terms.check()
        member = self._proved(email_address, password)
        with transaction.atomic():
            return self._go_on(member, terms, current)

    def migrate(self, migrant: Migrant, password: PasswordHash) -> tuple[Member, bool]:
        """Give a member the password of a hash, and say whether the member was made for it.

        Only the project may. Raises Invalid, Conflict, Refused.
        """
        if self._scope.signed_in:
            raise Refused("Only the project itself may bring a password along: send no member session.")
        encoded = encoded_hash(password)
        members, wanted = EmbeddedProjectMembers(self._scope), _changes(migrant)
        with transaction.atomic():
            named = self._members().filter(email_address_folded=fold_address(migrant.email_address.strip()))
            seen = named.exclude(status=MemberStatus.DELETED).first()
            if seen is None:
                value = members.create(replace(wanted, email_address=migrant.email_address))
            else:
                # What the product calls a member who is there already stays.
                value = members.update(public_id("member", seen.pk), replace(wanted, external_id=None))
            row = self._members().select_for_update(of=("self",)).get(pk=parse_id("member", value.member_id))
            if row.password:
                raise Conflict(
                    "The member has a password already.", field="email_address", error_type="member_password_exists"
                )
            row.email_address_verified, row.status = True, MemberStatus.ACTIVE
            row.save(update_fields=["email_address_verified", "status", "updated_at"])
            change_password(row, encoded, self._scope.caller)
            return members.get(value.member_id), seen is None

    def reset_by_existing_password(
        self,
        *,
        email_address: str,
        existing_password: str,
        new_password: str,
        terms: SessionTerms,
        current: SignedIn | None = None,
    ) -> Authentication:
        """Replace a password by a new one. Raises as authenticate, and Invalid for a weak password."""
        terms.check()
        member = self._proved(email_address, existing_password)
        check_new_password(new_password, email_address=member.email_address, field="new_password")
        return self._replace(member, new_password, terms, current)

    def reset_by_session(self, *, password: str, terms: SessionTerms) -> Authentication:
        """Replace the acting member's password. Raises Refused, Invalid, Unauthenticated."""
        terms.check()
        holder = self._scope.signed_in
        if holder is None:
            raise Unauthenticated("The session has ended, or never was.", error_type="session_not_found")
        entered_at = holder.session.password_entered_at
        if entered_at is None or entered_at < timezone.now() - _RECENT:
            raise Refused(
                "The password was not entered in this session within the last five minutes.",
                error_type="session_too_old_to_reset_password",
            )
        member = self._members().get(pk=parse_id("member", holder.member.member_id))
        self._check_method(member)
        check_new_password(password, email_address=member.email_address)
        return self._replace(member, password, terms, holder, is_entered=False)

    def _proved(self, email_address: str, password: str) -> models.MemberRow:
        """Return whose password it is. Raises Unauthenticated, Refused."""
        found = (
            self._members().filter(email_address_folded=fold_address(email_address), status=MemberStatus.ACTIVE).first()
        )
        if not password_is_right(found, password) or found is None:
            raise Unauthenticated(
                "The e-mail address or the password is not right.", error_type="unauthorized_credentials"
            )
        self._check_method(found)
        return found

    @staticmethod
    def _check_method(member: models.MemberRow) -> None:
        if not may_use_password(member):
            raise Refused(
                "The organization does not allow signing in by password.",
                error_type="operation_restricted_by_organization_auth_methods",
            )

    def _replace(
        self,
        member: models.MemberRow,
        password: str,
        terms: SessionTerms,
        current: SignedIn | None,
        *,
        is_entered: bool = True,
    ) -> Authentication:
        encoded, known = make_password(password), member.password
        with transaction.atomic():
            locked = self._members().select_for_update(of=("self",)).get(pk=member.pk)
            if locked.password != known or locked.status != MemberStatus.ACTIVE:
                raise Unauthenticated("The password was changed meanwhile.", error_type="unauthorized_credentials")
            keep = _key(current) if current else None
            change_password(locked, encoded, member_as_caller(locked, self._scope.origin), keep=keep)
            return self._go_on(locked, terms, current, is_entered=is_entered)

    def _go_on(
        self, member: models.MemberRow, terms: SessionTerms, current: SignedIn | None, *, is_entered: bool = True
    ) -> Authentication:
        """Return the session that the member goes on with: the current one, or a new one."""
        if current is None:
            started = start_session(member, self._scope.origin, password_entered_at=timezone.now(), terms=terms)
            return Authentication(started.member, started.organization, started)
        sessions = models.MemberSessionRow.objects.select_related("member__organization", "member__scim_user")
        row = sessions.select_for_update(of=("self",)).filter(member=member, pk=_key(current)).first()
        if row is None or not is_live(row):
            raise Invalid(
                "The session is another member's.",
                field="session_token",
                error_type="member_session_member_id_mismatch",
            )
        if is_entered:
            row.password_entered_at = timezone.now()
            row.save(update_fields=["password_entered_at"])
        change(row, terms)
        went_on = signed_in_value(row, current.session_token)
        return Authentication(went_on.member, went_on.organization, went_on)

    def _members(self) -> QuerySet[models.MemberRow]:
        rows = models.MemberRow.objects.select_related("organization", "scim_user")
        return rows.filter(organization_id=self._scope.organization_id)


def _changes(migrant: Migrant) -> MemberChanges:
    return MemberChanges(
        name=migrant.name,
        roles=None if migrant.roles is None else list(migrant.roles),
        external_id=migrant.external_id,
        trusted_metadata=migrant.trusted_metadata,
        untrusted_metadata=migrant.untrusted_metadata,
    )


def _key(signed_in: SignedIn) -> UUID:
    return parse_id("member-session", signed_in.session.member_session_id)
