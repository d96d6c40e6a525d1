"""One-time tickets: created by the product, used once by its page."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.directory.embedding import (
    TICKET_LIFETIME,
    CreatedTicket,
    EmbedTicket,
    NewTicket,
    TicketRejected,
    TicketStatus,
)
from portal.directory.errors import Forbidden, NotFound
from portal.directory.frames import Embedding
from portal.directory.ids import parse_id, public_id, uuid7
from portal.directory.members import MemberStatus
from portal.directory.sessions import AuthenticationFactor, TrustedAuthTokenFactor
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.database.batches import MAX_ROWS, delete_rows
from portal.embedded.embedding.rules import check_registered, check_ticket, require_configured
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.values import member_id
from portal.embedded.scope import Scope, across_organizations, lock_organization, rows_of
from portal.embedded.second_factors.policy import needs_second_factor
from portal.embedded.sessions.lifecycle import (
    is_live,
    is_registered,
    record_use,
    session_not_found,
    session_of_jwt,
    session_of_token,
)
from portal.embedded.sign_in.methods import is_enough
from portal.embedded.tokens import new_token, token_hash

KEPT = timedelta(days=1)
_NOUN = "embed-ticket"
_FROM_SESSION = "Create the ticket from the member's session at your product, with session_token or session_jwt."


@dataclass(frozen=True, slots=True)
class UsedTicket:
    """A ticket that was used just now, with its locked member."""

    row: models.EmbedTicketRow
    embedding: Embedding
    member: models.MemberRow
    # The product's session that it was created from.
    product: models.MemberSessionRow | None


def create(scope: Scope, ticket: NewTicket) -> CreatedTicket:
    """Create a ticket. Raise Invalid, NotFound, Unauthenticated, Forbidden, Conflict."""
    if scope.project is None or scope.signed_in is not None:
        raise Forbidden("Only the product's backend can create tickets, without a member session.")
    require_configured()
    check_ticket(ticket, scope.policy)
    check_registered(ticket.parent_origin, (*settings.PROJECT.embed.origins, *scope.organization.embed_origins))
    product = _product_session(scope, ticket.session_token) if ticket.session_token else None
    member = product.member if product else _vouched_member(scope, ticket.member_id)
    now, token, key = timezone.now(), new_token(organization_id=scope.organization_id), uuid7()
    embedding = Embedding(
        ticket_id=public_id(_NOUN, key),
        areas=ticket.areas,
        parent_origin=ticket.parent_origin,
        read_only=ticket.read_only,
        permissions=None if ticket.permissions is None else frozenset(ticket.permissions),
        color_scheme=ticket.color_scheme,
        locale=ticket.locale,
        path=ticket.path,
    )
    with transaction.atomic():
        lock_organization(scope.organization_id)
        row = models.EmbedTicketRow(
            pk=key,
            organization_id=scope.organization_id,
            member=member,
            token_hash=token_hash(token),
            embedding=msgspec.to_builtins(embedding),
            product_session=product.pk if product else None,
            shares_lifetime=ticket.shares_lifetime,
            created_at=now,
            expires_at=now + TICKET_LIFETIME,
        )
        row.save(force_insert=True)
        record(
            scope.caller,
            "embed_ticket.create",
            organization_id=scope.organization_id,
            target_id=embedding.ticket_id,
            target_name=member.email_address,
            after=_described(embedding),
        )
    return CreatedTicket(embedding.ticket_id, token, row.expires_at)


def use(scope: Scope, ticket: str, *, parent_origin: str) -> UsedTicket:
    """Use a ticket that a page of an origin submitted. Raise TicketRejected. The caller opens the transaction around it.

    Locks the organization and the member, so that a change of either is complete before this, or comes after it.
    """
    row = found(scope, ticket)
    embedding = embedding_of(row)
    if embedding.parent_origin != parent_origin:
        raise TicketRejected(
            f"This ticket is for pages of {embedding.parent_origin}, but a page of {parent_origin or 'an unknown origin'} "
            "submitted it."
        )
    lock_organization(scope.organization_id)
    members = scope.of(models.MemberRow).select_related("organization", "scim_user")
    locked = members.select_for_update(of=("self",), no_key=True).filter(pk=row.member_id)
    member = locked.filter(status=MemberStatus.ACTIVE).first()
    now = timezone.now()
    usable = scope.of(models.EmbedTicketRow).filter(pk=row.pk, used_at=None, revoked_at=None, expires_at__gt=now)
    # One statement: of two requests at once, one wins.
    if not usable.update(used_at=now):
        _reject(scope, ticket)
    if member is None:
        raise TicketRejected("The member of this ticket isn't active.")
    # Of the organization as it is since it was locked.
    if not is_registered(member.organization, embedding):
        raise TicketRejected(f"{parent_origin} is no longer registered.")
    product = _still_live(scope, row)
    if product is None and _lacks(member, row):
        raise TicketRejected(f"The organization's sign-in rules have changed. {_FROM_SESSION}")
    return UsedTicket(row, embedding, member, product)


def found(scope: Scope, ticket: str) -> models.EmbedTicketRow:
    """Return the ticket with a token. Raise TicketRejected."""
    row = scope.of(models.EmbedTicketRow).filter(token_hash=token_hash(ticket)).first()
    if row is None:
        raise TicketRejected("This ticket doesn't exist. Create one for this organization.")
    return row


def revoke_misused(scope: Scope, ticket: str, parent_origin: str) -> None:
    """Revoke a ticket that a page of another origin submitted, outside the transaction that its rejection undoes."""
    rows = scope.of(models.EmbedTicketRow).filter(token_hash=token_hash(ticket), used_at=None, revoked_at=None)
    row = rows.first()
    if row is not None and embedding_of(row).parent_origin != parent_origin:
        rows.update(revoked_at=timezone.now())


def embedding_of(row: models.EmbedTicketRow) -> Embedding:
    """Return what a ticket allows."""
    return msgspec.convert(row.embedding, Embedding)


def factor_of(row: models.EmbedTicketRow) -> AuthenticationFactor:
    """Return what a ticket without a session proves: that the product vouches for the member (Stytch: sessions.attest)."""
    return AuthenticationFactor(
        "trusted_auth_token",
        "trusted_token_exchange",
        row.created_at,
        row.created_at,
        trusted_auth_token_factor=TrustedAuthTokenFactor(ticket_id(row)),
    )


def ticket_id(row: models.EmbedTicketRow) -> str:
    """Return the public ID of a ticket."""
    return public_id(_NOUN, row.pk)


def ticket_key(text: str) -> UUID:
    """Return the primary key in the public ID of a ticket."""
    return parse_id(_NOUN, text)


def ticket_value(row: models.EmbedTicketRow) -> EmbedTicket:
    """Return a ticket in the list. Select its member with it."""
    return EmbedTicket(
        ticket_id=ticket_id(row),
        member_id=member_id(row.member),
        member_name=row.member.name or row.member.email_address,
        status=status_of(row, timezone.now()),
        embedding=embedding_of(row),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


def status_of(row: models.EmbedTicketRow, now: datetime) -> TicketStatus:
    """Return whether a ticket can still be used."""
    if row.revoked_at is not None:
        return TicketStatus.REVOKED
    if row.used_at is not None:
        return TicketStatus.USED
    return TicketStatus.OPEN if row.expires_at > now else TicketStatus.EXPIRED


def prune(limit: int | None = MAX_ROWS) -> int:
    """Delete tickets a day after they expired. Return how many, `limit` at most."""
    old = across_organizations(models.EmbedTicketRow).filter(expires_at__lte=timezone.now() - KEPT)
    return delete_rows(old, limit)


def _product_session(scope: Scope, session_token: str) -> models.MemberSessionRow:
    """Return the live session of a product in this organization. Raise Unauthenticated."""
    row = session_of_jwt(session_token) if "." in session_token else session_of_token(session_token)
    is_product = row is not None and not row.ends_when_idle and row.embedding is None
    if row is None or not is_product or row.organization_id != scope.organization_id:
        raise session_not_found()
    record_use(row)
    return row


def _vouched_member(scope: Scope, text: str) -> models.MemberRow:
    """Return the active member that the product names without a session, with the rules of `attest`. Raise NotFound, Forbidden."""
    key = parse_id("member", EmbeddedMembers(scope).get(text).member_id)
    members = scope.of(models.MemberRow).select_related("organization", "scim_user")
    member = members.filter(pk=key, status=MemberStatus.ACTIVE).first()
    if member is None:
        raise NotFound(
            "The organization has no active member with this ID.", field="member_id", error_type="member_not_found"
        )
    now = timezone.now()
    if not is_enough(member, [AuthenticationFactor("trusted_auth_token", "trusted_token_exchange", now, now)]):
        raise Forbidden(
            f"The organization allows only some sign-in methods, so member_id alone isn't enough. {_FROM_SESSION}",
            field="member_id",
            error_type="operation_restricted_by_organization_auth_methods",
        )
    if needs_second_factor(member):
        raise Forbidden(
            f"The member needs a second factor, so member_id alone isn't enough. {_FROM_SESSION}",
            field="member_id",
            error_type="insufficient_factors",
        )
    return member


def _still_live(scope: Scope, row: models.EmbedTicketRow) -> models.MemberSessionRow | None:
    """Return the product's session that a ticket was created from, None if there wasn't one. Raise TicketRejected."""
    if row.product_session is None:
        return None
    sessions = rows_of(scope.organization_id, models.MemberSessionRow).filter(pk=row.product_session)
    product = sessions.select_related("member__organization", "member__scim_user").first()
    if product is None or not is_live(product):
        raise TicketRejected("The session that this ticket was created from has ended.")
    return product


def _lacks(member: models.MemberRow, row: models.EmbedTicketRow) -> bool:
    """Say whether the organization wants more by now than that the product vouches for the member."""
    return not is_enough(member, [factor_of(row)]) or needs_second_factor(member)


def _reject(scope: Scope, ticket: str) -> NoReturn:
    """Raise TicketRejected with the reason, for the holder of the ticket."""
    reasons = {
        TicketStatus.USED: "This ticket was used already. Each ticket works once.",
        TicketStatus.REVOKED: "This ticket was revoked.",
    }
    expired = f"This ticket has expired. A ticket works for {TICKET_LIFETIME.seconds} seconds."
    raise TicketRejected(reasons.get(status_of(found(scope, ticket), timezone.now()), expired))


def _described(embedding: Embedding) -> dict[str, object]:
    """Return what a ticket allows, for the activity log."""
    given: dict[str, object] = {
        "areas": [str(one) for one in embedding.areas],
        "parent_origin": embedding.parent_origin,
    }
    if embedding.read_only:
        given["read_only"] = True
    if embedding.permissions is not None:
        given["permissions"] = sorted(embedding.permissions)
    return given
