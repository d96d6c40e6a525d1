"""Why active people can't sign in: read from the rows as they are now, for a page of people with two queries."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.directory.members import MemberStatus
from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.users import ScimObstacle, ScimSignInObstacle
from portal.embedded import models
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.member_sync import sign_in_address


def obstacles_of(people: QuerySet[models.ScimUserRow]) -> Mapping[UUID, ScimSignInObstacle]:
    """Return what keeps people from signing in, by their keys; all of them are of one organization and cannot sign in."""
    rows = list(people.select_related("connection", "member").defer("search"))
    holders = _holders(rows)
    return {row.pk: _obstacle(row, holders) for row in rows}


def _holders(rows: Iterable[models.ScimUserRow]) -> Mapping[str, models.MemberRow]:
    """Return the members who have the addresses that people wait for, by the folded address."""
    awaited = [row for row in rows if row.awaited_address]
    if not awaited:
        return {}
    members = models.MemberRow.objects.filter(
        organization_id=awaited[0].organization_id,
        email_address_folded__in={row.awaited_address for row in awaited},
    )
    members = members.exclude(status=MemberStatus.DELETED).select_related("scim_user__connection")
    return {member.email_address_folded: member for member in members}


def _obstacle(row: models.ScimUserRow, holders: Mapping[str, models.MemberRow]) -> ScimSignInObstacle:
    address = sign_in_address(ScimClient(row.connection, Origin()), row.document)
    if row.awaited_address:
        return _taken(address, holders.get(row.awaited_address))
    if row.member is not None:
        return ScimSignInObstacle(ScimObstacle.MEMBER_DELETED, row.member.email_address)
    if address:
        return ScimSignInObstacle(ScimObstacle.NEXT_REQUEST, address)
    sent = next(_sent_addresses(row.document), "")
    return ScimSignInObstacle(ScimObstacle.UNUSABLE_ADDRESS if sent else ScimObstacle.NO_ADDRESS, sent)


def _taken(address: str, holder: models.MemberRow | None) -> ScimSignInObstacle:
    if holder is None:
        return ScimSignInObstacle(ScimObstacle.NEXT_REQUEST, address)
    person: models.ScimUserRow | None = getattr(holder, "scim_user", None)
    if person is None or person.connection.status != ScimConnectionStatus.ACTIVE:
        return ScimSignInObstacle(ScimObstacle.EXISTING_MEMBER, address)
    name = person.display_name or person.user_name
    return ScimSignInObstacle(ScimObstacle.ADDRESS_TAKEN, address, public_id("scim-user", person.pk), name)


def _sent_addresses(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the identity provider meant as addresses: the emails, and a userName with an "@"."""
    yield from (value for one in document.get("emails", ()) if (value := str(one.get("value", "")).strip()))
    if "@" in (name := str(document.get("userName", ""))):
        yield name
