"""Authenticator apps: six digits that change every 30 seconds (Stytch: totps; RFC 6238)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, urlencode

from portal.directory.members import Member
from portal.directory.second_factors import NO_CHOICES, MfaChoices
from portal.directory.sessions import Continuation, SessionTerms, SignedIn


@dataclass(frozen=True, slots=True)
class NewTotp:
    """An app to set up. It counts once its first code was right; `recovery_codes` replace all earlier ones."""

    member: Member
    totp_registration_id: str
    # In base32, as the app reads it.
    secret: str = field(repr=False)
    # The otpauth URL that a QR code shows.
    url: str = field(repr=False)
    recovery_codes: tuple[str, ...] = field(repr=False)


def app_url(secret: str, *, email_address: str, organization_name: str) -> str:
    """Return the URL that an app reads a secret from (Key Uri Format)."""
    # A colon separates the two parts of the label.
    issuer = organization_name.replace(":", " ")
    label = f"{quote(issuer, safe='')}:{quote(email_address, safe='@')}"
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer}, quote_via=quote)}"


class TotpGateway(Protocol):
    """The authenticator apps of one organization's members, one for each.

    `before` is a session of the member, or the token of a sign-in that waits for a second factor.
    """

    def create(self, member_id: str, *, before: Continuation, minutes: int | None = None) -> NewTotp:
        """Start to set up an app, to be finished within `minutes` (Stytch: totps.create). It replaces an unfinished one.

        Raise Unauthenticated unless `before` proves who it is, with a second factor if the member has one; Invalid if the
        member has an app, Forbidden if the organization doesn't allow apps.
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
        """Add the app's code to `before`: continue its session, or start one (Stytch: totps.authenticate).

        With `terms` it is a product's session, else the portal's. A code works once. Raise WrongCode, Unauthenticated if
        `before` has ended, NotFound without an app, Forbidden if the organization doesn't allow apps, TooManyRequests after too many wrong
        codes.
        """
        ...

    def delete(self, member_id: str) -> Member:
        """Delete a member's app and recovery codes, so that they can set up another one. Sessions continue.

        Needs `stytch.member:update.info.delete.mfa-totp`. Raise NotFound, Forbidden, StepUpRequired.
        """
        ...


class ProjectTotpGateway(TotpGateway, Protocol):
    """The same for products."""

    def migrate(self, member_id: str, *, secret: str, recovery_codes: Sequence[str]) -> NewTotp:
        """Give a member the app that they set up elsewhere (Stytch: totps.migrate).

        Raise NotFound, Invalid for a secret that isn't one or if the member has an app, Forbidden on behalf of a member.
        """
        ...
