"""Whom to tell by e-mail what a connection needs."""

from collections.abc import Sequence

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Conflict, Invalid
from portal.directory.permissions import Permission
from portal.directory.scim.contacts import MOST_CONTACTS, ScimContacts
from portal.embedded import audit, models
from portal.embedded.scim.connection import active_connection
from portal.embedded.scope import Scope

_LONGEST = 254
_LONGEST_SHOWN = 100


class EmbeddedScimContacts:
    """Implements portal.directory.scim.contacts.ScimContactGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, connection_id: str) -> ScimContacts:
        """Return them. Raises NotFound, Refused."""
        self._scope.require(Permission.SCIM_GET)
        return _contacts(active_connection(self._scope.organization_id, connection_id))

    def change(self, connection_id: str, addresses: Sequence[str], *, version: str) -> ScimContacts:
        """Put these in the place of those of the version. Raises NotFound, Invalid, Conflict, Refused."""
        self._scope.require(Permission.SCIM_UPDATE)
        wanted = _checked(addresses)
        with transaction.atomic():
            row = active_connection(self._scope.organization_id, connection_id, lock=True)
            before = _contacts(row)
            if version != before.version:
                raise Conflict(
                    "Somebody else changed the contacts in the meantime. Nothing was saved.", field="version"
                )
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


def _checked(addresses: Sequence[str]) -> Sequence[str]:
    """Return each address once. Raises Invalid that names the first that is none."""
    found = {fold_address(address.strip()): address.strip() for address in addresses if address.strip()}
    for address in found.values():
        try:
            validate_email(address)
        except ValidationError:
            raise Invalid(f'"{address[:_LONGEST_SHOWN]}" is no e-mail address.', field="addresses") from None
        if len(address) > _LONGEST:
            raise Invalid(f'"{address[:_LONGEST_SHOWN]}…" is too long for an e-mail address.', field="addresses")
    if len(found) > MOST_CONTACTS:
        raise Invalid(f"There are {len(found)} addresses; there can be {MOST_CONTACTS} at most.", field="addresses")
    return [*found.values()]
