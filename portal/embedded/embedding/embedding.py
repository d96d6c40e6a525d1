"""The portal in frames of a product's pages: origins, tickets and the sessions of frames."""

from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from portal.directory.actor import ActorType
from portal.directory.configuration import ProjectConfiguration
from portal.directory.embed_origins import MAX_ORIGINS, check_origin
from portal.directory.embedding import (
    SESSION_DURATION,
    CreatedTicket,
    EmbedTicket,
    NewTicket,
    Origins,
    TicketRejected,
)
from portal.directory.errors import Conflict, Invalid, NotFound
from portal.directory.ids import first_uuid7
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.sessions import SessionEndCause, SessionEnded, SignedIn
from portal.embedded import models
from portal.embedded.audit import record, record_organization
from portal.embedded.database.keyset import Keyset
from portal.embedded.embedding import tickets
from portal.embedded.embedding.tickets import UsedTicket
from portal.embedded.scope import Scope
from portal.embedded.sessions import limits
from portal.embedded.sessions.lifecycle import (
    any_session_of_token,
    embedding_of,
    end_of,
    is_live,
    is_registered,
    member_as_caller,
    record_session,
    record_use,
    revoke_rows,
    session_key,
    signed_in_value,
    start_frame_session,
    stored_factors,
)
from portal.embedded.tokens import new_token, token_hash

_TICK = timedelta(microseconds=1)


