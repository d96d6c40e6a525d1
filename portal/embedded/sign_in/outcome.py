"""What follows when a member has proved something: a session, or what is still missing."""

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Invalid, Unauthenticated
from portal.directory.ids import parse_id
from portal.directory.sessions import (
    Authentication,
    AuthenticationFactor,
    Continuation,
    SessionTerms,
    SignedIn,
    second_factor_required,
)
from portal.embedded import models
from portal.embedded.members.values import member_value
from portal.embedded.scope import Scope, organization_value
from portal.embedded.second_factors.policy import counts_passkeys, has_second_factor, mfa_required, needs_second_factor
from portal.embedded.second_factors.remembered_devices import device_in_use
from portal.embedded.second_factors.sms_codes import ask_at_sign_in
from portal.embedded.sessions.intermediate import (
    intermediate_session,
    proved_before,
    start_intermediate_session,
    waiting_session,
)
from portal.embedded.sessions.lifecycle import (
    is_live,
    signed_in_value,
    start_session,
    stored_factors,
    update_session,
)
from portal.embedded.sign_in.methods import is_enough, merged, session_factors


def signed_in_or_missing(
    scope: Scope,
    member: models.MemberRow,
    factor: AuthenticationFactor | None,
    terms: SessionTerms | None,
    before: Continuation,
) -> Authentication:
    """Return a session of an active, locked member: the one before with the new factor, or a new one.

    With `terms`, it is a product's session, else the portal's. Without a factor, the session before only gets the terms.

    If no factor is a method that the organization allows, or a second factor is missing, return an intermediate session that
    holds them. Raise Invalid if the session is another member's, Unauthenticated if the intermediate session has ended. The
    caller opens the transaction.
    """
    earlier = _spent(scope, member, before.intermediate_session_token) if before.intermediate_session_token else ()
    factors = merged(earlier, [factor] if factor else [])
    if before.session is not None:
        return _continued(scope, member, before.session, factors, terms)
    if not is_enough(member, factors):
        return without_session(member, factors)
    device = None
    if _lacks_second_factor(scope, member, factors):
        # Where a product signs the member in, no device counts.
        device = device_in_use(scope, member) if terms is None else None
        if device is None:
            return without_second_factor(scope, member, factors)
    entered_at, others = session_factors(factors)
    started = start_session(
        member,
        scope.origin,
        password_entered_at=entered_at,
        terms=terms,
        factors=others,
        is_own_device=scope.project is None,
        remembered_device=device,
    )
    return Authentication(started.member, started.organization, started)


def without_session(member: models.MemberRow, factors: tuple[AuthenticationFactor, ...]) -> Authentication:
    """Return an intermediate session with what a member has proved, and the methods that the organization allows."""
    # It names no member: discovery must not accept it in place of what is missing.
    session, token = start_intermediate_session(
        member.email_address, (), factors=factors, only_for=member.organization_id
    )
    organization = organization_value(member.organization)
    return Authentication(
        member_value(member),
        organization,
        None,
        intermediate_session_token=token,
        intermediate_session_token_expires_at=session.expires_at,
        allowed_auth_methods=organization.settings.allowed_auth_methods,
    )


def without_second_factor(
    scope: Scope, member: models.MemberRow, factors: tuple[AuthenticationFactor, ...]
) -> Authentication:
    """Return an intermediate session with what a member has proved, and the second factors that they can add.

    If the first of these is a code by text message, have it sent.
    """
    session, token = waiting_session(member, factors)
    return Authentication(
        member_value(member),
        organization_value(member.organization),
        None,
        intermediate_session_token=token,
        intermediate_session_token_expires_at=session.expires_at,
        mfa_required=mfa_required(member, initiated=ask_at_sign_in(scope, member)),
    )


def open_portal(outcome: Authentication) -> SignedIn:
    """Return the session of a sign-in to the portal. Raise SecondFactorRequired, or Unauthenticated for another method.

    Outside the transaction of the sign-in, which a raised error would undo.
    """
    if outcome.signed_in is not None:
        return outcome.signed_in
    if outcome.mfa_required is None:
        raise Unauthenticated(
            "The organization does not allow this way to sign in.",
            error_type="operation_restricted_by_organization_auth_methods",
        )
    raise second_factor_required(outcome, outcome.mfa_required)


def _spent(scope: Scope, member: models.MemberRow, token: str) -> tuple[AuthenticationFactor, ...]:
    """Use up an intermediate session and return what the member proved in it. Raise Invalid if it is of another address."""
    intermediate = intermediate_session(token, lock=True, organization=scope.organization_id)
    if fold_address(intermediate.email_address) != member.email_address_folded:
        raise Invalid(
            "The intermediate session belongs to another email address.",
            field="intermediate_session_token",
            error_type="invalid_intermediate_session_token_for_organization",
        )
    factors = proved_before(intermediate, member)
    intermediate.delete()
    return factors


def _lacks_second_factor(scope: Scope, member: models.MemberRow, factors: tuple[AuthenticationFactor, ...]) -> bool:
    # Products can't ask for a passkey, so it makes only the portal ask for a second factor.
    is_needed = needs_second_factor(member) or (scope.project is None and counts_passkeys(member))
    return is_needed and not has_second_factor(member, factors)


def _continued(
    scope: Scope,
    member: models.MemberRow,
    session: SignedIn,
    factors: tuple[AuthenticationFactor, ...],
    terms: SessionTerms | None,
) -> Authentication:
    key = parse_id("member-session", session.session.member_session_id)
    sessions = scope.of(models.MemberSessionRow).select_related("member__organization", "member__scim_user")
    row = sessions.select_for_update(of=("self",)).filter(member=member, pk=key).first()
    if row is None or not is_live(row):
        raise Invalid(
            "The session belongs to another member.",
            field="session_token",
            error_type="member_session_member_id_mismatch",
        )
    entered_at, others = session_factors(factors)
    if entered_at is not None:
        row.password_entered_at = entered_at
        row.save(update_fields=["password_entered_at"])
    update_session(row, terms or SessionTerms(), merged(stored_factors(row.factors), others) if others else None)
    continued = signed_in_value(row, session.session_token)
    return Authentication(continued.member, continued.organization, continued)
