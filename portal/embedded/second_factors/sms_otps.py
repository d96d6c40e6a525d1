"""Codes by text message to one organization's members."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.directory.errors import Forbidden, Invalid, NotFound
from portal.directory.members import Member
from portal.directory.permissions import Permission
from portal.directory.phone_numbers import PhoneNumber
from portal.directory.second_factors import NO_CHOICES, SMS_OTP, MfaChoices, WrongCode
from portal.directory.sessions import (
    AuthenticationFactor,
    Continuation,
    PhoneNumberFactor,
    SessionTerms,
    SignedIn,
)
from portal.embedded import models
from portal.embedded.audit import record
from portal.embedded.members import notices
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.values import member_id as id_of
from portal.embedded.members.values import member_value
from portal.embedded.scope import Scope
from portal.embedded.second_factors import attempts, sms_codes
from portal.embedded.second_factors.policy import phone_public_id, require_allowed, require_second_factor
from portal.embedded.second_factors.proof import complete, proved, proved_or_named
from portal.embedded.sessions.lifecycle import member_as_caller
from portal.metrics import SMS


class EmbeddedSmsOtps:
    """Implements portal.directory.sms_otps.SmsOtpGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def are_sent(self) -> bool:
        """Whether SMS_URL is set."""
        return settings.SMS_SERVICE is not None

    def send(self, member_id: str, *, before: Continuation, phone_number: str = "", locale: str = "") -> Member:
        """Have a worker send a code. Raise Unauthenticated, Invalid, Forbidden, NotFound, TooManyRequests."""
        with transaction.atomic():
            proof = proved_or_named(self._scope, member_id, before)
            member = proof.member
            require_allowed(member, SMS_OTP)
            number = _chosen(member, phone_number)
            if not member.mfa_phone_number_verified:
                # With the first factor alone, nobody adds another second one.
                require_second_factor(member, proof.factors)
                if member.mfa_phone_number != number.number:
                    member.mfa_phone_number = number.number
                    member.save(update_fields=["mfa_phone_number", "updated_at"])
            sms_codes.ask(self._scope, member, number, locale)
        return member_value(member)

    def authenticate(
        self,
        member_id: str,
        code: str,
        *,
        before: Continuation,
        terms: SessionTerms | None = None,
        choices: MfaChoices = NO_CHOICES,
    ) -> SignedIn:
        """Add the code to `before`. Raise WrongCode, Unauthenticated, Forbidden, TooManyRequests, Invalid."""
        if terms:
            terms.check()
        with transaction.atomic():
            proof = proved(self._scope, member_id, before)
            member = proof.member
            require_allowed(member, SMS_OTP)
            row = self._scope.of(models.SmsOtpRow).select_for_update().filter(member=member).first()
            if row is not None:
                attempts.check_not_locked(row)
                is_live = sms_codes.is_live(row, member)
                if sms_codes.is_right(row, code) and is_live:
                    sms_codes.use_up(row)
                    if not member.mfa_phone_number_verified:
                        # They may have set up another factor since.
                        require_second_factor(member, proof.factors)
                        _verify(member, self._scope)
                    return complete(self._scope, proof, _factor(member), terms, choices)
                if is_live:
                    sms_codes.count_wrong(row)
        # After the transaction, which keeps the count.
        raise WrongCode(
            "The code is wrong, was already used, or has expired. Ask for a new one.", error_type="otp_code_not_found"
        )

    def delete(self, member_id: str) -> Member:
        """Delete a member's number. Raise NotFound, Forbidden, StepUpRequired."""
        self._scope.require(Permission.MEMBER_PHONE)
        self._scope.require_recent_proof()
        return EmbeddedMembers(self._scope).delete_mfa_phone_number(member_id)


def _chosen(member: models.MemberRow, phone_number: str) -> PhoneNumber:
    """Return the number to send to. One that was never confirmed can be replaced."""
    if not (phone_number or member.mfa_phone_number):
        raise NotFound(
            "The member has no phone number. Send mfa_phone_number.", error_type="member_phone_number_not_found"
        )
    try:
        number = sms_codes.checked(phone_number or member.mfa_phone_number)
    except Forbidden:
        SMS.labels("country_not_allowed").inc()
        raise
    if member.mfa_phone_number_verified and number.number != member.mfa_phone_number:
        raise Invalid(
            "The member already has a phone number. Delete it first.",
            field="mfa_phone_number",
            error_type="duplicate_member_phone_number_for_member",
        )
    return number


def _verify(member: models.MemberRow, scope: Scope) -> None:
    """Have a member's number count from now on."""
    member.mfa_phone_number_verified = True
    member.save(update_fields=["mfa_phone_number_verified", "updated_at"])
    entry = record(
        member_as_caller(member, scope.origin),
        "member.add_mfa_phone_number",
        organization_id=member.organization_id,
        target_id=id_of(member),
        target_name=member.email_address,
    )
    notices.second_factor_added(member, SMS_OTP, entry)


def _factor(member: models.MemberRow) -> AuthenticationFactor:
    now, number = timezone.now(), member.mfa_phone_number
    phone = PhoneNumberFactor(phone_public_id(member), number)
    return AuthenticationFactor("otp", "sms", now, now, phone_number_factor=phone)
