"""The contacts of a connection: email addresses that are notified when it needs attention."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from portal.directory.actor import Actor, ActorType
from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, Invalid, InvalidLink, NotFound
from portal.directory.ids import public_id
from portal.directory.permissions import Permission
from portal.directory.scim.contacts import MAX_CONTACTS, ScimContacts, ScimStoppableContact
from portal.embedded import audit, models
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope

_MAX_LENGTH = 254
_SHOWN_LENGTH = 100
_HASH_LENGTH = 32


class EmbeddedScimContacts:
    """Implements portal.directory.scim.contacts.ScimContactGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, connection_id: str) -> ScimContacts:
        """Return the contacts. Raise NotFound."""
        self._scope.require(Permission.SCIM_GET)
        return _contacts(active_connection(self._scope.organization_id, connection_id))

    def change(self, connection_id: str, addresses: Sequence[str], *, version: str) -> ScimContacts:
        """Replace the contacts. Raise NotFound, Invalid that names an invalid address, Conflict for another version."""
        self._scope.require(Permission.SCIM_UPDATE)
        wanted = _validated(addresses)
        with transaction.atomic():
            row = active_connection(self._scope.organization_id, connection_id, lock=True)
            before = _contacts(row)
            if version != before.version:
                raise Conflict("Someone else changed the contacts in the meantime. Nothing was saved.", field="version")
            kept = {fold_address(address) for address in wanted}
            row.contacts.filter(Q(stopped_at=None) | Q(email_address_folded__in=kept)).delete()
            models.ScimContactRow.objects.bulk_create(
                models.ScimContactRow(organization_id=row.organization_id, connection=row, email_address=address)
                for address in wanted
            )
            after = _contacts(row)
            if after != before:
                audit.record(
                    self._scope.caller,
                    "scim_connection.update_contacts",
                    organization_id=row.organization_id,
                    target_id=connection_id,
                    target_name=row.display_name,
                    before={"contacts": before.addresses},
                    after={"contacts": after.addresses},
                )
        return after

    def stoppable(self, token: str) -> ScimStoppableContact:
        """Return whose emails a link would stop. Raise InvalidLink."""
        row = self._contact(token)
        return ScimStoppableContact(
            row.email_address, row.connection.display_name, is_stopped=row.stopped_at is not None
        )

    def stop(self, token: str) -> ScimStoppableContact:
        """Stop the emails to a contact. Raise InvalidLink."""
        with transaction.atomic():
            row = self._contact(token, lock=True)
            if row.stopped_at is None:
                before = _contacts(row.connection)
                row.stopped_at = timezone.now()
                row.save(update_fields=["stopped_at"])
                audit.record(
                    audit.Caller(Actor(ActorType.VISITOR, name=row.email_address), self._scope.origin),
                    "scim_connection.stop_emails",
                    organization_id=row.organization_id,
                    target_id=public_id("scim-connection", row.connection_id),
                    target_name=row.connection.display_name,
                    before={"contacts": before.addresses},
                    after={"contacts": _contacts(row.connection).addresses},
                )
        return ScimStoppableContact(row.email_address, row.connection.display_name, is_stopped=True)

    def _contact(self, token: str, *, lock: bool = False) -> models.ScimContactRow:
        """Return the contact that a link is for. Raise InvalidLink if it was changed or the contact was removed."""
        try:
            connection_id, wanted = _signer().unsign(token).split(".")
            connection = active_connection(
                self._scope.organization_id, public_id("scim-connection", UUID(connection_id)), lock=lock
            )
        except (signing.BadSignature, NotFound):
            raise _not_a_contact() from None
        for row in connection.contacts.select_related("connection"):
            if contact_hash(row)[:_HASH_LENGTH] == wanted:
                return row
        raise _not_a_contact()


def stop_url(contact: models.ScimContactRow, organization_slug: str) -> str:
    """Return where one POST, without sign-in, stops the emails to a contact."""
    token = _signer().sign(f"{contact.connection_id.hex}.{contact_hash(contact)[:_HASH_LENGTH]}")
    return f"{settings.PUBLIC_URL}{reverse('scim:stop-emails', args=[organization_slug, token])}"


def contact_hash(contact: models.ScimContactRow) -> str:
    """Return a hash of a contact's address: it has a fixed length, and a former contact's address isn't kept."""
    return hashlib.sha256(contact.email_address_folded.encode()).hexdigest()


def _signer() -> signing.Signer:
    return signing.Signer(salt="gatehouse.stop_emails")


def _not_a_contact() -> InvalidLink:
    return InvalidLink("This address is no longer a contact of the connection, so it gets no more emails.")


def _contacts(row: models.ScimConnectionRow) -> ScimContacts:
    rows = list(row.contacts.order_by("pk"))
    return ScimContacts(
        tuple(one.email_address for one in rows if one.stopped_at is None),
        is_email_set_up=settings.EMAIL_IS_SET_UP,
        stopped=tuple(one.email_address for one in rows if one.stopped_at),
    )


def _validated(addresses: Sequence[str]) -> Sequence[str]:
    """Return each address once, in the given order. Raise Invalid that names the first invalid address."""
    found = {fold_address(address.strip()): address.strip() for address in addresses if address.strip()}
    for address in found.values():
        try:
            validate_email(address)
        except ValidationError:
            raise Invalid(f'"{address[:_SHOWN_LENGTH]}" isn\'t a valid email address.', field="addresses") from None
        if len(address) > _MAX_LENGTH:
            raise Invalid(f'"{address[:_SHOWN_LENGTH]}…" is too long for an email address.', field="addresses")
    if len(found) > MAX_CONTACTS:
        raise Invalid(f"You entered {len(found)} addresses. Enter at most {MAX_CONTACTS}.", field="addresses")
    return [*found.values()]
