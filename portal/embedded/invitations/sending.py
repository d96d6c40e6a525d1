"""Send the email of an invitation. Its link is created when a worker renders the email, and is the same on each attempt."""

import base64
from datetime import timedelta
from uuid import UUID, uuid5

import structlog
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django_tasks import task

from portal.directory.actor import Origin
from portal.directory.configuration import with_token
from portal.directory.ids import parse_id
from portal.directory.organizations import PASSWORD
from portal.embedded import models
from portal.embedded.invitations.records import WAITING, remember
from portal.embedded.invitations.rules import leads_to_product
from portal.embedded.members.sign_in_emails import invitation as invitation_email
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.organizations.colors import color_of
from portal.embedded.scope import Scope, organization_value, rows_of
from portal.embedded.sign_in import email_tokens
from portal.embedded.sign_in.magic_links import TOKEN_TYPE
from portal.embedded.sign_in.methods import may_use
from portal.embedded.tasks.queue import URGENT, GiveUp, enqueue_always
from portal.embedded.tokens import token_hash
from portal.mail.delivery import UndeliverableError, send_email

log = structlog.get_logger("gatehouse.invitations")

# After everything else that the organization waits for, and after the job itself.
BULK = -10


def lifetime() -> timedelta:
    """Return for how long the link of an invitation works."""
    return timedelta(minutes=settings.PROJECT.invitations.lifetime_minutes)


def send(member: models.MemberRow, *, invited_by: str, locale: str = "", is_bulk: bool = False) -> models.InvitationRow:
    """Have a worker email an invited member a link, which replaces the one before. Must run in a transaction."""
    row = remember(member, invited_by=invited_by, lifetime=lifetime(), locale=locale)
    send_task = email_invitation.using(priority=BULK if is_bulk else URGENT)
    enqueue_always(row.organization_id, send_task, str(row.organization_id), str(row.pk), row.sends)
    return row


@task()
def email_invitation(organization_id: str, invitation_id: str, sends: int) -> None:
    """Email an invitation, unless it was accepted, revoked or sent again, or has expired."""
    if not email_one(UUID(organization_id), invitation_id, sends):
        raise GiveUp


def email_one(organization_id: UUID, invitation_id: str, sends: int) -> bool:
    """Email an invitation if it is still needed. Return False if its address doesn't exist. Raise OSError."""
    invitations = rows_of(organization_id, models.InvitationRow).filter(pk=invitation_id, sends=sends)
    waiting = invitations.filter(emailed_at=None, expires_at__gt=timezone.now(), organization__deleted_at=None)
    row = waiting.select_related("member__organization", "member__scim_user").first()
    link = _link(row) if row and row.member.status in WAITING else None
    if row is None or link is None:
        log.info("invitation_not_sent", invitation_id=invitation_id)
        return True
    url, is_to_choose_password = link
    email = invitation_email(
        row.member,
        url,
        sender=_inviter(row),
        expires_at=row.expires_at,
        is_to_choose_password=is_to_choose_password,
        locale=row.locale,
    )
    try:
        send_email(email, to=row.member.email_address, key=f"{row.pk} {sends}", color=color_of(row.member.organization))
    except UndeliverableError:
        log.warning("invitation_undeliverable", invitation_id=invitation_id)
        return False
    invitations.update(emailed_at=timezone.now())
    return True


def delete_links(member: models.MemberRow) -> None:
    """End the links of a member's invitations."""
    rows_of(member.organization_id, models.SignInLinkRow).filter(member=member).delete()
    tokens = rows_of(member.organization_id, models.EmailTokenRow).filter(purpose=EmailPurpose.INVITATION)
    tokens.filter(email_address_folded=member.email_address_folded).delete()


def _link(row: models.InvitationRow) -> tuple[str, bool] | None:
    """Return the URL of the link, and whether people choose a password there; None if they couldn't accept."""
    organization = organization_value(row.member.organization)
    scope = Scope(organization.organization_slug, Origin(), known_organization=organization)
    # The same on each attempt, so that a second copy of the email has the same link.
    key = uuid5(row.pk, str(row.sends))
    if leads_to_product(scope):
        return _product_link(row, key), False
    return (_portal_link(row, key), True) if may_use(row.member, PASSWORD) else None


def _product_link(row: models.InvitationRow, key: UUID) -> str:
    tokens = rows_of(row.organization_id, models.EmailTokenRow)
    url = settings.PROJECT.redirect_urls.chosen("invite", None)
    minutes = settings.PROJECT.invitations.lifetime_minutes
    with transaction.atomic():
        token_row, _ = tokens.get_or_create(
            pk=key,
            defaults={
                "organization_id": row.organization_id,
                "email_address": row.member.email_address,
                "purpose": EmailPurpose.INVITATION,
                "login_redirect_url": url,
                "signup_redirect_url": url,
                "login_minutes": minutes,
                "signup_minutes": minutes,
                "invited_by": row.invited_by,
                "locale": row.locale,
                "expires_at": row.expires_at,
            },
        )
        token = email_tokens.issue_link(token_row, tokens, minutes=minutes)
        tokens.filter(pk=key).update(expires_at=row.expires_at)
    return with_token(url, TOKEN_TYPE, token)


def _portal_link(row: models.InvitationRow, key: UUID) -> str:
    token = base64.urlsafe_b64encode(email_tokens.derived(key)).rstrip(b"=").decode()
    links = rows_of(row.organization_id, models.SignInLinkRow)
    with transaction.atomic():
        links.filter(member=row.member, used_at=None).exclude(pk=key).delete()
        links.get_or_create(
            pk=key,
            defaults={
                "organization_id": row.organization_id,
                "member_id": row.member_id,
                "token_hash": token_hash(token),
                "email_address": row.member.email_address,
                "expires_at": row.expires_at,
            },
        )
    slug = row.member.organization.slug
    return f"{settings.PUBLIC_URL}{reverse('session:link', args=[slug])}?token={token}"


def _inviter(row: models.InvitationRow) -> models.MemberRow | None:
    members = rows_of(row.organization_id, models.MemberRow)
    return members.filter(pk=parse_id("member", row.invited_by)).first() if row.invited_by else None
