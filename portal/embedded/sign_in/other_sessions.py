"""Sessions of the system that a product used before: its UserInfo endpoint says whose they are (Stytch: sessions.migrate)."""

from http import HTTPStatus

import msgspec
import structlog
from django.conf import settings

from portal.directory.errors import NotFound, Unauthenticated, Unavailable
from portal.outbound.client import fetch
from portal.outbound.errors import OutboundError
from portal.outbound.policy import Limits

_LIMITS = Limits(seconds=5.0, max_bytes=65_536, redirects=0)
_MAX_TOKEN, _MAX_ADDRESS = 16_384, 254
_REJECTED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})

log = structlog.get_logger("gatehouse.sign_in")


class _UserInfo(msgspec.Struct):
    """The claims of a UserInfo response that matter (OpenID Connect Core, section 5.3.2)."""

    email: str = ""
    # Some servers send "true". Left out, it is false: what a server doesn't say, it may not have checked.
    email_verified: bool | str = False


def address_of(session_token: str) -> str:
    """Return the email address of the person whose session in the other system has this token.

    Raise NotFound if the project has no UserInfo endpoint, Unauthenticated if it doesn't know the token or names no verified
    address, Unavailable if it doesn't answer.
    """
    url = settings.PROJECT.sessions.userinfo_url
    if not url:
        raise NotFound(
            "The project's configuration names no UserInfo endpoint.", error_type="session_migration_not_configured"
        )
    if not (0 < len(session_token) <= _MAX_TOKEN and session_token.isascii() and session_token.isprintable()):
        raise _rejected("isn't a bearer token")
    try:
        answer = fetch(url, headers={"Authorization": f"Bearer {session_token}"}, limits=_LIMITS)
    except OutboundError as error:
        raise Unavailable("The project's UserInfo endpoint does not answer.") from error
    if answer.status in _REJECTED:
        raise _rejected("was rejected by the project's UserInfo endpoint")
    if answer.status != HTTPStatus.OK:
        log.warning("userinfo_failed", status=answer.status)
        raise Unavailable("The project's UserInfo endpoint answered with an error.")
    try:
        info = msgspec.json.decode(answer.body, type=_UserInfo)
    except msgspec.MsgspecError as error:
        log.warning("userinfo_failed", reason=str(error)[:200])
        raise Unavailable("The project's UserInfo endpoint answered with something else than claims.") from error
    if not (0 < len(info.email) <= _MAX_ADDRESS) or str(info.email_verified).casefold() != "true":
        raise _rejected("is of someone without a verified email address")
    return info.email


def _rejected(problem: str) -> Unauthenticated:
    return Unauthenticated(f"The token {problem}.", field="session_token", error_type="unable_to_migrate_session")
