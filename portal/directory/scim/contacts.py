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
    # Former contacts, who stopped the emails by a link in one of them.
    stopped: tuple[str, ...] = ()

    @property
    def version(self) -> str:
        """The version that a change must name."""
        return hashlib.sha256("\n".join(self.addresses).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ScimStoppableContact:
    """The contact that a link to stop emails is for."""

    email_address: str
    connection_name: str
    is_stopped: bool


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

    def stoppable(self, token: str) -> ScimStoppableContact:
        """Return the contact whose emails a link would stop, without stopping them. Raise InvalidLink if there is none."""
        ...

    def stop(self, token: str) -> ScimStoppableContact:
        """Stop the emails to the contact that a link is for. Raise InvalidLink if there is none.

        Needs no permission: the link was only sent to this contact. Repeating it changes nothing.
        """
        ...
