"""What follows when a member has proved something: a session, or what is still missing."""

from datetime import datetime

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Invalid
from portal.directory.ids import parse_id
from portal.directory.sessions import Authentication, AuthenticationFactor, Continuation, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.members.values import member_value
from portal.embedded.scope import Scope, organization_value
from portal.embedded.sessions.discovery import intermediate_session, start_intermediate_session
from portal.embedded.sessions.lifecycle import (
    is_live,
    signed_in_value,
    start_session,
    stored_factors,
    update_session,
)
from portal.embedded.sign_in.methods import is_enough, merged


def signed_in_or_missing(
    scope: Scope,
    member: models.MemberRow,
    factor: AuthenticationFactor | None,
    terms: SessionTerms | None,
    before: Continuation,
) -> Authentication:
    """Return a session of an active, locked member: the one before with the new factor, or a new one.

    With `terms`, it is a product's session, else the portal's. Without a factor, the session before only gets the terms.

    If no factor is a method that the organization allows, return an intermediate session that holds them. Raise Invalid if
    the session is another member's, Unauthenticated if the intermediate session has ended. The caller opens the
    transaction.
    """
    earlier: tuple[AuthenticationFactor, ...] = ()
    if before.intermediate_session_token:
        intermediate = intermediate_session(before.intermediate_session_token, lock=True)
        if fold_address(intermediate.email_address) != member.email_address_folded:
            raise Invalid(
                "The intermediate session belongs to another email address.",
                field="intermediate_session_token",
                error_type="invalid_intermediate_session_token_for_organization",
            )
        earlier = _factors_of(intermediate, member)
        intermediate.delete()
    factors = merged(earlier, [factor] if factor else [])
    if before.session is not None:
        return _continued(scope, member, before.session, factors, terms)
    if not is_enough(member, factors):
        return without_session(member, factors)
    entered_at, others = _apart(factors)
    started = start_session(member, scope.origin, password_entered_at=entered_at, terms=terms, factors=others)
    return Authentication(started.member, started.organization, started)


def _factors_of(
    intermediate: models.IntermediateSessionRow, member: models.MemberRow
) -> tuple[AuthenticationFactor, ...]:
    """Return what was proved before. A password counts only for the members whose password it was."""
    factors = stored_factors(intermediate.factors)
    others = tuple(one for one in factors if one.type != "password")
    is_own = len(others) == len(factors) or intermediate.members.filter(pk=member.pk).exists()
    return factors if is_own else others


def without_session(member: models.MemberRow, factors: tuple[AuthenticationFactor, ...]) -> Authentication:
    """Return an intermediate session with what a member has proved, and the methods that the organization allows."""
    # It names no member: discovery must not accept it in place of what is missing.
    session, token = start_intermediate_session(member.email_address, (), factors=factors)
    organization = organization_value(member.organization)
    return Authentication(
        member_value(member),
        organization,
        None,
        intermediate_session_token=token,
        intermediate_session_token_expires_at=session.expires_at,
        allowed_auth_methods=organization.settings.allowed_auth_methods,
    )


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
    entered_at, others = _apart(factors)
    if entered_at is not None:
        row.password_entered_at = entered_at
        row.save(update_fields=["password_entered_at"])
    update_session(row, terms or SessionTerms(), merged(stored_factors(row.factors), others) if others else None)
    continued = signed_in_value(row, session.session_token)
    return Authentication(continued.member, continued.organization, continued)


def _apart(
    factors: tuple[AuthenticationFactor, ...],
) -> tuple[datetime | None, tuple[AuthenticationFactor, ...]]:
    """Return when the password was entered, which a session stores as a time, and the other factors."""
    entered_at = next((one.last_authenticated_at for one in factors if one.type == "password"), None)
    return entered_at, tuple(one for one in factors if one.type != "password")
