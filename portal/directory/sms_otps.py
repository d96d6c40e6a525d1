"""Codes by text message, as a second factor (Stytch: otps.sms)."""

from typing import Protocol

from portal.directory.members import Member
from portal.directory.second_factors import NO_CHOICES, MfaChoices
from portal.directory.sessions import Continuation, SessionTerms, SignedIn

CODE_MINUTES = 2  # Stytch's


class SmsOtpGateway(Protocol):
    """Codes to the phone numbers of one organization's members, one number for each.

    `before` is a session of the member, or the token of a sign-in that waits for a second factor.
    """

    @property
    def are_sent(self) -> bool:
        """Whether text messages can be sent at all."""
        ...

    def send(self, member_id: str, *, before: Continuation, phone_number: str = "", locale: str = "") -> Member:
        """Have a code sent to the member's number (Stytch: otps.sms.send). It works for two minutes, and replaces the one before.

        In a language (Stytch: locale), by default the member's. Without a verified number, `phone_number` becomes theirs, and counts once its first code was right. Raise
        Unauthenticated unless `before` proves who it is, with a second factor if the member has one and the number is new;
        Invalid for a number that isn't one, or if they have another one; Forbidden for a country that isn't allowed, or if the
        organization doesn't allow codes by text message; NotFound if none can be sent, or without a number;
        TooManyRequests.
        """
        ...

    def authenticate(
        self,
        member_id: str,
        code: str,
        *,
        before: Continuation,
        terms: SessionTerms | None = None,
        choices: MfaChoices = NO_CHOICES,
    ) -> SignedIn:
        """Add the code to `before`: continue its session, or start one (Stytch: otps.sms.authenticate).

        With `terms` it is a product's session, else the portal's. A code works once, and no longer after five wrong ones.
        The first one verifies the number. Raise WrongCode, Unauthenticated if `before` has ended, Forbidden if the
        organization doesn't allow codes by text message, TooManyRequests after too many wrong codes.
        """
        ...

    def delete(self, member_id: str) -> Member:
        """Delete a member's number, so that they can add another one. Sessions continue.

        Needs `stytch.member:update.info.delete.mfa-phone`. Raise NotFound, Forbidden, StepUpRequired.
        """
        ...
