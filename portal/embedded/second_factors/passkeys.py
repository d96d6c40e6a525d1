"""Passkeys of one organization's members."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from portal.directory.ids import parse_id
from portal.directory.members import Member
from portal.directory.passkeys import MAX_NAME, MAX_PASSKEYS, AddedPasskey, Passkey
from portal.directory.permissions import Permission
from portal.directory.second_factors import NO_CHOICES, PASSKEY, WrongCode
from portal.directory.sessions import AuthenticationFactor, Continuation, SignedIn, WebauthnFactor
from portal.directory.step_up import require_recent_proof
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.database.batches import MAX_ROWS, delete_rows
from portal.embedded.database.integrity import is_text
from portal.embedded.members import notices
from portal.embedded.members.values import member_id as id_of
from portal.embedded.members.values import member_value
from portal.embedded.scope import Scope, across_organizations, settings_value
from portal.embedded.second_factors import stored, webauthn_responses
from portal.embedded.second_factors.policy import passkey_public_id, require_second_factor
from portal.embedded.second_factors.proof import Proof, complete, locked_member, proved
from portal.embedded.second_factors.recovery_codes import replace as replace_recovery_codes
from portal.embedded.sessions.lifecycle import member_as_caller

LIFETIME = timedelta(minutes=5)
# Unused challenges of one member. Beyond that, the oldest are deleted.
_MAX_CHALLENGES = 20
_CHALLENGE_BYTES = 32
_FAILED = "Your device didn’t confirm. Try again or use another way."


class EmbeddedPasskeys:
    """Implements portal.directory.passkeys.PasskeyGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def are_supported(self) -> bool:
        """Whether browsers accept passkeys for this server."""
        return bool(webauthn_responses.domain())

    def own(self) -> tuple[Passkey, ...]:
        """Return the acting member's passkeys, the oldest first."""
        return tuple(_value(row) for row in self._of(self._own_key()))

    def creation_options(self, member_id: str, *, before: Continuation) -> Mapping[str, Any]:
        """Return the options to create a passkey. Raise Unauthenticated, StepUpRequired, Forbidden, Conflict, NotFound."""
        with transaction.atomic():
            proof = self._may_add(member_id, before)
            challenge = self._challenge(proof, is_creation=True)
            return webauthn_responses.creation_options(proof.member, challenge, list(self._of(proof.member.pk)))

    def add(self, member_id: str, credential: str, *, name: str, before: Continuation) -> AddedPasskey:
        """Add a passkey, and continue `before` with it. Raise what `creation_options` does, Invalid, WrongCode."""
        chosen = _checked_name(name)
        response = webauthn_responses.read(credential)
        with transaction.atomic():
            proof = self._may_add(member_id, before)
            challenge = self._used(proof, response, is_creation=True)
        # The challenge is used up, also if the response is wrong.
        new = webauthn_responses.created(response, challenge) if response and challenge else None
        if new is None:
            raise _wrong()
        with transaction.atomic():
            proof = self._may_add(member_id, before)
            member = proof.member
            row = models.PasskeyRow(
                organization_id=member.organization_id,
                member=member,
                credential_id=new.credential_id,
                public_key=new.public_key,
                sign_count=new.sign_count,
                transports=list(new.transports),
                is_synced=new.is_synced,
                name=chosen or webauthn_responses.suggested_name(new, self._scope.origin.user_agent),
                last_used_at=timezone.now(),
            )
            try:
                with transaction.atomic():
                    row.save(force_insert=True)
            except IntegrityError:
                raise Conflict("This passkey was added already.") from None
            codes = () if member.totp_id or member.passkey_count else replace_recovery_codes(member)
            member.passkey_count += 1
            member.save(update_fields=["passkey_count", "updated_at"])
            entry = self._record("member.add_passkey", member, {}, {"name": row.name})
            notices.second_factor_added(member, PASSKEY, entry)
            signed_in = complete(self._scope, proof, self._factor(row), None, NO_CHOICES)
        return AddedPasskey(signed_in, _value(row), codes)

    def request_options(self, member_id: str, *, before: Continuation) -> Mapping[str, Any]:
        """Return the options to confirm with a passkey. Raise Unauthenticated, Forbidden, NotFound."""
        with transaction.atomic():
            proof = proved(self._scope, member_id, before)
            _require_allowed(proof.member)
            rows = list(self._of(proof.member.pk))
            if not rows or not self.are_supported:
                raise NotFound("The member has no passkey here.")
            return webauthn_responses.request_options(self._challenge(proof, is_creation=False), rows)

    def authenticate(self, member_id: str, credential: str, *, before: Continuation) -> SignedIn:
        """Add a passkey's response to `before`. Raise WrongCode, Unauthenticated, Forbidden."""
        response = webauthn_responses.read(credential)
        with transaction.atomic():
            proof = proved(self._scope, member_id, before)
            _require_allowed(proof.member)
            challenge = self._used(proof, response, is_creation=False)
            row = self._with_credential(proof.member, response) if response and challenge else None
            if row and response and challenge and webauthn_responses.use(row, response, challenge):
                row.last_used_at = timezone.now()
                row.save(update_fields=["sign_count", "is_synced", "last_used_at"])
                return complete(self._scope, proof, self._factor(row), None, NO_CHOICES)
        # After the transaction, which keeps the challenge from being used again.
        raise _wrong()

    def rename(self, passkey_id: str, name: str) -> Passkey:
        """Rename a passkey of the acting member. Raise NotFound, Invalid."""
        chosen = _checked_name(name)
        if not chosen:
            raise Invalid("Enter a name.", field="name")
        with transaction.atomic():
            member = locked_member(self._scope, self._scope.require_own_account().member.member_id)
            row = self._own(member, passkey_id)
            if row.name != chosen:
                self._record("member.rename_passkey", member, {"name": row.name}, {"name": chosen})
                row.name = chosen
                row.save(update_fields=["name"])
        return _value(row)

    def remove(self, passkey_id: str) -> Passkey:
        """Remove a passkey of the acting member. Raise NotFound, StepUpRequired."""
        holder = self._scope.require_own_account()
        self._scope.require_recent_proof()
        with transaction.atomic():
            member = locked_member(self._scope, holder.member.member_id)
            require_second_factor(member, holder.session.authentication_factors)
            row = self._own(member, passkey_id)
            value = _value(row)
            self._remove(member, [row])
        return value

    def remove_all(self, member_id: str) -> Member:
        """Remove a member's passkeys. Raise NotFound, Forbidden, StepUpRequired."""
        self._scope.require(Permission.MEMBER_TOTP)
        self._scope.require_recent_proof()
        with transaction.atomic():
            member = locked_member(self._scope, member_id)
            rows = list(self._of(member.pk))
            if not rows:
                raise NotFound("The member has no passkeys.")
            self._remove(member, rows)
            return member_value(member)

    def _may_add(self, member_id: str, before: Continuation) -> Proof:
        """Lock a member who may add a passkey, and return what they proved. The caller opens the transaction."""
        if before.session is not None:
            # Someone at an open browser could keep the member out with a passkey of their own.
            require_recent_proof(before.session)
        proof = proved(self._scope, member_id, before)
        _require_allowed(proof.member)
        require_second_factor(proof.member, proof.factors)
        if not self.are_supported:
            raise NotFound("Browsers don’t accept passkeys for an IP address. Open the portal by a host name.")
        if proof.member.passkey_count >= MAX_PASSKEYS:
            raise Conflict(f"You have {MAX_PASSKEYS} passkeys, which is the most. Remove one first.")
        return proof

    def _challenge(self, proof: Proof, *, is_creation: bool) -> bytes:
        """Return a new challenge for a locked member."""
        challenges = self._scope.of(models.PasskeyChallengeRow).filter(member=proof.member)
        oldest = list(challenges.order_by("-pk").values_list("pk", flat=True)[_MAX_CHALLENGES - 1 :])
        challenges.filter(pk__in=oldest).delete()
        row = models.PasskeyChallengeRow(
            organization_id=proof.member.organization_id,
            member=proof.member,
            challenge=secrets.token_bytes(_CHALLENGE_BYTES),
            bound_to=_bound_to(proof),
            is_creation=is_creation,
            expires_at=timezone.now() + LIFETIME,
        )
        row.save(force_insert=True)
        return bytes(row.challenge)

    def _used(self, proof: Proof, response: webauthn_responses.Response | None, *, is_creation: bool) -> bytes | None:
        """Use up the challenge of a response, and return it; None if it isn't for what was proved."""
        if response is None:
            return None
        found = self._scope.of(models.PasskeyChallengeRow).filter(
            member=proof.member,
            challenge=response.challenge,
            bound_to=_bound_to(proof),
            is_creation=is_creation,
            expires_at__gt=timezone.now(),
        )
        return response.challenge if found.delete()[0] else None

    def _with_credential(
        self, member: models.MemberRow, response: webauthn_responses.Response
    ) -> models.PasskeyRow | None:
        rows = self._scope.of(models.PasskeyRow).filter(member=member, credential_id=response.credential_id)
        return rows.select_for_update().first()

    def _remove(self, member: models.MemberRow, rows: Sequence[models.PasskeyRow]) -> None:
        """Remove passkeys of a locked member, and the recovery codes if nothing else needs them."""
        for row in rows:
            row.delete()
            member.passkey_count -= 1
            entry = self._record("member.delete_passkey", member, {"name": row.name}, {})
            notices.second_factor_removed(member, PASSKEY, entry)
        if not member.passkey_count:
            member.used_passkey_last = False
        stored.delete_unneeded_codes(member)
        member.save(update_fields=["passkey_count", "used_passkey_last", "updated_at"])

    def _factor(self, row: models.PasskeyRow) -> AuthenticationFactor:
        now = timezone.now()
        used = WebauthnFactor(passkey_public_id(row.pk), webauthn_responses.domain(), self._scope.origin.user_agent)
        return AuthenticationFactor("webauthn", "webauthn_registration", now, now, webauthn_factor=used)

    def _record(
        self, action: str, member: models.MemberRow, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> UUID:
        return record(
            self._scope.caller if self._scope.signed_in else member_as_caller(member, self._scope.origin),
            action,
            organization_id=member.organization_id,
            target_id=id_of(member),
            target_name=member.email_address,
            before=before,
            after=after,
        )

    def _of(self, member_key: UUID) -> QuerySet[models.PasskeyRow]:
        return self._scope.of(models.PasskeyRow).filter(member_id=member_key).order_by("pk")

    def _own(self, member: models.MemberRow, passkey_id: str) -> models.PasskeyRow:
        key = parse_id("webauthn-registration", passkey_id)
        row = self._of(member.pk).select_for_update().filter(pk=key).first()
        if row is None:
            raise NotFound("You have no such passkey.")
        return row

    def _own_key(self) -> UUID:
        return parse_id("member", self._scope.require_own_account().member.member_id)


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete challenges that no longer work. Return how many, `limit` at most."""
    return delete_rows(across_organizations(models.PasskeyChallengeRow).filter(expires_at__lte=timezone.now()), limit)


def _bound_to(proof: Proof) -> UUID:
    row = proof.session or proof.waiting
    if row is None:
        raise Unauthenticated("Sign in first.")
    key: UUID = row.pk
    return key


def _value(row: models.PasskeyRow) -> Passkey:
    return Passkey(passkey_public_id(row.pk), row.name, row.is_synced, row.created_at, row.last_used_at)


def _checked_name(name: str) -> str:
    text = " ".join(name.split())
    if len(text) > MAX_NAME or not is_text(text):
        raise Invalid(f"Enter a name of at most {MAX_NAME} characters.", field="name")
    return text


def _require_allowed(member: models.MemberRow) -> None:
    if not settings_value(member.organization).allows_passkeys:
        raise Forbidden(f"{member.organization.name} doesn’t allow passkeys.")


def _wrong() -> WrongCode:
    return WrongCode(_FAILED)
