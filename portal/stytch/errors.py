"""Stytch's errors as errors of the contract, with a sentence for the user.

Stytch's own messages aren't shown: they are written for developers, and may repeat what was sent.
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

AWAY: Meaning = (Unavailable, "The directory doesn't respond right now. Try again in a moment.")
_SESSION_ENDED: Meaning = (Unauthenticated, "The session has ended.")
_NO_PERMISSION: Meaning = (Forbidden, "Your roles do not allow this.")
_CHOICE_ENDED: Meaning = (Unauthenticated, "Choosing an organization took too long. Sign in again.")
_NO_ORGANIZATION: Meaning = (NotFound, "This organization does not exist.")
_BAD_CURSOR: Meaning = (InvalidCursor, "This place in the list is not valid.")

# By error_type; the status doesn't matter.
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
    "session_authorization_error": _NO_PERMISSION,
    "session_authorization_tenancy_error": _NO_PERMISSION,
    "unauthorized_action": _NO_PERMISSION,
    "organization_suspended": (Forbidden, "This organization is suspended."),
    "organization_not_found": _NO_ORGANIZATION,
    "invalid_organization_id": _NO_ORGANIZATION,
    "invalid_organization_slug": _NO_ORGANIZATION,
    "user_search_invalid_cursor": _BAD_CURSOR,
    "user_lock_limit_reached": (TooManyRequests, "This account is locked for a while after too many attempts."),
    "use_https": AWAY,
}
_BY_STATUS: Mapping[int, Meaning] = {
    HTTPStatus.BAD_REQUEST: (Invalid, "The directory doesn't accept this value."),
    # Without a known type, a 401 is about the project's own ID and secret, which users can't fix.
    HTTPStatus.UNAUTHORIZED: AWAY,
    HTTPStatus.FORBIDDEN: _NO_PERMISSION,
    HTTPStatus.NOT_FOUND: (NotFound, "The organization has no such object."),
    HTTPStatus.CONFLICT: (Conflict, "Something changed in the meantime."),
    HTTPStatus.TOO_MANY_REQUESTS: (TooManyRequests, "The directory is busy. Wait a moment, then try again."),
}


def meaning_of(status: int, error_type: str, meanings: Meanings) -> Meaning:
    """Return the class and the sentence of an error. `meanings` has priority for the request at hand."""
    for known in (meanings, _BY_TYPE):
        if error_type in known:
            return known[error_type]
    if "cursor" in error_type and status == HTTPStatus.BAD_REQUEST:
        return _BAD_CURSOR
    return _BY_STATUS.get(status, AWAY)