class EmbeddedEmbedding:
    """Implements portal.directory.embedding.EmbeddingGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def origins(self) -> Origins:
        """Return the registered origins."""
        project: ProjectConfiguration = settings.PROJECT
        return Origins(project.embed.origins, self._scope.organization.embed_origins)

    def idle_limit(self) -> timedelta:
        """Return how long a session may be unused before it ends."""
        return timedelta(minutes=limits.of_frames(self._scope.organization.settings).idle)

    def add_origin(self, origin: str) -> None:
        """Register an origin of the organization's. Raise Invalid, Conflict, Forbidden, StepUpRequired."""
        self._scope.require(Permission.EMBEDDING_UPDATE)
        self._scope.require_recent_proof()
        check_origin(origin, allows_http=settings.ALLOW_HTTP)
        with transaction.atomic():
            row = self._locked_organization()
            if origin in settings.PROJECT.embed.origins:
                raise Conflict(
                    f"{origin} is registered for every organization of the project.",
                    field="origin",
                    error_type="embed_origin_already_registered",
                )
            if origin in row.embed_origins:
                raise Conflict(
                    f"{origin} is registered already.", field="origin", error_type="embed_origin_already_registered"
                )
            if len(row.embed_origins) >= MAX_ORIGINS:
                raise Invalid(
                    f"An organization has at most {MAX_ORIGINS} origins. Remove one first.",
                    field="origin",
                    error_type="invalid_embed_origin",
                )
            row.embed_origins = [*row.embed_origins, origin]
            row.save(update_fields=["embed_origins", "updated_at"])
            record_organization(
                self._scope.caller, "organization.add_embed_origin", row, before={}, after={"parent_origin": origin}
            )

    def remove_origin(self, origin: str) -> None:
        """Remove an origin of the organization's, and end its sessions. Raise NotFound, Forbidden, StepUpRequired."""
        self._scope.require(Permission.EMBEDDING_UPDATE)
        self._scope.require_recent_proof()
        with transaction.atomic():
            row = self._locked_organization()
            if origin not in row.embed_origins:
                raise NotFound(
                    "The organization has no such origin.", field="origin", error_type="embed_origin_not_found"
                )
            row.embed_origins = [one for one in row.embed_origins if one != origin]
            row.save(update_fields=["embed_origins", "updated_at"])
            ended = 0
            if origin not in settings.PROJECT.embed.origins:
                framed = self._scope.of(models.MemberSessionRow).filter(embedding__parent_origin=origin)
                ended = framed.filter(revoked_at=None).update(revoked_at=timezone.now(), revoked_because=self._cause())
            record_organization(
                self._scope.caller,
                "organization.remove_embed_origin",
                row,
                before={"parent_origin": origin},
                after={"sessions": ended} if ended else {},
            )

    def create_ticket(self, ticket: NewTicket) -> CreatedTicket:
        """Create a ticket. Raise Invalid, NotFound, Unauthenticated, Forbidden, Conflict."""
        return tickets.create(self._scope, ticket)

    def tickets(self, *, cursor: str | None = None, limit: int = DEFAULT_LIMIT) -> Page[EmbedTicket]:
        """Return the tickets of the last day, newest first. Raise InvalidCursor, Forbidden."""
        self._scope.require(Permission.EMBEDDING_GET)
        check_limit(limit)
        keys = Keyset("embed-tickets", self._scope.organization_id)
        recent = self._tickets().filter(created_at__gt=timezone.now() - tickets.KEPT).select_related("member")
        rows = list(keys.after(cursor or "", recent, "-pk")[: limit + 1])
        return keys.page(rows, limit=limit, key=lambda row: row.pk).map(tickets.ticket_value)

    def revoke_ticket(self, ticket_id: str) -> None:
        """Revoke a ticket, and end the session that it started or renewed. Raise NotFound, Forbidden."""
        self._scope.require(Permission.EMBEDDING_UPDATE)
        with transaction.atomic():
            rows = self._tickets().select_related("member").select_for_update(of=("self",))
            row = rows.filter(pk=tickets.ticket_key(ticket_id)).first()
            if row is None:
                raise NotFound(
                    "The organization has no such ticket. Tickets are kept for a day.",
                    field="ticket_id",
                    error_type="embed_ticket_not_found",
                )
            if row.revoked_at is not None:
                return
            row.revoked_at = timezone.now()
            row.save(update_fields=["revoked_at"])
            record(
                self._scope.caller,
                "embed_ticket.revoke",
                organization_id=self._scope.organization_id,
                target_id=ticket_id,
                target_name=row.member.email_address,
            )
            session = self._locked_session(row)
            if session is not None:
                revoke_rows([session], self._cause(), self._scope.caller)

    def enter(self, ticket: str, *, parent_origin: str, session_tokens: Collection[str] = ()) -> SignedIn:
        """Use a ticket, and start the session of a frame or continue the same one. Raise TicketRejected."""
        tickets.revoke_misused(self._scope, ticket, parent_origin)
        with transaction.atomic():
            used = tickets.use(self._scope, ticket, parent_origin=parent_origin)
            held = ((token, self._locked_by_token(token)) for token in session_tokens)
            same = next(((row, token) for token, row in held if row and is_live(row) and _is_same(row, used)), None)
            entered = self._renewed(same[0], used, same[1]) if same else self._started(used)
            self._store_session(used, entered)
        return entered

    def enter_in_tab(self, ticket: str) -> SignedIn:
        """Start the session of a used ticket in a tab. Raise TicketRejected."""
        row = tickets.found(self._scope, ticket)
        if row.used_at is None or row.revoked_at is not None or row.expires_at <= timezone.now():
            raise TicketRejected("This ticket can't open a tab: it wasn't used in a frame a moment ago.")
        with transaction.atomic():
            session = self._locked_session(row)
            embedding = embedding_of(session) if session else None
            if session is None or embedding is None or not is_live(session):
                raise TicketRejected("The session of this ticket has ended.")
            is_unused = session.last_accessed_at == session.started_at
            if not is_unused or embedding.ticket_id != tickets.ticket_id(row):
                raise TicketRejected("The session of this ticket is in use already.")
            # The same session with another token: the cookie that never came back opens nothing.
            token = new_token(organization_id=session.organization_id)
            session.token_hash = token_hash(token)
            session.last_accessed_at = max(timezone.now(), session.started_at + _TICK)
            session.save(update_fields=["token_hash", "last_accessed_at"])
        return signed_in_value(session, token)

    def renew(self, ticket: str, *, parent_origin: str, session_token: str) -> SignedIn:
        """Use a ticket to prolong the live session of a frame. Raise TicketRejected, SessionEnded."""
        tickets.revoke_misused(self._scope, ticket, parent_origin)
        with transaction.atomic():
            # The member before the session, as where a member is deactivated.
            used = tickets.use(self._scope, ticket, parent_origin=parent_origin)
            row = self._locked_by_token(session_token)
            before = embedding_of(row) if row else None
            if row is None or before is None:
                raise SessionEnded
            if row.member_id != used.member.pk or before.parent_origin != parent_origin:
                raise TicketRejected(
                    "This ticket is for another member or another page than the session in this frame."
                )
            if not is_live(row):
                raise _ended(row)
            renewed = self._renewed(row, used, session_token)
            self._store_session(used, renewed)
        return renewed

    def authenticate(self, session_token: str) -> SignedIn:
        """Return the live session of a frame, and record its use. Raise SessionEnded."""
        row = any_session_of_token(session_token)
        if row is None or row.embedding is None:
            raise SessionEnded
        if row.member.organization.slug != self._scope.organization_slug:
            # Of a renamed organization: the page around the frame can open it at the present address.
            raise SessionEnded if self._is_known() else _ended(row)
        if not is_live(row):
            raise _ended(row)
        record_use(row)
        return signed_in_value(row, session_token)

    def has_acted_since(self, since: datetime) -> bool:
        """Say whether the acting member changed something on the portal's own pages since then. Signing in doesn't count."""
        member = self._scope.require_member().member
        entries = self._scope.of(models.ActivityEntryRow).filter(pk__gte=first_uuid7(since), actor_id=member.member_id)
        # Both conditions of the index activity_by_actor.
        changes = entries.exclude(actor_type=ActorType.SCIM).exclude(action__startswith="member_session.")
        return changes.exists()

    def _started(self, used: UsedTicket) -> SignedIn:
        product = used.product
        return start_frame_session(
            used.member,
            self._scope.origin,
            used.embedding,
            expires_at=_end(used, started_at=timezone.now()),
            password_entered_at=product.password_entered_at if product else None,
            factors=stored_factors(product.factors) if product else [tickets.factor_of(used.row)],
            shared_with=_shared_with(used),
        )

    def _renewed(self, row: models.MemberSessionRow, used: UsedTicket, session_token: str) -> SignedIn:
        self._prolong(row, used)
        caller = member_as_caller(used.member, self._scope.origin)
        record_session(row, "member_session.renew", caller, {"parent_origin": used.embedding.parent_origin})
        return signed_in_value(row, session_token)

    def _locked_by_token(self, session_token: str) -> models.MemberSessionRow | None:
        return self._sessions().select_for_update(of=("self",)).filter(token_hash=token_hash(session_token)).first()

    def _prolong(self, row: models.MemberSessionRow, used: UsedTicket) -> None:
        now = timezone.now()
        row.embedding = msgspec.to_builtins(used.embedding)
        row.expires_at = _end(used, started_at=row.started_at)
        row.last_accessed_at = max(now, row.started_at + _TICK)
        if used.product is not None:
            row.factors = [asdict(one) for one in stored_factors(used.product.factors)]
            row.password_entered_at = used.product.password_entered_at
            if used.row.shares_lifetime:
                row.shared_with = used.product.pk
        row.save(
            update_fields=[
                "embedding",
                "expires_at",
                "last_accessed_at",
                "factors",
                "password_entered_at",
                "shared_with",
            ]
        )

    def _store_session(self, used: UsedTicket, signed_in: SignedIn) -> None:
        """Store which session a ticket started or renewed, so that revoking it ends that session."""
        self._tickets().filter(pk=used.row.pk).update(session=session_key(signed_in))

    def _is_known(self) -> bool:
        """Say whether an organization has the slug."""
        try:
            return bool(self._scope.organization)
        except NotFound:
            return False

    def _cause(self) -> str:
        """Return what the member may read about the end of their session; "" if a product's backend ended it."""
        return SessionEndCause.ADMIN if self._scope.signed_in else ""

    def _locked_organization(self) -> models.OrganizationRow:
        rows = models.OrganizationRow.objects.select_for_update().filter(
            pk=self._scope.organization_id, deleted_at=None
        )
        row = rows.first()
        if row is None:
            raise NotFound("The organization was deleted in the meantime.", error_type="organization_not_found")
        return row

    def _locked_session(self, ticket: models.EmbedTicketRow) -> models.MemberSessionRow | None:
        """Lock and return the session that a ticket started or renewed, unless it was revoked."""
        if ticket.session is None:
            return None
        return self._sessions().select_for_update(of=("self",)).filter(pk=ticket.session, revoked_at=None).first()

    def _tickets(self) -> QuerySet[models.EmbedTicketRow]:
        return self._scope.of(models.EmbedTicketRow)

    def _sessions(self) -> QuerySet[models.MemberSessionRow]:
        return self._scope.of(models.MemberSessionRow).select_related("member__organization", "member__scim_user")


