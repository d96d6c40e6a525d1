"""Whom to tell by e-mail what a SCIM connection needs."""

import hashlib
from dataclasses import dataclass

MOST_CONTACTS = 10


@dataclass(frozen=True, slots=True)
class ScimContacts:
    """The addresses in their order; `is_email_set_up` says whether anything can be sent at all."""

    addresses: tuple[str, ...]
    is_email_set_up: bool

    @property
    def version(self) -> str:
        """What a change must say that it has seen."""
        return hashlib.sha256("\n".join(self.addresses).encode()).hexdigest()[:16]
