"""What provisioning does to members, in the same transaction: whoever has an e-mail address signs in as a member."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError
from django.utils import timezone

from portal.directory.email_addresses import domain_of, fold_address, fold_domain
from portal.directory.members import MemberStatus
from portal.directory.policy import ADMIN_ROLE
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import audit, models
from portal.embedded.database.writes import Writes
from portal.embedded.members.roles import (
    email_roles,
    has_admin,
    lock_admins,
    roles_through_groups,
    roles_without_groups,
)
from portal.embedded.members.values import member_id
from portal.embedded.models.fields import fold_name
from portal.embedded.scim import conflicts
from portal.embedded.scim.protocol.attribute_values import Document
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import ScimError
from portal.embedded.scim.safeguard import register_deactivation

# What of a member follows the person.
_SYNCED_COLUMNS = ("email_address", "email_address_folded", "email_address_verified", "name", "status")
# What of a person says whether they can sign in, and as which member.
ACCESS_COLUMNS = ("member_id", "is_adopted", "awaited_address", "cannot_sign_in")
# Entra puts the object id before the userName of a user that it deletes, and sends that before it deactivates them.
_DELETED_BY_ENTRA = re.compile(r"[0-9a-f]{32}(?=[^@])", re.IGNORECASE)


class MemberConflict(ScimError):
    """Somebody who was a member before has the e-mail address; an admin of the organization decides."""

    status = 409
    scim_type = "uniqueness"

    def __init__(self, row: models.ScimUserRow, member: models.MemberRow) -> None:
        super().__init__(
            f'"{member.email_address}" is a member of the organization already, and was not provisioned by this '
            "connection. An admin of the organization decides: in the portal under SCIM, Conflicts."
        )
        self._row, self._member = row, member

    def after_rollback(self) -> None:
        """Put the person on the list of conflicts."""
        conflicts.record_conflict(self._row, self._member)


class ConnectionEnded(ScimError):
    """The connection was deleted while the call was under way; the next one is refused by its token."""

    status = 503
    headers: Mapping[str, str] = {"Retry_After": "5"}

    def __init__(self) -> None:
        super().__init__("The connection was deleted in the portal while this was done. Nothing was changed.")


class LastAdmin(ScimError):
    """The organization would be left without anybody who can administer it."""

    status = 409

    def __init__(self, client: ScimClient, detail: str) -> None:
        super().__init__(f"{detail} Make someone else an admin first.")
        self._client = client

    def after_rollback(self) -> None:
        """Mark the connection, so that an admin sees it."""
        connections = models.ScimConnectionRow.objects.filter(organization_id=self._client.organization_id)
        connections.filter(pk=self._client.connection.pk).update(
            attention=self.detail[:512], attention_at=timezone.now()
        )


def sign_in_address(client: ScimClient, document: Document) -> str:
    """Return the address that a person signs in with: the primary one, or the work one, or the first, or the userName.

    "" where none of them is an email address; blanks around one don't count.
    """
    emails: Sequence[dict[str, Any]] = document.get("emails", ())
    ranked = sorted(
        emails, key=lambda one: (one.get("primary") is not True, fold_name(str(one.get("type", ""))) != "work")
    )
    candidates = (*(str(one.get("value", "")) for one in ranked), _user_name(client, document))
    return next((address for address in map(str.strip, candidates) if _is_address(address)), "")


def _user_name(client: ScimClient, document: Document) -> str:
    """Return the userName, or what it was before Entra deleted the user."""
    name = str(document.get("userName", ""))
    return _DELETED_BY_ENTRA.sub("", name, count=1) if client.is_entra and _DELETED_BY_ENTRA.match(name) else name


def create_member(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> None:
    """Make a new member of a person who has an address; the writes raise IntegrityError where a member has it."""
    row.member = build_member(client, row)
    update_access(row)
    if row.member is not None:
        writes.insert(row.member)
        audit.add(writes, creation_entry(client, row.member))


def build_member(client: ScimClient, row: models.ScimUserRow) -> models.MemberRow | None:
    """Return the member that a person will be, not saved; None without an address."""
    address = sign_in_address(client, row.document)
    if not address:
        return None
    status = MemberStatus.ACTIVE if row.active else MemberStatus.DELETED
    return models.MemberRow(
        organization_id=row.organization_id,
        email_address=address,
        name=row.display_name,
        status=status,
    )


def update_access(row: models.ScimUserRow) -> None:
    """Note on a person, not saved, whether they are active and have no member, or a deleted one."""
    row.cannot_sign_in = row.active and not _is_active(row.member)


def _is_active(member: models.MemberRow | None) -> bool:
    return member is not None and member.status != MemberStatus.DELETED


def creation_entry(client: ScimClient, member: models.MemberRow) -> audit.Entry:
    """Return the entry of a new member."""
    after = {"email_address": member.email_address, "name": member.name, "status": str(member.status)}
    return _entry(client, "member.create", member, {}, after)


def link_member(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> str:
    """Link a person to the member who has the address, and return the address that this frees, "" for none.

    Where the member is another person's, they wait for the address and have no member until it is free. Raises
    MemberConflict unless linking is allowed, LastAdmin and DeactivationOnHold where they were a member with another address.
    """
    _require_active(client)
    address, freed = sign_in_address(client, row.document), ""
    if row.member is not None and _is_active(row.member):
        # Before the other member is locked: in the order in which deactivations lock.
        freed = deactivate_member(client, row, row.member, writes)
    member = _find_member(client, address)
    if member is None:
        raise IntegrityError("The address was freed in the meantime.")
    person, former = _linked_users(member)
    if person is not None:
        # RFC 7643, 8.7.1: addresses aren't unique. One person signs in with it, and it stays the first one.
        row.awaited_address = member.email_address_folded
        return freed
    if not _may_link(client, row, member):
        raise MemberConflict(row, member)
    if former is not None:
        # Before the rest is written: a member is one person's.
        former.member, former.awaited_address = None, member.email_address_folded if former.active else ""
        update_access(former)
        former.save(update_fields=ACCESS_COLUMNS)
    row.member, row.is_adopted = member, True
    conflicts.delete_conflicts(member)
    audit.add(writes, _entry(client, "member.link_scim_user", member, {}, {"user_name": row.user_name}))
    sync_member(client, row, writes)
    return freed


def sync_member(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> str:
    """Bring the member in line with the person, and return the address that this frees, "" for none.

    Raises LastAdmin, DeactivationOnHold; the writes raise IntegrityError where the address is taken.
    """
    member = row.member
    if member is None:
        _require_active(client)
        create_member(client, row, writes)
        # Before the person's row, which is there already, refers to it.
        writes.send()
        return ""
    before, after = member_state(member), target_state(client, row, member)
    was_active = member.status != MemberStatus.DELETED
    if was_active and not row.active:
        return deactivate_member(client, row, member, writes)
    if after == before:
        return ""
    if was_active and after["email_address"] != before["email_address"]:
        _check_last_admin_by_domain(client, row, member, after["email_address"])
    if not was_active:
        _require_active(client)
    freed = ""
    if fold_address(after["email_address"]) != member.email_address_folded:
        # An identity provider says so; nobody has shown that they read what is sent there.
        member.email_address_verified = False
        freed = str(member.email_address_folded) if was_active else ""
    # Groups give their roles back; what was given by hand must be given again (Stytch does the same).
    member.email_address, member.name, member.status = after["email_address"], after["name"], after["status"]
    writes.update(member, *_SYNCED_COLUMNS, "updated_at")
    action = "member.update" if was_active else "member.reactivate"
    changed = {name for name in after if after[name] != before[name]}
    before, after = ({name: state[name] for name in sorted(changed)} for state in (before, after))
    audit.add(writes, _entry(client, action, member, before, after))
    return freed


def target_state(client: ScimClient, row: models.ScimUserRow, member: models.MemberRow) -> dict[str, str]:
    """Return the same as it is to be: a name stays where there is none, an address where it may not be taken."""
    address = sign_in_address(client, row.document)
    takes_address = address and (not row.is_adopted or _is_allowed_domain(client, address))
    status = MemberStatus.ACTIVE if member.status == MemberStatus.DELETED else member.status
    return {
        "email_address": address if takes_address else member.email_address,
        "name": row.display_name or member.name,
        "status": str(status if row.active else MemberStatus.DELETED),
    }


def deactivate_member(client: ScimClient, row: models.ScimUserRow, member: models.MemberRow, writes: Writes) -> str:
    """End the sessions, links and roles of a person's member, with the writes, and return the address that this frees.

    Raises LastAdmin, DeactivationOnHold.
    """
    if member.status == MemberStatus.DELETED:
        return ""
    _check_last_admin(client, row, member)
    register_deactivation(client, row, member, writes)
    before = {"status": str(member.status), "roles": member.direct_roles}
    member.status, member.direct_roles = MemberStatus.DELETED, []
    writes.update(member, "status", "direct_roles", "updated_at")
    ended = ("revoked_at", timezone.now())
    writes.update_keys(models.MemberSessionRow, ended, {"revoked_at": None}, "member_id", [member.pk])
    writes.delete_keys(models.SignInLinkRow, {}, "member_id", [member.pk])
    writes.delete_keys(models.IntermediateSessionMemberRow, {}, "member_id", [member.pk])
    if client.connection.attention:
        # What was refused before has been put right.
        connections = models.ScimConnectionRow.objects.filter(organization_id=client.organization_id)
        connections.filter(pk=client.connection.pk).update(attention="", attention_at=None)
    after = {"status": str(member.status), "roles": []}
    audit.add(writes, _entry(client, "member.deactivate", member, before, after))
    return str(member.email_address_folded)


def _check_last_admin(client: ScimClient, row: models.ScimUserRow, member: models.MemberRow) -> None:
    """Raise LastAdmin where nobody would be left who is admin, were this member none."""
    # Known by the connection already, and the same.
    member.organization = client.connection.organization
    may_be_by_group = getattr(row, "groups_make_admins", True)
    is_by_group = may_be_by_group and ADMIN_ROLE in roles_through_groups(member)
    if not is_by_group and ADMIN_ROLE not in roles_without_groups(member):
        return
    lock_admins(client.organization_id)
    if not has_admin(client.organization_id, besides=member.pk):
        raise LastAdmin(client, f"{member.email_address} is the last admin of the organization.")


def _check_last_admin_by_domain(
    client: ScimClient, row: models.ScimUserRow, member: models.MemberRow, address: str
) -> None:
    """Raise LastAdmin where the last admin is so by the domain of an address, and would not be so by the new one."""
    organization = client.connection.organization
    by_domain = ADMIN_ROLE in email_roles(organization, member.email_address)
    if not by_domain or ADMIN_ROLE in {*email_roles(organization, address), *member.direct_roles}:
        return
    if ADMIN_ROLE not in roles_through_groups(member):
        _check_last_admin(client, row, member)


def _require_active(client: ScimClient) -> None:
    """Raise ConnectionEnded where the connection was deleted since the call was let in.

    For whoever becomes active without a new person; of new ones the database asks by itself (guards.py).
    """
    connections = models.ScimConnectionRow.objects.filter(organization_id=client.organization_id)
    if not connections.filter(pk=client.connection.pk, status=ScimConnectionStatus.ACTIVE).exists():
        raise ConnectionEnded


def _find_member(client: ScimClient, address: str) -> models.MemberRow | None:
    members = models.MemberRow.objects.filter(
        organization_id=client.organization_id, email_address_folded=fold_address(address)
    )
    return members.exclude(status=MemberStatus.DELETED).select_for_update().first()


def _linked_users(member: models.MemberRow) -> tuple[models.ScimUserRow | None, models.ScimUserRow | None]:
    """Return who the member is to an identity provider: now, and by a connection that is deleted."""
    person: models.ScimUserRow | None = getattr(member, "scim_user", None)
    if person is not None and person.connection.status == ScimConnectionStatus.DELETED:
        return None, person
    return person, None


def _may_link(client: ScimClient, row: models.ScimUserRow, member: models.MemberRow) -> bool:
    """Say what was decided of this person, or else of all who have such an address."""
    conflict = models.ScimConflictRow.objects.filter(
        organization_id=client.organization_id,
        connection_id=client.connection.pk,
        member=member,
        user_name=row.user_name,
    ).first()
    if conflict and (conflict.approved_at or conflict.dismissed_at):
        return conflict.approved_at is not None
    return _is_allowed_domain(client, member.email_address)


def _is_allowed_domain(client: ScimClient, address: str) -> bool:
    """Say whether the organization vouches for every address of this domain."""
    return domain_of(address) in {
        fold_domain(allowed) for allowed in client.connection.organization.email_allowed_domains
    }


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def member_state(member: models.MemberRow) -> dict[str, str]:
    """Return what a person of the IdP says of a member, as it is."""
    return {"email_address": member.email_address, "name": member.name, "status": str(member.status)}


def _entry(
    client: ScimClient, action: str, member: models.MemberRow, before: dict[str, Any], after: dict[str, Any]
) -> audit.Entry:
    return audit.entry(
        client.caller,
        action,
        organization_id=client.organization_id,
        target_id=member_id(member),
        target_name=member.email_address,
        before=before,
        after=after,
    )