def _is_same(row: models.MemberSessionRow, used: UsedTicket) -> bool:
    """Say whether a ticket would start a session like this one: then two tabs of a page share it, and forms of both work."""
    before = embedding_of(row)
    if before is None or row.member_id != used.member.pk or row.shared_with != _shared_with(used):
        return False
    allowed = used.embedding
    return (
        replace(
            before,
            ticket_id=allowed.ticket_id,
            path=allowed.path,
            color_scheme=allowed.color_scheme,
            locale=allowed.locale,
        )
        == allowed
    )


def _shared_with(used: UsedTicket) -> UUID | None:
    """Return the key of the product's session that ends with the one of the ticket."""
    return used.product.pk if used.product and used.row.shares_lifetime else None


def _ended(row: models.MemberSessionRow) -> SessionEnded:
    """Return the error of a session that isn't live. It names the page around the frame, if that may still know."""
    embedding = embedding_of(row)
    is_known = embedding is not None and is_registered(row.member.organization, embedding)
    return SessionEnded(end_of(row), parent_origin=embedding.parent_origin if embedding and is_known else "")


def _end(used: UsedTicket, *, started_at: datetime) -> datetime:
    """Return when a session ends that began then, and gets a ticket now. Never later than the limits of the organization."""
    organization, product = used.member.organization, used.product
    return limits.earliest(
        timezone.now() + SESSION_DURATION,
        limits.of_frame(organization).latest_end(started_at),
        limits.of_organization(organization).latest_end(product.started_at) if product else None,
    )
