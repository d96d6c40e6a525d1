"""One error type."""

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class ErrorType:
    """What an error type of Stytch means: its HTTP status, its cause, and how to fix it."""

    status: HTTPStatus
    cause: str
    fix: str
