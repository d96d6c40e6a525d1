"""Choosing a new password with a link by email, on a product's page."""

from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from portal.directory.configuration import with_token
from portal.directory.errors import DirectoryError, Forbidden, NotFound
from portal.directory.ids import parse_id, public_id
from portal.directory.members import RESOURCE, Member, MemberStatus
from portal.directory.organizations import PASSWORD
from portal.directory.password_resets import ResetRequest
from portal.directory.sessions import NOTHING_BEFORE, Authentication, AuthenticationFactor, Continuation, SessionTerms
from portal.embedded import models
from portal.embedded.members.languages import language_for
from portal.embedded.members.values import member_value
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.organizations.colors import color_of
from portal.embedded.passwords.stored import change_password, require_reset
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scope import Scope, rows_of
from portal.embedded.sessions.lifecycle import member_as_caller
from portal.embedded.sign_in import email_tokens, emails
from portal.embedded.sign_in.joining import activate, locked_member, member_of, scope_of_request
from portal.embedded.sign_in.methods import email_id, may_use
from portal.embedded.sign_in.outcome import signed_in_or_missing
from portal.embedded.tasks.queue import URGENT, GiveUp
from portal.mail.delivery import UndeliverableError, send_email

RESET_MINUTES = 30  # Stytch's default
_LOWEST, _HIGHEST = 5, 10_080
TOKEN_TYPE = "multi_tenant_passwords"  # noqa: S105 -- Stytch's stytch_token_type


class EmbeddedPasswordResets:
    """Implements portal.directory.password_resets.ProjectPasswordResetGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def start(self, request: ResetRequest) -> tuple[Member, str]:
        """Email a link to a member. Raise Invalid, NotFound, Forbidden, TooManyRequests."""
        row = self._requested(request)
        member = _member_with_password(self._scope, row.email_address)
        email_tokens.ask(row, email_password_reset)
        return member_value(member), email_id(member.pk, member.email_address)

    def request(self, request: ResetRequest) -> None:
        """Have a worker decide whether to email a link. Raise Invalid, TooManyRequests."""
        email_tokens.ask(self._requested(request), email_password_reset)

    def reset(
        self,
        token: str,
        *,
        password: str,
        code_verifier: str,
        terms: SessionTerms,
        before: Continuation = NOTHING_BEFORE,
    ) -> Authentication:
        """Set the password of a link's member, and sign them in. Raise Unauthenticated, Invalid, Forbidden."""
        terms.check()
        tokens = self._scope.of(models.EmailTokenRow)
        row = email_tokens.link_row(tokens, token, (EmailPurpose.PASSWORD_RESET,), code_verifier=code_verifier)
        check_new_password(password, email_address=row.email_address)
        encoded = make_password(password)
        with transaction.atomic():
            member = locked_member(self._scope, row.email_address)
            email_tokens.use(row, tokens, email_tokens.spent())
            if member is None:
                raise email_tokens.spent()
            _require_passwords(member)
            caller, was_active = member_as_caller(member, self._scope.origin), member.status == MemberStatus.ACTIVE
            activate(member, caller)
            keep = parse_id("member-session", before.session.session.member_session_id) if before.session else None
            change_password(member, encoded, caller, keep=keep, is_notified=was_active)
            now = timezone.now()
            entered = AuthenticationFactor("password", "knowledge", now, now)
            outcome = signed_in_or_missing(self._scope, member, entered, terms, before)
        return replace(outcome, method_id=email_id(member.pk, member.email_address))

    def require(self, *, email_address: str, member_id: str = "") -> Member:
        """Let a member's password no longer sign them in. Raise NotFound, Forbidden."""
        self._scope.require_action("update.info.delete.password", RESOURCE)
        with transaction.atomic():
            member = locked_member(self._scope, email_address)
            if member is None or member_id not in {"", public_id("member", member.pk), member.external_id}:
                raise _no_member()
            require_reset(member, self._scope.caller)
        return member_value(member)

    def _requested(self, request: ResetRequest) -> models.EmailTokenRow:
        url = settings.PROJECT.redirect_urls.chosen("reset_password", request.redirect_url)
        minutes = email_tokens.minutes_within(
            "reset_password_expiration_minutes",
            request.minutes,
            default=RESET_MINUTES,
            lowest=_LOWEST,
            highest=_HIGHEST,
        )
        return models.EmailTokenRow(
            organization_id=self._scope.organization_id,
            email_address=request.email_address.strip(),
            purpose=EmailPurpose.PASSWORD_RESET,
            login_redirect_url=url,
            signup_redirect_url=url,
            login_minutes=minutes,
            signup_minutes=minutes,
            code_challenge=email_tokens.check_challenge(request.code_challenge, field="code_challenge"),
            locale=request.locale,
            **email_tokens.reset_templates(request.template_id, request.first_template_id),
            **email_tokens.asked_from(self._scope),
        )


@task(priority=URGENT)
def email_password_reset(organization_id: str, token_id: str) -> None:
    """Email a link to choose a password, if the address is a member's."""
    tokens = rows_of(UUID(organization_id), models.EmailTokenRow)
    row = email_tokens.waiting(tokens, token_id)
    scope = scope_of_request(row) if row else None
    if row is None or scope is None:
        return
    try:
        member = _member_with_password(scope, row.email_address)
    except DirectoryError as error:
        email_tokens.drop(row, tokens, error)
        return
    url = with_token(
        row.login_redirect_url, TOKEN_TYPE, email_tokens.issue_link(row, tokens, minutes=row.login_minutes)
    )
    locale, has_password = language_for(row, member), bool(member.password)
    template_id = row.login_template_id if has_password else row.signup_template_id
    email = emails.password_reset(row, url, member.organization.name, locale, template_id, has_password=has_password)
    try:
        send_email(email, to=member.email_address, key=str(row.pk), color=color_of(member.organization))
    except UndeliverableError as error:
        raise GiveUp from error


def _member_with_password(scope: Scope, email_address: str) -> models.MemberRow:
    """Return the member with an address who may have a password. Raise NotFound, Forbidden."""
    member = member_of(scope.organization_id, email_address)
    if member is None:
        raise _no_member()
    _require_passwords(member)
    return member


def _no_member() -> NotFound:
    return NotFound(
        "The organization has no member with this email address.",
        field="email_address",
        error_type="email_not_found",
    )


def _require_passwords(member: models.MemberRow) -> None:
    if not may_use(member, PASSWORD):
        raise Forbidden(
            "The organization does not allow signing in by password.",
            error_type="operation_restricted_by_organization_auth_methods",
        )
