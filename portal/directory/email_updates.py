"""Changing a member's email address, with proof of the new one (Stytch: organizations.members.start_email_update)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from portal.directory.members import Member


class DeliveryMethod(StrEnum):
    """What is emailed to the new address, in Stytch's terms."""

    LINK = "EMAIL_MAGIC_LINK"
    CODE = "EMAIL_OTP"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailUpdateRequest:
    """The new address of a member, and where a link leads: the configured default if it is None."""

    email_address: str
    delivery_method: DeliveryMethod = DeliveryMethod.LINK
    redirect_url: str | None = None
    # The language of the email (Stytch: locale), "" for that of the member or the organization.
    locale: str = ""
    # The operator's own template of the email with a link (Stytch: login_template_id), None for the project's.
    template_id: str | None = None


class EmailUpdateGateway(Protocol):
    """Changes of addresses, for products and for pages about other members."""

    def start(self, member_id: str, request: EmailUpdateRequest) -> Member:
        """Email a link or code to the new address, and return the member, whose address stays the same until it is used.

        It is used as any link or code (magic_links.authenticate, otps.email.authenticate), and signs the member in. Needs
        `update.info.email`. Raise NotFound, Forbidden, Invalid for a member who isn't active or whose address isn't
        verified, and for a bad address, Conflict if another member has it or is about to, or if an identity provider
        manages the address, TooManyRequests. Pages need a recent proof, and raise StepUpRequired without one.
        """
        ...
