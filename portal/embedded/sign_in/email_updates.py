"""A member's new email address: ask for a proof of it, and take it over.

The proof is a link or a code as for signing in. Its row names the member, whose address it changes when it is used.
"""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_tasks import task

from portal.directory.configuration import with_token
from portal.directory.email_addresses import fold_address
from portal.directory.email_updates import DeliveryMethod, EmailUpdateRequest
from portal.directory.errors import Conflict, DirectoryError, Invalid, Unauthenticated
from portal.directory.ids import parse_id
from portal.directory.members import RESOURCE, SELF, Member, MemberStatus
from portal.directory.sessions import SessionEndCause
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.members.changes import check_address, unless_taken
from portal.embedded.members.managed import require_unmanaged
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.retired_addresses import require_not_retired, retire
from portal.embedded.members.roles import has_admin, is_admin, lock_admins
from portal.embedded.members.values import member_id, with_details
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.organizations.colors import color_of
from portal.embedded.scim.protocol.address_handover import after_address_changed
from portal.embedded.scope import Scope, rows_of
from portal.embedded.sessions.lifecycle import end_intermediate_sessions, member_as_caller
from portal.embedded.sessions.satisfied import end_unsatisfied
from portal.embedded.sign_in import email_tokens, emails
from portal.embedded.sign_in.joining import scope_of_request
from portal.embedded.tasks.queue import URGENT, GiveUp, enqueue
from portal.mail.content import Email
from portal.mail.delivery import UndeliverableError, send_email
from portal.mail.own_templates import known_template

LINK_MINUTES = 5  # Stytch's
CODE_MINUTES = 10
TOKEN_TYPE = "multi_tenant_magic_links"  # noqa: S105 -- Stytch's stytch_token_type
PURPOSES = (EmailPurpose.EMAIL_UPDATE, EmailPurpose.UPDATE_CODE)


class EmbeddedEmailUpdates:
    """Implements portal.directory.email_updates.EmailUpdateGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def start(self, member_id: str, request: EmailUpdateRequest) -> Member:
        """Email a link or code to the new address. Raise NotFound, Forbidden, Invalid, Conflict, TooManyRequests."""
        member = EmbeddedMembers(self._scope).get(member_id)
        is_own = self._scope.signed_in is not None and self._scope.signed_in.member.member_id == member.member_id
        self._scope.require_action("update.info.email", RESOURCE, SELF if is_own else "")
        self._scope.require_recent_proof()
        if not is_own:
            # Who receives email at the new address can sign in as the member.
            self._scope.require_no_more_rights(member.role_ids, member.email_address)
        row = with_details(self._scope.of(models.MemberRow)).get(pk=parse_id("member", member.member_id))
        if row.status != MemberStatus.ACTIVE or not row.email_address_verified:
            raise Invalid(
                "Only active members whose current address is verified can change it themselves.",
                field="member_id",
                error_type="email_updates_available_only_for_active_members",
            )
        is_link = request.delivery_method is DeliveryMethod.LINK
        url = settings.PROJECT.redirect_urls.chosen("login", request.redirect_url) if is_link else ""
        token = requested_update(self._scope, row, request.email_address, url)
        token.locale = request.locale
        token.login_template_id = known_template(
            request.template_id, "email-change-proof", parameter="login_template_id"
        )
        _require_free(self._scope, row, token.email_address)
        if _is_updating(self._scope, token):
            raise Conflict(
                "Another member is about to get this email address.",
                field="email_address",
                error_type="desired_email_updating_for_different_member",
            )
        ask(self._scope, token)
        return member


def requested_update(
    scope: Scope, member: models.MemberRow, email_address: str, redirect_url: str = ""
) -> models.EmailTokenRow:
    """Return the row that asks for a proof: a link if there is a URL that it leads to, else a code.

    Raise Invalid for an address that is the member's already, Conflict if an identity provider manages it.
    """
    address = check_address(email_address)
    if fold_address(address) == member.email_address_folded:
        raise Invalid("This is the email address already.", field="email_address", error_type="duplicate_member_email")
    require_unmanaged(member)
    minutes = LINK_MINUTES if redirect_url else CODE_MINUTES
    return models.EmailTokenRow(
        organization_id=scope.organization_id,
        email_address=address,
        purpose=EmailPurpose.EMAIL_UPDATE if redirect_url else EmailPurpose.UPDATE_CODE,
        login_redirect_url=redirect_url,
        signup_redirect_url=redirect_url,
        login_minutes=minutes,
        signup_minutes=minutes,
        updates_member=member_id(member),
        **email_tokens.asked_from(scope),
    )


def ask(scope: Scope, token: models.EmailTokenRow) -> None:
    """Have a worker email the proof to the new address, and a notice to the old one. Ends the member's earlier requests.

    Raise Invalid, NotFound, TooManyRequests.
    """
    with transaction.atomic():
        pending(scope, token.updates_member).delete()
        email_tokens.ask(token, email_update_proof)
        enqueue(scope.organization_id, email_update_notice, str(scope.organization_id), str(token.pk))
        record(
            scope.caller,
            "member.start_email_update",
            organization_id=scope.organization_id,
            target_id=token.updates_member,
            target_name=token.email_address,
        )


def pending(scope: Scope, of_member: str) -> QuerySet[models.EmailTokenRow]:
    """Return the changes of a member's address that wait for their proof, newest first."""
    waiting = scope.of(models.EmailTokenRow).filter(updates_member=of_member, expires_at__gt=timezone.now())
    return waiting.order_by("-created_at")


