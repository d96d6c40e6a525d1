"""Why active users can't sign in, from the current rows. A page of users takes two queries."""

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
from portal.embedded.scope import rows_of


def obstacles_by_user(organization_id: UUID, users: QuerySet[models.ScimUserRow]) -> Mapping[UUID, ScimSignInObstacle]:
    """Return what keeps users of an organization from signing in, by primary key. None of them can sign in."""
    rows = list(users.select_related("connection", "member").defer("search"))
    holders = _holders(organization_id, rows)
    return {row.pk: _obstacle(row, holders) for row in rows}


def _holders(organization_id: UUID, users: Iterable[models.ScimUserRow]) -> Mapping[str, models.MemberRow]:
    """Return the members who have the addresses that users wait for, by the case-folded address."""
    awaited = {user.awaited_address for user in users if user.awaited_address}
    if not awaited:
        return {}
    members = rows_of(organization_id, models.MemberRow).filter(email_address_folded__in=awaited)
    members = members.exclude(status=MemberStatus.DELETED).select_related("scim_user__connection")
    return {member.email_address_folded: member for member in members}


def _obstacle(user: models.ScimUserRow, holders: Mapping[str, models.MemberRow]) -> ScimSignInObstacle:
    address = sign_in_address(ScimClient(user.connection, Origin()), user.document)
    if user.awaited_address:
        return _taken(address, holders.get(user.awaited_address))
    if user.member is not None:
        return ScimSignInObstacle(ScimObstacle.MEMBER_DELETED, user.member.email_address)
    if address:
        return ScimSignInObstacle(ScimObstacle.NEXT_REQUEST, address)
    sent = next(_sent_addresses(user.document), "")
    return ScimSignInObstacle(ScimObstacle.UNUSABLE_ADDRESS if sent else ScimObstacle.NO_ADDRESS, sent)


def _taken(address: str, holder: models.MemberRow | None) -> ScimSignInObstacle:
    if holder is None:
        return ScimSignInObstacle(ScimObstacle.NEXT_REQUEST, address)
    user: models.ScimUserRow | None = getattr(holder, "scim_user", None)
    if user is None or user.connection.status != ScimConnectionStatus.ACTIVE:
        return ScimSignInObstacle(ScimObstacle.EXISTING_MEMBER, address)
    name = user.display_name or user.user_name
    return ScimSignInObstacle(ScimObstacle.ADDRESS_TAKEN, address, public_id("scim-user", user.pk), name)


def _sent_addresses(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the identity provider meant as email addresses: the emails, and a userName with an "@"."""
    yield from (value for one in document.get("emails", ()) if (value := str(one.get("value", "")).strip()))
    if "@" in (name := str(document.get("userName", ""))):
        yield name
