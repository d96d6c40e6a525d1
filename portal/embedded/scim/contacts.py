"""The contacts of a connection: email addresses that are notified when it needs attention."""

from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, Invalid
from portal.directory.permissions import Permission
from portal.directory.scim.contacts import MAX_CONTACTS, ScimContacts
from portal.embedded import audit, models
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope

_MAX_LENGTH = 254
_SHOWN_LENGTH = 100


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
            row.contacts.all().delete()
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


def _contacts(row: models.ScimConnectionRow) -> ScimContacts:
    addresses = row.contacts.order_by("pk").values_list("email_address", flat=True)
    return ScimContacts(tuple(addresses), is_email_set_up=settings.EMAIL_IS_SET_UP)


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
