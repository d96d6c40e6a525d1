"""One type of error."""

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class ErrorType:
    """A type of error: Stytch's name, with its HTTP status."""

    status: HTTPStatus
    cause: str
    cure: str
