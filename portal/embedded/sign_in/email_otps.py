"""Codes by email, of one organization."""

from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from portal.directory.email_otps import CodeRequest
from portal.directory.errors import DirectoryError
from portal.directory.members import Member, MemberStatus
from portal.directory.organizations import EMAIL_OTP
from portal.directory.sessions import NOTHING_BEFORE, Authentication, Continuation, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.members.languages import language_for
from portal.embedded.members.values import member_value
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.scope import Scope, rows_of
from portal.embedded.sessions.lifecycle import member_as_caller, session_key, session_not_found
from portal.embedded.sign_in import email_tokens, emails
from portal.embedded.sign_in.email_updates import updated_member
from portal.embedded.sign_in.joining import activate, find_or_join, locked_member_or_join, recipient, scope_of_request
from portal.embedded.sign_in.methods import email_factor, email_id
from portal.embedded.sign_in.outcome import open_portal, signed_in_or_missing
from portal.embedded.tasks.queue import URGENT, GiveUp
from portal.mail.delivery import UndeliverableError, send_email

CODE_MINUTES = 10  # Stytch's default
_LOWEST, _HIGHEST = 2, 15


class EmbeddedEmailOtps:
    """Implements portal.directory.email_otps.ProjectEmailOtpGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def are_emailed(self) -> bool:
        """Whether email is configured."""
        return bool(settings.EMAIL_IS_SET_UP)

    def login_or_signup(self, request: CodeRequest) -> tuple[Member, bool]:
        """Email a code to a member, or to someone who may join. Raise Invalid, Forbidden, TooManyRequests."""
        row = self._requested(request)
        member, is_new = find_or_join(self._scope, request.email_address, EMAIL_OTP)
        email_tokens.ask(row, email_code)
        return member_value(member), is_new

    def request(self, request: CodeRequest) -> None:
        """Have a worker decide whether to email a code. Raise Invalid, TooManyRequests."""
        email_tokens.ask(self._requested(request), email_code)

    def sign_in(self, *, email_address: str, code: str) -> SignedIn:
        """Start a session of the portal with a code. Raise Unauthenticated, SecondFactorRequired."""
        return open_portal(self.authenticate(email_address=email_address, code=code, terms=None))

    def confirm(self, code: str) -> SignedIn:
        """Add the code to the factors of the acting member's session. Raise Unauthenticated."""
        holder = self._scope.signed_in
        if holder is None:
            raise session_not_found()
        before, address = Continuation(session=holder), holder.member.email_address
        outcome = self.authenticate(email_address=address, code=code, terms=None, before=before)
        record(
            self._scope.caller,
            "member_session.confirm_code",
            organization_id=self._scope.organization_id,
            target_id=holder.session.member_session_id,
            target_name=address,
        )
        return outcome.signed_in or holder

    def authenticate(
        self, *, email_address: str, code: str, terms: SessionTerms | None, before: Continuation = NOTHING_BEFORE
    ) -> Authentication:
        """Sign in the person with the code: with `terms` to a product, else to the portal. Raise Unauthenticated, Invalid."""
        if terms:
            terms.check()
        tokens = self._scope.of(models.EmailTokenRow)
        # To products, the code of a new address is as any other. The portal takes it in the session that asked for it.
        purposes = (EmailPurpose.CODE, EmailPurpose.UPDATE_CODE) if terms else (EmailPurpose.CODE,)
        row = email_tokens.code_row(tokens, email_address, code, purposes=purposes)
        with transaction.atomic():
            member = (
                updated_member(self._scope, row, keep=session_key(before.session))
                if row.purpose == EmailPurpose.UPDATE_CODE
                else locked_member_or_join(self._scope, row.email_address)
            )
            email_tokens.use(row, tokens, email_tokens.wrong_code())
            if member is None:
                raise email_tokens.wrong_code()
            activate(member, member_as_caller(member, self._scope.origin))
            factor = email_factor(EMAIL_OTP, member.email_address, member.pk, timezone.now())
            outcome = signed_in_or_missing(self._scope, member, factor, terms, before)
        return replace(outcome, method_id=email_id(member.pk, member.email_address))

    def _requested(self, request: CodeRequest) -> models.EmailTokenRow:
        return models.EmailTokenRow(
            organization_id=self._scope.organization_id,
            email_address=request.email_address.strip(),
            purpose=EmailPurpose.CODE,
            login_minutes=_minutes("login_expiration_minutes", request.login_minutes),
            signup_minutes=_minutes("signup_expiration_minutes", request.signup_minutes),
            locale=request.locale,
            **email_tokens.templates(
                "one-time-code",
                login_template_id=request.login_template_id,
                signup_template_id=request.signup_template_id,
            ),
            **email_tokens.asked_from(self._scope),
        )


@task(priority=URGENT)
def email_code(organization_id: str, token_id: str) -> None:
    """Email a code, if the address is a member's or someone's who may join by their email domain."""
    tokens = rows_of(UUID(organization_id), models.EmailTokenRow)
    row = email_tokens.waiting(tokens, token_id)
    scope = scope_of_request(row) if row else None
    if row is None or scope is None:
        return
    try:
        member = recipient(scope, row.email_address, EMAIL_OTP)
    except DirectoryError as error:
        email_tokens.drop(row, tokens, error)
        return
    is_active = member is not None and member.status == MemberStatus.ACTIVE
    value = email_tokens.issue_code(row, tokens, minutes=row.login_minutes if is_active else row.signup_minutes)
    template_id = row.login_template_id if is_active else row.signup_template_id
    email = emails.code(row, value, scope.organization.organization_name, language_for(row, member), template_id)
    try:
        send_email(email, to=row.email_address, key=str(row.pk), color=scope.organization.settings.theme.color)
    except UndeliverableError as error:
        raise GiveUp from error


def _minutes(field: str, minutes: int | None) -> int:
    return email_tokens.minutes_within(field, minutes, default=CODE_MINUTES, lowest=_LOWEST, highest=_HIGHEST)
