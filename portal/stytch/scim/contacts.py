"""Contacts: Stytch keeps none, and tells nobody what its connections need."""

from collections.abc import Sequence
from typing import NoReturn

from portal.directory.errors import NotOffered
from portal.directory.scim.contacts import ScimContacts
from portal.stytch.scim.scoped import Scoped


class StytchScimContacts(Scoped):
    """Implements portal.directory.scim.contacts.ScimContactGateway."""

    def get(self, connection_id: str) -> ScimContacts:  # noqa: ARG002 -- the gateway's signature
        """Raise NotOffered: Stytch has no such call."""
        _keeps_none()

    def change(self, connection_id: str, addresses: Sequence[str], *, version: str) -> ScimContacts:  # noqa: ARG002 -- as above
        """Raise NotOffered: Stytch has no such call."""
        _keeps_none()


def _keeps_none() -> NoReturn:
    raise NotOffered("Stytch keeps no contacts of a connection, and sends no reminders.")
