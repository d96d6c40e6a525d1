"""Every refusal of the API, in Stytch's form: a type that programs know, a sentence for people, and a page with the cure."""

from http import HTTPStatus
from typing import Any

from portal.api.errors.types import ERROR_TYPES
from portal.directory import errors
from portal.directory.errors import DirectoryError
from portal.serving.threads import RETRY_SECONDS

# Where the directory does not say Stytch's name for it.
_TYPES: tuple[tuple[type[DirectoryError], str], ...] = (
    (errors.Invalid, "invalid_argument"),
    (errors.InvalidCursor, "user_search_invalid_cursor"),
    (errors.Unauthenticated, "unauthorized_credentials"),
    (errors.Refused, "session_authorization_error"),
    (errors.StepUpRequired, "session_authorization_error"),
    (errors.NotFound, "not_found"),
    (errors.Gone, "not_found"),
    (errors.Conflict, "conflict"),
    (errors.TooManyRequests, "too_many_requests"),
    (errors.NotOffered, "not_offered"),
    (errors.Unavailable, "service_unavailable"),
)
# Stytch has a type of its own for what is wrong with these.
_TYPES_OF_FIELDS = {
    "identity_provider": "invalid_scim_idp",
    "session_duration_minutes": "invalid_session_duration_minutes",
    "organization_name": "invalid_organization_name",
    "organization_slug": "invalid_organization_slug",
    "email_address": "invalid_email",
    "cursor": "user_search_invalid_cursor",
    "limit": "user_search_invalid_limit",
}


class ApiError(Exception):
    """A refusal by the API itself; `error_type` is one of ERROR_TYPES."""

    def __init__(self, error_type: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.headers = headers

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status that goes with the type."""
        return ERROR_TYPES[self.error_type].status


class InvalidArgument(ApiError):
    """A value of the request breaks a rule; the message names the field."""

    def __init__(self, message: str, *, field: str = "") -> None:
        name = _TYPES_OF_FIELDS.get(field, "")
        super().__init__(name if name in ERROR_TYPES else "invalid_argument", message)


def busy() -> ApiError:
    """Return what to answer while the process has no place to work free."""
    return ApiError("service_unavailable", "The service is busy. Try again.", Retry_After=RETRY_SECONDS)


def api_error(error: DirectoryError) -> ApiError:
    """Return what the directory refused, in the API's form."""
    by_class = next(name for kind, name in _TYPES if isinstance(error, kind))
    by_field = _TYPES_OF_FIELDS.get(error.field, by_class) if isinstance(error, errors.Invalid) else by_class
    error_type = error.error_type or by_field
    return ApiError(error_type if error_type in ERROR_TYPES else by_class, _named(error))


def _named(error: DirectoryError) -> str:
    """Return the sentence with the field that it is about: a form shows it beside the field, a program does not."""
    field = "cursor" if isinstance(error, errors.InvalidCursor) else error.field
    is_told = not isinstance(error, errors.Invalid | errors.InvalidCursor) or field in error.detail
    return error.detail if is_told else f"{field}: {error.detail}"


def error_body(error: ApiError, request_id: str, error_url: str) -> dict[str, Any]:
    """Return the body of Stytch's errors; in both fronts it stands alone, without `data`."""
    return {
        "status_code": error.status,
        "request_id": request_id,
        "error_type": error.error_type,
        "error_message": error.message,
        "error_url": error_url,
    }