def updated_member(scope: Scope, token: models.EmailTokenRow, *, keep: UUID | None = None) -> models.MemberRow:
    """Lock a member and give them the address that they proved, in the transaction that uses the proof.

    The old address is kept for them and notified. Ends sessions that only an email to it had started, except `keep`. Raise
    Unauthenticated if there is no such member any longer, Conflict if the address is taken or no admin would be left.
    """
    members = with_details(scope.of(models.MemberRow)).filter(status=MemberStatus.ACTIVE)
    found = members.filter(pk=parse_id("member", token.updates_member)).first()
    if found is not None and is_admin(found):
        # Lock admins before the member, as provisioning does, to avoid deadlocks.
        lock_admins(found.organization_id)
    member = members.select_for_update(of=("self",), no_key=True).filter(pk=found.pk).first() if found else None
    if member is None:
        raise Unauthenticated("The member was deleted in the meantime.", error_type="unable_to_auth_magic_link")
    former, was_admin = member.email_address, is_admin(member)
    require_unmanaged(member)
    _require_free(scope, member, token.email_address)
    member.email_address, member.email_address_verified = token.email_address, True
    retire(member, former)
    with unless_taken(), transaction.atomic():
        member.save()
    if was_admin and not is_admin(member) and not has_admin(member.organization_id):
        raise Conflict(
            "The organization would have no admin, because the role comes with the domain of the current address. Make "
            "another member an admin first.",
            field="email_address",
            error_type="organization_needs_admin",
        )
    _after_update(scope, member, former, keep)
    return member


@task(priority=URGENT)
def email_update_proof(organization_id: str, token_id: str) -> None:
    """Email a link or code to a new address, unless another member has it."""
    tokens = rows_of(UUID(organization_id), models.EmailTokenRow)
    row = email_tokens.waiting(tokens, token_id)
    scope = scope_of_request(row) if row else None
    member = _member(row) if row else None
    if row is None or scope is None or member is None:
        return
    try:
        _require_free(scope, member, row.email_address)
    except DirectoryError as error:
        # The address may be someone else's, and nobody has to know that they are a member.
        email_tokens.drop(row, tokens, error)
        return
    if row.purpose == EmailPurpose.UPDATE_CODE:
        code = email_tokens.issue_code(row, tokens, minutes=row.login_minutes)
        email = emails.email_update_code(row, member, code)
    else:
        token = email_tokens.issue_link(row, tokens, minutes=row.login_minutes)
        email = emails.email_update_link(row, member, with_token(row.login_redirect_url, TOKEN_TYPE, token))
    _send(email, member, to=row.email_address, key=str(row.pk))


