"""What Stytch refuses, as the gateway's errors with sentences for a person.

Stytch's own messages are not passed on: they speak to developers, and may repeat what was sent.
"""

from collections.abc import Mapping
from http import HTTPStatus

from portal.directory.errors import (
    Conflict,
    DirectoryError,
    Forbidden,
    Invalid,
    InvalidCursor,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)

Meaning = tuple[type[DirectoryError], str]
Meanings = Mapping[str, Meaning]

AWAY: Meaning = (Unavailable, "The directory does not answer right now. Try again in a moment.")
_SESSION_ENDED: Meaning = (Unauthenticated, "The session has ended.")
_NO_RIGHT: Meaning = (Forbidden, "Your roles do not allow this.")
_CHOICE_ENDED: Meaning = (Unauthenticated, "Choosing an organization took too long. Sign in again.")
_NO_ORGANIZATION: Meaning = (NotFound, "There is no organization at this address.")
_BAD_CURSOR: Meaning = (InvalidCursor, "This place in the list is not valid.")

# By error_type, whatever the status: reference/stytch-api.md 12.
_BY_TYPE: Meanings = {
    "session_not_found": _SESSION_ENDED,
    "invalid_session_token": _SESSION_ENDED,
    "invalid_session_id": _SESSION_ENDED,
    "user_unauthenticated": _SESSION_ENDED,
    "intermediate_session_not_found": _CHOICE_ENDED,
    "invalid_intermediate_session_token_for_organization": (
        Unauthenticated,
        "You are not a member of this organization.",
    ),
    "session_authorization_error": _NO_RIGHT,
    "session_authorization_tenancy_error": _NO_RIGHT,
    "unauthorized_action": _NO_RIGHT,
    "organization_suspended": (Forbidden, "This organization is suspended."),
    "organization_not_found": _NO_ORGANIZATION,
    "invalid_organization_id": _NO_ORGANIZATION,
    "invalid_organization_slug": _NO_ORGANIZATION,
    "user_search_invalid_cursor": _BAD_CURSOR,
    "user_lock_limit_reached": (TooManyRequests, "This account is locked for a while after too many attempts."),
    "use_https": AWAY,
}
_BY_STATUS: Mapping[int, Meaning] = {
    HTTPStatus.BAD_REQUEST: (Invalid, "The directory does not accept this value."),
    # Unless its type says otherwise, a 401 is about the project's own id and secret, which no visitor can mend.
    HTTPStatus.UNAUTHORIZED: AWAY,
    HTTPStatus.FORBIDDEN: _NO_RIGHT,
    HTTPStatus.NOT_FOUND: (NotFound, "The organization has no such object."),
    HTTPStatus.CONFLICT: (Conflict, "Something changed in the meantime."),
    HTTPStatus.TOO_MANY_REQUESTS: (TooManyRequests, "The directory is busy. Wait a moment, then try again."),
}


def meaning_of(status: int, error_type: str, meanings: Meanings) -> Meaning:
    """Return the error and its sentence; `meanings` holds what some types mean to the call at hand."""
    for known in (meanings, _BY_TYPE):
        if error_type in known:
            return known[error_type]
    if "cursor" in error_type and status == HTTPStatus.BAD_REQUEST:
        return _BAD_CURSOR
    return _BY_STATUS.get(status, AWAY)
