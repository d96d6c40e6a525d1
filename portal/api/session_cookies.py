"""Sessions of browsers in cookies that scripts can't read (Stytch: HttpOnly cookies).

The SDK then gets empty tokens. Another site can't use the cookies: every request needs an Authorization header, which
browsers send to the API only for pages of registered origins.
"""

from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from portal.api.declaration import Endpoint
from portal.directory.configuration import Sdk

# The names that Stytch's SDKs and backends know.
_TOKEN, _JWT = "stytch_session", "stytch_session_jwt"
_REVOKE = "sessions.revoke"
# With one of these, the SDK forgets its session.
_ENDED = frozenset(
    {"unauthorized_credentials", "user_unauthenticated", "invalid_secret_authentication", "session_not_found"}
)

Result = TypeVar("Result", bound=msgspec.Struct)


def are_used() -> bool:
    """Say whether the project keeps the sessions of browsers in cookies."""
    return _sdk().http_only_cookies


def token_of(request: HttpRequest) -> str:
    """Return the session token of a browser, or "" if the project doesn't use cookies."""
    return request.COOKIES.get(_TOKEN, "") if are_used() else ""


def without_tokens(result: Result) -> Result:
    """Return what the browser may read of a result."""
    return msgspec.structs.replace(result, session_token="", session_jwt="") if _has_session(result) else result


def update(response: HttpResponse, endpoint: Endpoint, result: msgspec.Struct) -> None:
    """Keep the session of a result in the browser until the session ends, or delete the one that it had."""
    if _has_session(result):
        _keep(response, msgspec.structs.asdict(result))
    elif endpoint.name == _REVOKE or getattr(result, "member_session", ...) is None:
        _forget(response)


def forget_ended(request: HttpRequest, response: HttpResponse, error_type: str) -> None:
    """Delete the session from the browser if the SDK forgets it because of an error."""
    if error_type in _ENDED and token_of(request):
        _forget(response)


def _keep(response: HttpResponse, values: dict[str, Any]) -> None:
    for name, value in ((_TOKEN, values["session_token"]), (_JWT, values["session_jwt"])):
        response.set_cookie(
            name,
            value,
            expires=values["member_session"].expires_at,
            domain=_sdk().cookie_domain or None,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def _forget(response: HttpResponse) -> None:
    for name in (_TOKEN, _JWT):
        response.delete_cookie(name, domain=_sdk().cookie_domain or None, samesite="Lax")
        if settings.SESSION_COOKIE_SECURE:
            response.cookies[name]["secure"] = True


def _has_session(result: msgspec.Struct) -> bool:
    return bool(getattr(result, "session_token", "") and getattr(result, "member_session", None))


def _sdk() -> Sdk:
    sdk: Sdk = settings.PROJECT.sdk
    return sdk
