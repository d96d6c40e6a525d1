"""Whom to tell by e-mail what a SCIM connection needs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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


class ScimContactGateway(Protocol):
    """Whom to tell by e-mail what a connection needs (ScimFeature.CONTACTS; without it, both raise NotOffered)."""

    def get(self, connection_id: str) -> ScimContacts:
        """Return them; needs `stytch.scim:get`. Raises NotFound."""
        ...

    def change(self, connection_id: str, addresses: Sequence[str], *, version: str) -> ScimContacts:
        """Put these, at most MOST_CONTACTS, in the place of those of the version; needs `stytch.scim:update`.

        Raises NotFound, Invalid that names what is no e-mail address, Conflict where they are others by now.
        """
        ...
