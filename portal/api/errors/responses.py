"""Errors in Stytch's format: an error type for code, a message for people, and a page that explains how to fix it."""

from http import HTTPStatus
from typing import Any

from portal.api.errors.types import ERROR_TYPES
from portal.directory import errors
from portal.directory.errors import DirectoryError
from portal.directory.second_factors import SecondFactorRequired
from portal.serving.threads import RETRY_SECONDS

# The error type if the directory doesn't name one of Stytch's.
_TYPES_BY_CLASS: tuple[tuple[type[DirectoryError], str], ...] = (
    (errors.Invalid, "invalid_argument"),
    (errors.InvalidCursor, "user_search_invalid_cursor"),
    (errors.Unauthenticated, "unauthorized_credentials"),
    (errors.Forbidden, "session_authorization_error"),
    (errors.StepUpRequired, "session_authorization_error"),
    (errors.NotFound, "not_found"),
    (errors.InvalidLink, "not_found"),
    (errors.Conflict, "conflict"),
    (errors.TooManyRequests, "too_many_requests"),
    (errors.Unavailable, "service_unavailable"),
    (SecondFactorRequired, "insufficient_factors"),
)
# Stytch has its own error types for invalid values of these fields.
_TYPES_BY_FIELD = {
    "identity_provider": "invalid_scim_idp",
    "session_duration_minutes": "invalid_session_duration_minutes",
    "organization_name": "invalid_organization_name",
    "organization_slug": "invalid_organization_slug",
    "email_address": "invalid_email",
    "cursor": "user_search_invalid_cursor",
    "limit": "user_search_invalid_limit",
}


class ApiError(Exception):
    """An error of the API itself; `error_type` is one of ERROR_TYPES. Keyword arguments are response headers."""

    def __init__(self, error_type: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.headers = headers

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status of the error type."""
        return ERROR_TYPES[self.error_type].status


class InvalidArgument(ApiError):
    """A value in the request is invalid; the message names the field."""

    def __init__(self, message: str, *, field: str = "") -> None:
        name = _TYPES_BY_FIELD.get(field, "")
        super().__init__(name if name in ERROR_TYPES else "invalid_argument", message)


def busy() -> ApiError:
    """Return the error for a request that no worker thread is free for."""
    return ApiError("service_unavailable", "The service is busy. Try again.", Retry_After=RETRY_SECONDS)


def api_error(error: DirectoryError) -> ApiError:
    """Return an error of the directory as an API error."""
    by_class = next(name for kind, name in _TYPES_BY_CLASS if isinstance(error, kind))
    by_field = _TYPES_BY_FIELD.get(error.field, by_class) if isinstance(error, errors.Invalid) else by_class
    error_type = error.error_type or by_field
    return ApiError(error_type if error_type in ERROR_TYPES else by_class, _message(error))


def _message(error: DirectoryError) -> str:
    """Return the message with the name of the field in front. Forms show it next to the field; API clients don't."""
    field = "cursor" if isinstance(error, errors.InvalidCursor) else error.field
    names_field = not isinstance(error, errors.Invalid | errors.InvalidCursor) or field in error.detail
    return error.detail if names_field else f"{field}: {error.detail}"


def error_body(error: ApiError, request_id: str, error_url: str) -> dict[str, Any]:
    """Return the JSON body of an error. It isn't wrapped in `data`, not even for browsers."""
    return {
        "status_code": error.status,
        "request_id": request_id,
        "error_type": error.error_type,
        "error_message": error.message,
        "error_url": error_url,
    }
