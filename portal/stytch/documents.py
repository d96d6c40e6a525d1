"""Read Stytch's JSON. A missing field or another type is an error of Stytch, so nothing is guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import structlog
from django.utils.dateparse import parse_datetime

from portal.directory.errors import Unavailable

log = structlog.get_logger("gatehouse.stytch")


@dataclass(frozen=True, slots=True)
class Document:
    """An object of a response. Its methods raise Unavailable, with the response's request ID, for unexpected fields."""

    fields: Mapping[str, Any]
    request_id: str

    def text(self, name: str) -> str:
        """Return a text, which may be empty."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else self._misread(name)

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        value = self.fields.get(name)
        return value if isinstance(value, bool) else self._misread(name)

    def texts(self, name: str) -> Sequence[str]:
        """Return a list of texts."""
        values = self.fields.get(name)
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise misread(name, self.request_id)
        return values

    def timestamp(self, name: str) -> datetime:
        """Return a time with its zone (RFC 3339)."""
        return self.optional_timestamp(name) or self._misread(name)

    def optional_timestamp(self, name: str) -> datetime | None:
        """Return a time with its zone (RFC 3339), or None."""
        value = self.fields.get(name)
        if value is None or value == "":
            return None
        try:
            timestamp = parse_datetime(value)
        except (TypeError, ValueError):
            timestamp = None
        return timestamp if timestamp and timestamp.tzinfo else self._misread(name)

    def part(self, name: str) -> "Document":
        """Return an object inside this one."""
        return self.optional_part(name) or self._misread(name)

    def optional_part(self, name: str) -> "Document | None":
        """Return an object inside this one, or None."""
        value = self.fields.get(name)
        if value is None:
            return None
        return Document(value, self.request_id) if isinstance(value, dict) else self._misread(name)

    def parts(self, name: str) -> list["Document"]:
        """Return a list of objects."""
        values = self.fields.get(name)
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise misread(name, self.request_id)
        return [Document(value, self.request_id) for value in values]

    def _misread(self, name: str) -> NoReturn:
        raise misread(name, self.request_id)


def misread(what: str, request_id: str) -> Unavailable:
    """Return the error for a response that differs from Stytch's documentation, and log the unexpected part."""
    log.error("stytch_response_unexpected", what=what, stytch_request_id=request_id)
    return Unavailable("The directory sent an unexpected response.", request_id=request_id)
