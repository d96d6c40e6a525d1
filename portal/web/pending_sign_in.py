"""A sign-in that waits for a second factor, in a signed cookie of this browser: it opens the pages that ask, and no others."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgspec
from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal.directory.second_factors import SMS_OTP, PendingSignIn
from portal.directory.sessions import Continuation
from portal.web.pages import see_other
from portal.web.session_cookie import delete_cookie

_SECONDS = 600  # as long as an intermediate session lasts
_SALT = "gatehouse.pending-sign-in"


@dataclass(frozen=True, slots=True)
class WaitingSignIn:
    """A sign-in that waits, the page to open afterwards, and the secret of an app that is being set up, "" for none."""

    pending: PendingSignIn
    onward: str = ""
    secret: str = field(default="", repr=False)
    # The last two digits of the phone number that a code was sent to, "" if none was.
    sent_to: str = ""

    @property
    def before(self) -> Continuation:
        """What was proved so far."""
        return Continuation(intermediate_session_token=self.pending.intermediate_session_token)


def waiting_for(pending: PendingSignIn, onward: str = "") -> WaitingSignIn:
    """Return a sign-in that begins to wait. A code may have been sent already."""
    return WaitingSignIn(pending, onward, sent_to=pending.phone_ending if pending.initiated == SMS_OTP else "")


def ask_for_second_factor(pending: PendingSignIn, *, onward: str = "") -> HttpResponse:
    """Return the redirect to the page that asks for the second factor."""
    response = see_other(reverse("session:second-factor", args=[pending.organization_slug]))
    keep_waiting(response, waiting_for(pending, onward))
    return response


def keep_waiting(response: HttpResponse, waiting: WaitingSignIn) -> None:
    """Set the cookie. It doesn't last longer than the sign-in can wait."""
    response.set_cookie(
        _name(),
        signing.dumps(asdict(waiting), salt=_SALT),
        max_age=_SECONDS,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )


def waiting_sign_in(request: HttpRequest, organization_slug: str) -> WaitingSignIn | None:
    """Return the sign-in to this organization that waits in this browser, None if there isn't one or it took too long."""
    try:
        stored: Any = signing.loads(request.COOKIES.get(_name(), ""), salt=_SALT, max_age=_SECONDS)
        waiting = msgspec.convert(stored, WaitingSignIn)
    except (signing.BadSignature, msgspec.ValidationError):
        return None
    return waiting if waiting.pending.organization_slug == organization_slug else None


def with_secret(waiting: WaitingSignIn, secret: str) -> WaitingSignIn:
    """Return a sign-in with the secret of the app that is being set up."""
    return replace(waiting, secret=secret)


def with_code_sent(waiting: WaitingSignIn, phone_ending: str) -> WaitingSignIn:
    """Return a sign-in with the last two digits of the number that a code was sent to."""
    return replace(waiting, sent_to=phone_ending)


def forget_waiting(response: HttpResponse) -> None:
    """Delete the cookie."""
    delete_cookie(response, _name())


def took_too_long(request: HttpRequest, organization_slug: str) -> HttpResponse:
    """Return the redirect to sign-in, which says that a sign-in doesn't wait any longer."""
    messages.warning(request, "Signing in took too long. Sign in again.")
    response = see_other(reverse("session:sign-in", args=[organization_slug]))
    forget_waiting(response)
    return response


def _name() -> str:
    return f"{settings.COOKIE_PREFIX}second-factor"