@task(priority=URGENT)
def email_update_notice(organization_id: str, token_id: str) -> None:
    """Tell the current address that it is about to change."""
    row = email_tokens.waiting(rows_of(UUID(organization_id), models.EmailTokenRow), token_id)
    member = _member(row) if row else None
    if row is not None and member is not None:
        _send(emails.email_update_notice(row, member), member, to=member.email_address, key=f"{row.pk} notice")


@task(priority=URGENT)
def email_updated(organization_id: str, of_member: str, email_id: str) -> None:
    """Tell a former address that it isn't the member's any longer."""
    members = rows_of(UUID(organization_id), models.MemberRow).select_related("organization")
    member = members.filter(pk=parse_id("member", of_member)).exclude(status=MemberStatus.DELETED).first()
    former = [one for one in (member.retired_email_addresses or ()) if one["id"] == email_id] if member else []
    if member is not None and former:
        _send(emails.email_updated(member), member, to=former[0]["email_address"], key=email_id)


def _send(email: Email, member: models.MemberRow, *, to: str, key: str) -> None:
    try:
        send_email(email, to=to, key=key, color=color_of(member.organization))
    except UndeliverableError as error:
        raise GiveUp from error


def _member(row: models.EmailTokenRow) -> models.MemberRow | None:
    """Return the active member whose address a row changes."""
    members = rows_of(row.organization_id, models.MemberRow).select_related("organization")
    return members.filter(pk=parse_id("member", row.updates_member), status=MemberStatus.ACTIVE).first()


def _is_updating(scope: Scope, token: models.EmailTokenRow) -> bool:
    """Say whether another member is about to get the address."""
    others = scope.of(models.EmailTokenRow).filter(purpose__in=PURPOSES, expires_at__gt=timezone.now())
    same = others.filter(email_address_folded=fold_address(token.email_address))
    return same.exclude(updates_member=token.updates_member).exists()


def _require_free(scope: Scope, member: models.MemberRow, email_address: str) -> None:
    """Raise Conflict if another member has the address, or had it and keeps it."""
    others = scope.of(models.MemberRow).filter(email_address_folded=fold_address(email_address)).exclude(pk=member.pk)
    if others.exclude(status=MemberStatus.DELETED).exists():
        raise Conflict(
            "Another member of the organization has this email address.",
            field="email_address",
            error_type="duplicate_member_email",
        )
    require_not_retired(scope, models.MemberRow(pk=member.pk, email_address=email_address))


def _after_update(scope: Scope, member: models.MemberRow, former: str, keep: UUID | None) -> None:
    """Do what follows a new address: end what the old one opened, record the change, and notify the old address."""
    caller = member_as_caller(member, scope.origin)
    scope.of(models.SignInLinkRow).filter(member=member).delete()
    end_intermediate_sessions([member.pk])
    end_unsatisfied(scope.of(models.MemberSessionRow).filter(member=member), SessionEndCause.ADDRESS, keep=keep)
    record(
        caller,
        "member.update_email",
        organization_id=member.organization_id,
        target_id=member_id(member),
        target_name=member.email_address,
        before={"email_address": former},
        after={"email_address": member.email_address},
    )
    retired = next(
        (one["id"] for one in member.retired_email_addresses or () if one["folded"] == fold_address(former)), ""
    )
    enqueue(member.organization_id, email_updated, str(member.organization_id), member_id(member), retired)
    after_address_changed(member, fold_address(former), caller)
