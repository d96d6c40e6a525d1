"""Email magic links to one organization."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from portal.access.rate_limits import admit_invitations
from portal.directory.configuration import with_token
from portal.directory.errors import Conflict, DirectoryError, Forbidden, TooManyRequests
from portal.directory.ids import parse_id, public_id
from portal.directory.magic_links import Invitation, MagicLinkRequest
from portal.directory.members import Member, MemberChanges, MemberStatus
from portal.directory.organizations import ALL_ALLOWED, MAGIC_LINK, NOT_ALLOWED
from portal.directory.sessions import NOTHING_BEFORE, Authentication, Continuation, SessionTerms
from portal.embedded import models
from portal.embedded.invitations import records
from portal.embedded.members.languages import language_for
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.sign_in_emails import invitation
from portal.embedded.members.values import member_value
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.organizations import domain_rows
from portal.embedded.scope import Scope, rows_of
from portal.embedded.sessions.lifecycle import member_as_caller, session_key
from portal.embedded.sign_in import email_tokens, emails
from portal.embedded.sign_in.email_updates import updated_member
from portal.embedded.sign_in.joining import (
    activate,
    find_or_join,
    locked_member_or_join,
    member_of,
    recipient,
    scope_of_request,
)
from portal.embedded.sign_in.methods import email_factor, email_id
from portal.embedded.sign_in.outcome import signed_in_or_missing
from portal.embedded.tasks.queue import URGENT, GiveUp
from portal.mail.delivery import UndeliverableError, send_email
from portal.mail.own_templates import known_template

LINK_MINUTES = 60  # Stytch's default
_LOWEST, _HIGHEST = 5, 10_080
TOKEN_TYPE = "multi_tenant_magic_links"  # noqa: S105 -- Stytch's stytch_token_type


class EmbeddedMagicLinks:
    """Implements portal.directory.magic_links.ProjectMagicLinkGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def login_or_signup(self, request: MagicLinkRequest) -> tuple[Member, bool]:
        """Email a link to a member, or to someone who may join. Raise Invalid, Forbidden, TooManyRequests."""
        row = self._requested(request)
        member, is_new = find_or_join(self._scope, request.email_address, MAGIC_LINK)
        email_tokens.ask(row, email_magic_link)
        return member_value(member), is_new

    def request(self, request: MagicLinkRequest) -> None:
        """Have a worker decide whether to email a link. Raise Invalid, TooManyRequests."""
        email_tokens.ask(self._requested(request), email_magic_link)

    def invite(self, invitation: Invitation) -> Member:
        """Create an invited member and email them a link. Raise Invalid, Conflict, Forbidden."""
        row = self._invited(invitation)
        members, existing = EmbeddedMembers(self._scope), member_of(self._scope.organization_id, row.email_address)
        if existing is not None and existing.status == MemberStatus.ACTIVE:
            raise Conflict("The member is active already.", field="email_address", error_type="duplicate_member_email")
        changes = MemberChanges(
            name=invitation.name,
            roles=invitation.roles,
            trusted_metadata=invitation.trusted_metadata,
            untrusted_metadata=invitation.untrusted_metadata,
        )
        with transaction.atomic():
            if existing is None:
                new = replace(changes, email_address=row.email_address)
                member = members.create(new, status=MemberStatus.INVITED)
            else:
                self._scope.require_action("create", "stytch.member")
                member = members.update(public_id("member", existing.pk), changes)
            if self._scope.signed_in and not admit_invitations(str(self._scope.organization_id)):
                raise TooManyRequests("Your organization has sent as many invitations as it can in a day.")
            email_tokens.ask(row, email_magic_link)
            invited = self._scope.of(models.MemberRow).get(pk=parse_id("member", member.member_id))
            lifetime = timedelta(minutes=row.signup_minutes)
            records.remember(invited, invited_by=row.invited_by, lifetime=lifetime, locale=row.locale)
        return member

    def authenticate(
        self, token: str, *, code_verifier: str, terms: SessionTerms, before: Continuation = NOTHING_BEFORE
    ) -> Authentication:
        """Sign the reader of a link in. Raise Unauthenticated, Invalid."""
        terms.check()
        tokens = self._scope.of(models.EmailTokenRow)
        purposes = (EmailPurpose.MAGIC_LINK, EmailPurpose.INVITATION, EmailPurpose.EMAIL_UPDATE)
        row = email_tokens.link_row(tokens, token, purposes, code_verifier=code_verifier)
        with transaction.atomic():
            member = (
                updated_member(self._scope, row, keep=session_key(before.session))
                if row.purpose == EmailPurpose.EMAIL_UPDATE
                else locked_member_or_join(self._scope, row.email_address)
            )
            email_tokens.use(row, tokens, email_tokens.spent())
            if member is None:
                raise email_tokens.spent()
            activate(member, member_as_caller(member, self._scope.origin))
            factor = email_factor(MAGIC_LINK, member.email_address, member.pk, timezone.now())
            outcome = signed_in_or_missing(self._scope, member, factor, terms, before)
        return replace(outcome, method_id=email_id(member.pk, member.email_address))

    def _requested(self, request: MagicLinkRequest) -> models.EmailTokenRow:
        urls = settings.PROJECT.redirect_urls
        return models.EmailTokenRow(
            organization_id=self._scope.organization_id,
            email_address=request.email_address.strip(),
            purpose=EmailPurpose.MAGIC_LINK,
            login_redirect_url=urls.chosen("login", request.login_redirect_url),
            signup_redirect_url=urls.chosen("signup", request.signup_redirect_url),
            login_minutes=_minutes("login_expiration_minutes", request.login_minutes, LINK_MINUTES),
            signup_minutes=_minutes("signup_expiration_minutes", request.signup_minutes, LINK_MINUTES),
            code_challenge=email_tokens.check_challenge(request.code_challenge),
            locale=request.locale,
            **email_tokens.templates(
                "sign-in-link",
                login_template_id=request.login_template_id,
                signup_template_id=request.signup_template_id,
            ),
            **email_tokens.asked_from(self._scope),
        )

    def _invited(self, invitation: Invitation) -> models.EmailTokenRow:
        address = invitation.email_address.strip()
        self._require_invitations(address)
        url = settings.PROJECT.redirect_urls.chosen("invite", invitation.redirect_url)
        minutes = _minutes(
            "invite_expiration_minutes", invitation.minutes, settings.PROJECT.invitations.lifetime_minutes
        )
        signed_in = self._scope.signed_in
        inviter = signed_in.member.member_id if signed_in else invitation.invited_by or ""
        if inviter and not signed_in:
            inviter = EmbeddedMembers(self._scope).get(inviter).member_id
        return models.EmailTokenRow(
            organization_id=self._scope.organization_id,
            email_address=address,
            purpose=EmailPurpose.INVITATION,
            login_redirect_url=url,
            signup_redirect_url=url,
            login_minutes=minutes,
            signup_minutes=minutes,
            invited_by=inviter,
            locale=invitation.locale,
            login_template_id=known_template(invitation.template_id, "invitation", parameter="invite_template_id"),
        )

    def _require_invitations(self, email_address: str) -> None:
        """Raise Forbidden unless the organization lets this address be invited (Stytch: email_invites), and allows links."""
        organization = self._scope.organization
        if not organization.settings.allows(MAGIC_LINK):
            # The link would lead nowhere.
            raise Forbidden(
                "The organization does not allow signing in with links, so an invitation could not be accepted.",
                error_type="operation_restricted_by_organization_auth_methods",
            )
        rule = organization.settings.email_invites
        if rule == NOT_ALLOWED or (rule != ALL_ALLOWED and not self._is_of_allowed_domain(email_address)):
            raise Forbidden(
                "The organization does not allow inviting this email address.",
                field="email_address",
                error_type="invalid_email_for_invites",
            )

    def _is_of_allowed_domain(self, email_address: str) -> bool:
        row = models.OrganizationRow.objects.get(pk=self._scope.organization_id)
        return domain_rows.counts(row, email_address)


