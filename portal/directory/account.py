"""The account of the member who is signed in: what they may change about it themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from portal.directory.members import Member
from portal.directory.sessions import SignedIn


@dataclass(frozen=True, slots=True)
class PendingEmailUpdate:
    """An address that becomes the member's once they prove that they receive email there.

    `expires_at` is None until the email is sent, from when the code is valid.
    """

    email_address: str
    expires_at: datetime | None


class AccountGateway(Protocol):
    """The acting member's own account. Without one, each method raises Unauthenticated.

    What changes something needs a recent proof (portal.directory.step_up) and raises StepUpRequired without one, unless its
    arguments are a proof themselves.
    """

    def change_password(self, new_password: str, *, existing_password: str = "") -> SignedIn:
        """Replace the password, or set the first one, and end all other sessions of the member.

        With `existing_password`, no other proof is needed. Raise Unauthenticated if it is wrong, Invalid for a weak new
        password, Forbidden if the organization doesn't allow passwords, Conflict if the password was changed in the
        meantime.
        """
        ...

    def change_name(self, name: str) -> Member:
        """Change the name that others see. Needs no recent proof.

        Raise Conflict if an identity provider manages the member, Invalid for a name that is too long, Forbidden.
        """
        ...

    def delete_totp(self) -> Member:
        """Delete the authenticator app and the recovery codes. Sessions continue.

        The member is no longer asked for a second factor, unless they have another one or the organization requires it.
        Raise NotFound without an app, Forbidden, Unauthenticated if the session has no second factor.
        """
        ...

    def delete_phone_number(self) -> Member:
        """Delete the phone number. Sessions continue.

        The member is no longer asked for a second factor, unless they have another one or the organization requires it.
        Raise NotFound without a number, Forbidden, Unauthenticated if the session has no second factor.
        """
        ...

    def change_default_method(self, method: str) -> Member:
        """Ask for this method first from now on, totp or sms_otp (Stytch: default_mfa_method).

        A passkey is offered first after it was the last factor used. Raise Invalid unless the member has set the method up
        and the organization allows it, Forbidden, Unauthenticated if the session has no second factor.
        """
        ...

    def pending_email_update(self) -> PendingEmailUpdate | None:
        """Return the change of the address that waits for its proof; None if there is none, or if that isn't known."""
        ...

    def start_email_update(self, email_address: str) -> None:
        """Email a code to a new address (Stytch: organizations.members.start_email_update).

        The address stays the same until `finish_email_update`. The old address is notified of the request. Neither the
        result nor the time taken reveals whether someone has the new address. Raise Invalid for a bad address, Conflict if
        an identity provider manages the address, NotFound if no email can be sent, TooManyRequests.
        """
        ...

    def finish_email_update(self, *, email_address: str, code: str) -> SignedIn:
        """Give the member the address that the code was sent to, and notify the old one.

        Ends sessions that only a code or link to the old address had started. The code works once, and no longer after
        five wrong ones. Raise Unauthenticated for a wrong code, Conflict if the organization would have no admin, or if
        someone got the address in the meantime.
        """
        ...

    def cancel_email_update(self) -> None:
        """End the change that waits for its proof. It isn't an error if there is none. Needs no recent proof."""
        ...

    def revoke_session(self, member_session_id: str) -> None:
        """End one session of the member. Raise NotFound if it isn't theirs."""
        ...

    def revoke_other_sessions(self) -> None:
        """End all sessions of the member except the one in use."""
        ...

    def data(self) -> Mapping[str, Any]:
        """Return everything that is stored about the member, without secrets, as JSON values."""
        ...

    def leave(self) -> None:
        """Delete the membership, with its sessions. Raise Conflict for the last admin, or if an identity provider manages it."""
        ...
