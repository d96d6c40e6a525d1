"""What someone proved before their second factor, and the session that follows it."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Forbidden, Invalid
from portal.directory.ids import parse_id
from portal.directory.members import MemberStatus
from portal.directory.second_factors import REQUIRED_FOR_ALL, Enrollment, MfaChoices
from portal.directory.sessions import NOTHING_BEFORE, AuthenticationFactor, Continuation, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.database.integrity import is_text
from portal.embedded.members.values import member_id as id_of
from portal.embedded.members.values import no_member
from portal.embedded.scope import Scope, settings_value
from portal.embedded.sessions.intermediate import intermediate_session, proved_before
from portal.embedded.sessions.lifecycle import (
    is_live,
    member_as_caller,
    session_not_found,
    signed_in_value,
    start_session,
    stored_factors,
    update_session,
)
from portal.embedded.sign_in.methods import is_enough, merged, session_factors


@dataclass(frozen=True, slots=True)
class Proof:
    """A locked member, what they proved, and where: in a session, or in one that waits."""

    member: models.MemberRow
    factors: tuple[AuthenticationFactor, ...]
    token: str
    session: models.MemberSessionRow | None = None
    waiting: models.IntermediateSessionRow | None = None


def proved(scope: Scope, member_id: str, before: Continuation) -> Proof:
    """Lock a member and return what they proved before. The caller opens the transaction.

    Raise Unauthenticated or Invalid unless it is theirs, Forbidden if it isn't enough without a second factor.
    """
    if before.session is not None:
        return _of_session(scope, member_id, before.session)
    if not before.intermediate_session_token:
        raise Invalid(
            "Send the member's session or intermediate session.",
            field="intermediate_session_token",
            error_type="no_session_arguments",
        )
    return _of_sign_in(scope, member_id, before.intermediate_session_token)


def proved_or_named(scope: Scope, member_id: str, before: Continuation) -> Proof:
    """Do what `proved` does. The project itself can name a member without any proof. Raise NotFound, too."""
    is_project = scope.project is not None and scope.signed_in is None
    if is_project and before == NOTHING_BEFORE:
        return Proof(locked_member(scope, member_id), (), "")
    return proved(scope, member_id, before)


def locked_member(scope: Scope, member_id: str) -> models.MemberRow:
    """Lock and return an active member by ID or external ID. Raise NotFound."""
    row = _members(scope).filter(**_named(member_id)).first()
    if row is None:
        raise no_member()
    return row


def complete(
    scope: Scope, proof: Proof, factor: AuthenticationFactor, terms: SessionTerms | None, choices: MfaChoices
) -> SignedIn:
    """Add a second factor to what was proved: continue the session, or start one. Raise Invalid for bad claims."""
    _choose(proof.member, choices, factor, scope)
    if proof.session is not None:
        row = proof.session
        row.member = proof.member
        update_session(row, terms or SessionTerms(), merged(stored_factors(row.factors), [factor]))
        if terms is None:
            record(
                member_as_caller(proof.member, scope.origin),
                "member_session.confirm_second_factor",
                organization_id=row.organization_id,
                target_id=id_of(proof.member),
                target_name=proof.member.email_address,
            )
        return signed_in_value(row, proof.token)
    if proof.waiting is not None:
        proof.waiting.delete()
    entered_at, others = session_factors(merged(proof.factors, [factor]))
    return start_session(
        proof.member,
        scope.origin,
        password_entered_at=entered_at,
        terms=terms,
        factors=others,
        is_own_device=scope.project is None,
    )


def _of_session(scope: Scope, member_id: str, signed_in: SignedIn) -> Proof:
    key = parse_id("member-session", signed_in.session.member_session_id)
    sessions = scope.of(models.MemberSessionRow).select_related("member__organization", "member__scim_user")
    member = _members(scope).filter(**_named(member_id)).first()
    row = sessions.select_for_update(of=("self",)).filter(pk=key).first() if member else None
    if member is None or (row is not None and row.member_id != member.pk):
        raise Invalid(
            "The session belongs to another member.",
            field="session_token",
            error_type="member_session_member_id_mismatch",
        )
    # No factor is entered in a frame: the page around it could ask for it itself.
    if row is None or row.embedding is not None or not is_live(row):
        raise session_not_found()
    factors = (*stored_factors(row.factors), *_entered(signed_in))
    return Proof(member, factors, signed_in.session_token, session=row)


def _of_sign_in(scope: Scope, member_id: str, token: str) -> Proof:
    seen = intermediate_session(token, organization=scope.organization_id)
    named = _members(scope).filter(email_address_folded=fold_address(seen.email_address), **_named(member_id))
    member = named.first()
    if member is None:
        # The same for another member and for none: nobody looks for members with a token of their own.
        raise Invalid(
            "The intermediate session belongs to another member.",
            field="intermediate_session_token",
            error_type="invalid_intermediate_session_token_for_organization",
        )
    waiting = intermediate_session(token, lock=True, organization=scope.organization_id)
    factors = proved_before(waiting, member)
    if not is_enough(member, factors):
        raise Forbidden(
            "The member has to sign in first.", error_type="action_available_only_once_primary_authentication_is_met"
        )
    return Proof(member, factors, "", waiting=waiting)


def _choose(member: models.MemberRow, choices: MfaChoices, factor: AuthenticationFactor, scope: Scope) -> None:
    """Apply what the member chose. With REQUIRED_FOR_ALL, enrolling changes nothing (Stytch)."""
    if factor.type != "recovery_codes" and member.used_passkey_last != (factor.type == "webauthn"):
        member.used_passkey_last = factor.type == "webauthn"
        member.save(update_fields=["used_passkey_last"])
    before = (member.mfa_enrolled, member.default_mfa_method)
    if choices.enrollment and settings_value(member.organization).mfa_policy != REQUIRED_FOR_ALL:
        member.mfa_enrolled = choices.enrollment is Enrollment.ENROLL
    method = {"totp": "totp", "otp": "sms_otp"}.get(factor.type, "")
    if method and (choices.is_default or not member.default_mfa_method):
        member.default_mfa_method = method
    after = (member.mfa_enrolled, member.default_mfa_method)
    if after == before:
        return
    member.save(update_fields=["mfa_enrolled", "default_mfa_method", "updated_at"])
    names = ("mfa_enrolled", "default_mfa_method")
    record(
        member_as_caller(member, scope.origin),
        "member.update",
        organization_id=member.organization_id,
        target_id=id_of(member),
        target_name=member.email_address,
        before=dict(zip(names, before, strict=True)),
        after=dict(zip(names, after, strict=True)),
    )


def _members(scope: Scope) -> QuerySet[models.MemberRow]:
    members = scope.of(models.MemberRow).select_related("organization", "scim_user")
    active = members.filter(status=MemberStatus.ACTIVE, organization__deleted_at=None)
    return active.select_for_update(of=("self",), no_key=True)


def _named(member_id: str) -> dict[str, UUID | str]:
    key = parse_id("member", member_id)
    is_external = not key.int and member_id and is_text(member_id)
    return {"external_id": member_id} if is_external else {"pk": key}


def _entered(signed_in: SignedIn) -> tuple[AuthenticationFactor, ...]:
    return tuple(one for one in signed_in.session.authentication_factors if one.type == "password")