@task(priority=URGENT)
def email_magic_link(organization_id: str, token_id: str) -> None:
    """Email a link, if the address is a member's or someone's who may join by their email domain."""
    tokens = rows_of(UUID(organization_id), models.EmailTokenRow)
    row = email_tokens.waiting(tokens, token_id)
    scope = scope_of_request(row) if row else None
    if row is None or scope is None:
        return
    try:
        member = recipient(scope, row.email_address, MAGIC_LINK)
    except DirectoryError as error:
        email_tokens.drop(row, tokens, error)
        return
    is_active = member is not None and member.status == MemberStatus.ACTIVE
    minutes = row.login_minutes if is_active else row.signup_minutes
    token = email_tokens.issue_link(row, tokens, minutes=minutes)
    url = with_token(row.login_redirect_url if is_active else row.signup_redirect_url, TOKEN_TYPE, token)
    if row.purpose == EmailPurpose.INVITATION and member is not None:
        inviter = scope.of(models.MemberRow).filter(pk=parse_id("member", row.invited_by)).first()
        email = invitation(
            member,
            url,
            sender=inviter,
            expires_at=row.expires_at,
            locale=row.locale,
            template_id=row.login_template_id,
        )
    else:
        name = scope.organization.organization_name
        template_id = row.login_template_id if is_active else row.signup_template_id
        email = emails.magic_link(row, url, name, language_for(row, member), template_id)
    try:
        send_email(email, to=row.email_address, key=str(row.pk), color=scope.organization.settings.theme.color)
    except UndeliverableError as error:
        raise GiveUp from error


def _minutes(field: str, minutes: int | None, default: int) -> int:
    return email_tokens.minutes_within(field, minutes, default=default, lowest=_LOWEST, highest=_HIGHEST)
