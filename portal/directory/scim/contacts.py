"""The contacts of a SCIM connection: email addresses that are notified when it needs attention."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

MAX_CONTACTS = 10


@dataclass(frozen=True, slots=True)
class ScimContacts:
    """The addresses in their order. Without `is_email_set_up` nothing is sent."""

    addresses: tuple[str, ...]
    is_email_set_up: bool

    @property
    def version(self) -> str:
        """The version that a change must name."""
        return hashlib.sha256("\n".join(self.addresses).encode()).hexdigest()[:16]


class ScimContactGateway(Protocol):
    """The contacts of a connection."""

    def get(self, connection_id: str) -> ScimContacts:
        """Return the contacts; needs `stytch.scim:get`. Raise NotFound."""
        ...

    def change(self, connection_id: str, addresses: Sequence[str], *, version: str) -> ScimContacts:
        """Replace the contacts with these, at most MAX_CONTACTS; needs `stytch.scim:update`.

        Raise NotFound, Invalid that names an invalid address, Conflict if the contacts have another version by now.
        """
        ...
