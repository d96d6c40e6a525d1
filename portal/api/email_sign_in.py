"""What the methods have in common that send links and codes: what browsers may use, limits, and the response."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from portal.access import rate_limits
from portal.access.rate_limits import Attempt
from portal.api import wire
from portal.api.caller import Caller
from portal.api.errors.responses import ApiError
from portal.directory.configuration import PkceFlow, SdkMethod
from portal.directory.locales import Locale
from portal.directory.members import Member

# What SDKs send: "" is as good as nothing.
AskedLocale = Locale | Literal[""] | None

# Seconds: the shortest default windows of the limits.
_WAIT, _PAUSE, _EMAIL_WAIT = "60", "3600", "900"


class EmailSentResponse(msgspec.Struct):
    """The member who gets the email. Browsers aren't told: they could look for members."""

    member_id: str | UnsetType = UNSET
    member_created: bool | UnsetType = UNSET
    member: wire.Member | UnsetType = UNSET
    organization: wire.Organization | UnsetType = UNSET


def email_sent(caller: Caller, member: Member, is_new: bool) -> EmailSentResponse:  # noqa: FBT001 -- a pair of the directory
    """Return what a backend learns of an email that will be sent."""
    organization = caller.directory.organization.get_with_connection()
    return EmailSentResponse(member.member_id, is_new, wire.member(member), wire.organization(organization))


def require_method(caller: Caller, method: SdkMethod) -> None:
    """Raise ApiError unless the project lets browsers use a method."""
    if caller.actor is None and method not in caller.project.configuration.sdk.methods:
        raise ApiError("endpoint_not_authorized_for_sdk", f"The project does not allow {method} in browsers.")


def require_pkce(caller: Caller, flow: PkceFlow, code_challenge: str | None) -> None:
    """Raise ApiError if the project wants PKCE from browsers for a flow, and the request has no challenge."""
    if caller.actor is None and not code_challenge and flow in caller.project.configuration.sdk.pkce_required:
        raise ApiError("pkce_required", "The project requires PKCE: send a code challenge.")


def count_email(caller: Caller, email_address: str) -> None:
    """Count an email to an address. Raise ApiError beyond the limit. The IP address of a backend doesn't count."""
    slug = caller.opened.organization.get().organization_slug if caller.opened else ""
    attempt = Attempt("" if caller.actor else caller.origin.ip_address, slug, email_address)
    if not rate_limits.admit_email(attempt):
        message = "Too many emails to this address, or from your IP address. Try again in 15 minutes."
        raise ApiError("too_many_requests", message, Retry_After=_EMAIL_WAIT)


def count_attempt(caller: Caller, email_address: str, organization_slug: str = "") -> Attempt:
    """Count an attempt to sign in, and return it for `forgive`. Raise ApiError beyond the limit.

    The IP address of a backend doesn't count: it isn't the member's.
    """
    attempt = Attempt("" if caller.actor else caller.origin.ip_address, organization_slug, email_address)
    if rate_limits.admit(attempt):
        return attempt
    if rate_limits.is_paused(attempt):
        caller.project.lock_recorder().lock(email_address, until=rate_limits.pause_ends(attempt))
        message = (
            "Too many wrong passwords or codes for this email address. They are paused for up to an hour. "
            "A link by email still works."
        )
        raise ApiError("user_lock_limit_reached", message, Retry_After=_PAUSE)
    message = "Too many attempts. Wait a few minutes, then try again."
    raise ApiError("too_many_requests", message, Retry_After=_WAIT)
