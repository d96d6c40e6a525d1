"""The cookie of someone who proved who they are, and has yet to choose an organization."""

from enum import StrEnum

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from portal.web.pages import see_other
from portal.web.session_cookie import delete_cookie

_MINUTES_TO_CHOOSE = 10


class Proof(StrEnum):
    """What a person proved. The directory knows it, too: this only says what to ask it."""

    PASSWORD = "password"  # noqa: S105 -- a kind of proof
    EMAIL = "email"


def keep_choice(intermediate_session_token: str, proof: Proof) -> HttpResponse:
    """Redirect to the choice of organizations, with the token in a cookie."""
    response = see_other(reverse("session:organizations"))
    response.set_cookie(
        _cookie(),
        f"{proof}.{intermediate_session_token}" if proof is Proof.EMAIL else intermediate_session_token,
        max_age=60 * _MINUTES_TO_CHOOSE,
        secure=settings.IS_HTTPS,
        httponly=True,
        samesite="Lax",
    )
    return response


def choice(request: HttpRequest) -> tuple[str, Proof]:
    """Return the token of the choice, "" for none, and what it proves."""
    value = request.COOKIES.get(_cookie(), "")
    prefix = f"{Proof.EMAIL}."
    return (value.removeprefix(prefix), Proof.EMAIL) if value.startswith(prefix) else (value, Proof.PASSWORD)


def without_choice(response: HttpResponse) -> HttpResponse:
    """Delete the cookie of the choice between organizations."""
    delete_cookie(response, _cookie())
    return response


def _cookie() -> str:
    return f"{settings.COOKIE_PREFIX}choice"
