"""The errors that a directory raises. The portal shows each as a page, the JSON API and the SCIM server as a response."""

from typing import ClassVar


class DirectoryError(Exception):
    """A directory couldn't do what it was asked. `detail` is a sentence for the user.

    `error_type` is Stytch's name of the error, if the JSON API has a more specific one than the class.
    """

    status: ClassVar[int] = 500

    def __init__(self, detail: str, *, field: str = "", request_id: str = "", error_type: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.error_type = error_type
        self.request_id = request_id


class Invalid(DirectoryError):
    """A value is invalid. `field` names it."""

    status = 422


class InvalidCursor(DirectoryError):
    """A cursor is forged, has expired, or belongs to another list."""

    status = 400


class ExpiredCursor(InvalidCursor):
    """A cursor was valid for this list, but it is too old."""


class Unauthenticated(DirectoryError):
    """The credentials are wrong, or the session has ended."""

    status = 401


class Forbidden(DirectoryError):
    """The member's roles don't grant the permission."""

    status = 403


class StepUpRequired(DirectoryError):
    """The member has to enter their password again first (portal.directory.step_up)."""

    status = 403


class NotFound(DirectoryError):
    """The organization has no such object."""

    status = 404


class NoScimConnection(NotFound):
    """The organization has no active SCIM connection with this ID."""

    def __init__(self) -> None:
        super().__init__("This SCIM connection does not exist.", error_type="no_active_scim_connection")


class InvalidLink(DirectoryError):
    """A one-time link was used, has expired, was replaced, or never existed."""

    status = 410


class Conflict(DirectoryError):
    """The change conflicts with stored data. `field` names the value that is taken."""

    status = 409


class TooManyRequests(DirectoryError):
    """The directory asks to slow down."""

    status = 429


class Unavailable(DirectoryError):
    """The directory didn't respond. Trying again may help."""

    status = 503
