"""Inviting people to an organization, and invitations that nobody has accepted yet."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.utils import timezone

from portal.directory.locales import Locale
from portal.directory.members import Member
from portal.directory.pages import DEFAULT_LIMIT, Page

# An invitation that ends so soon is worth a look.
_SOON = timedelta(days=1)
# An email that is sent at all is sent by then, also the last one of a long list.
_EMAILED_AFTER = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """A person to invite, with their roles and the language of the email: "" for that of the organization."""

    email_address: str
    name: str = ""
    roles: tuple[str, ...] = ()
    locale: str = ""


@dataclass(frozen=True, slots=True)
class PendingInvitation:
    """A member who hasn't accepted yet. Only the embedded directory knows more than the member."""

    member: Member
    # Who invited them, "" if it wasn't a member, or isn't one now.
    invited_by: str = ""
    sent_at: datetime | None = None
    expires_at: datetime | None = None
    # When the mail server accepted the email, None before, and if it rejected it.
    emailed_at: datetime | None = None

    @property
    def is_not_emailed(self) -> bool:
        """Whether no mail server has accepted the email although there was time for it."""
        return self.emailed_at is None and self.sent_at is not None and self.sent_at + _EMAILED_AFTER <= timezone.now()

    @property
    def has_expired(self) -> bool:
        """Whether the link no longer works."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def expires_soon(self) -> bool:
        """Whether the link ends within a day."""
        return not self.has_expired and self.expires_at is not None and self.expires_at <= timezone.now() + _SOON


@dataclass(frozen=True, slots=True)
class ExpiringInvitations:
    """How many invitations have expired, and how many end within a day: 1000 together at most, the expired ones first."""

    expired: int
    expiring: int


class InvitationGateway(Protocol):
    """Invitations. The permissions are Stytch's: `stytch.member:create` to invite, `stytch.member:delete` to revoke."""

    @property
    def has_details(self) -> bool:
        """Whether it's known who invited, when, and until when the link works."""
        ...

    @property
    def locales(self) -> tuple[Locale, ...]:
        """The languages that the email can be in."""
        ...

    @property
    def lifetime(self) -> timedelta:
        """For how long the link in an email works."""
        ...

    def obstacle(self) -> str:
        """Return why nobody can be invited now, such as a setting of the organization; "" if people can be."""
        ...

    def grantable_roles(self) -> tuple[str, ...]:
        """Return the roles that the acting member can give to people they invite, without the one that everyone has."""
        ...

    def invite(self, new: NewInvitation) -> Member:
        """Create an invited member and email them a link.

        Roles also need `update.settings.roles`, and each permission that they grant. Raise Invalid, Conflict if the address
        is a member's already, Forbidden, also if the organization doesn't allow the invitation, TooManyRequests.
        """
        ...

    def page(self, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[PendingInvitation]:
        """Return a page of pending invitations, those that end first before the others. Needs `stytch.member:search`."""
        ...

    def expiring(self) -> ExpiringInvitations | None:
        """Return how many need attention; None if the directory doesn't know. Needs `stytch.member:search`."""
        ...

    def of_members(self, member_ids: tuple[str, ...]) -> dict[str, PendingInvitation]:
        """Return the pending invitations of these members by member ID, without those that aren't known."""
        ...

    def resend(self, member_id: str) -> Member:
        """Email another link, which replaces the one before.

        Raise NotFound, Conflict if the member isn't invited now, Forbidden as `invite`, TooManyRequests.
        """
        ...

    def revoke(self, member_id: str) -> str:
        """End the link and delete the member. Return the address.

        Raise NotFound, Conflict if the member isn't invited now, Forbidden.
        """
        ...
