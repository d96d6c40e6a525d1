"""Keep members in sync with SCIM users, in the same transaction. A user with an email address is a member."""

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
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import ScimError
from portal.embedded.scim.protocol.payload import Document
from portal.embedded.scim.safeguard import register_deactivation
from portal.embedded.scope import rows_of

# The columns of a member that follow the SCIM user.
_SYNCED_COLUMNS = ("email_address", "email_address_folded", "email_address_verified", "name", "status")
# The columns of a SCIM user that say whether the user can sign in, and as which member.
ACCESS_COLUMNS = ("member_id", "is_adopted", "awaited_address", "cannot_sign_in")
# When Entra deletes a user, it first puts the object id before the userName, then deactivates the user.
_DELETED_BY_ENTRA = re.compile(r"[0-9a-f]{32}(?=[^@])", re.IGNORECASE)


class MemberConflict(ScimError):
    """An existing member has the email address. An admin of the organization decides whether to link them."""

    status = 409
    scim_type = "uniqueness"

    def __init__(self, row: models.ScimUserRow, member: models.MemberRow) -> None:
        super().__init__(
            f'"{member.email_address}" is a member of the organization already, and was not provisioned by this '
            "connection. An admin of the organization decides: in the portal under SCIM, Needs attention."
        )
        self._row, self._member = row, member

    def after_rollback(self) -> None:
        """Store the conflict, so that an admin can decide."""
        conflicts.record_conflict(self._row, self._member)


class ConnectionEnded(ScimError):
    """The connection was deleted during the request. The token of the next request is rejected."""

    status = 503
    headers: Mapping[str, str] = {"Retry_After": "5"}

    def __init__(self) -> None:
        super().__init__("The connection was deleted in the portal during the request. Nothing was changed.")


class LastAdmin(ScimError):
    """The organization would have no admin left."""

    status = 409

    def __init__(self, client: ScimClient, detail: str) -> None:
        super().__init__(f"{detail} Make someone else an admin first.")
        self._client = client

    def after_rollback(self) -> None:
        """Store the error with the connection, so that an admin sees it."""
        connections = rows_of(self._client.organization_id, models.ScimConnectionRow)
        connections.filter(pk=self._client.connection.pk).update(
            attention=self.detail[:512], attention_at=timezone.now()
        )


def sign_in_address(client: ScimClient, document: Document) -> str:
    """Return the user's address for signing in: the primary one, the work one, the first one or the userName.

    Return "" if none of them is a valid email address. Surrounding blanks are ignored.
    """
    emails: Sequence[dict[str, Any]] = document.get("emails", ())
    ranked = sorted(
        emails, key=lambda one: (one.get("primary") is not True, fold_name(str(one.get("type", ""))) != "work")
    )
    candidates = (*(str(one.get("value", "")) for one in ranked), _user_name(client, document))
    return next((address for address in map(str.strip, candidates) if _is_address(address)), "")


def _user_name(client: ScimClient, document: Document) -> str:
    """Return the userName, without the prefix that Entra adds when it deletes a user."""
    name = str(document.get("userName", ""))
    return _DELETED_BY_ENTRA.sub("", name, count=1) if client.is_entra and _DELETED_BY_ENTRA.match(name) else name


def create_member(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> None:
    """Add a new member to the writes if the user has an address. Sending them raises IntegrityError if a member has it."""
    row.member = build_member(client, row)
    update_access(row)
    if row.member is not None:
        writes.insert(row.member)
        audit.add(writes, creation_entry(client, row.member))


def build_member(client: ScimClient, row: models.ScimUserRow) -> models.MemberRow | None:
    """Return an unsaved member for a user, or None if the user has no address."""
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
    """Set on the unsaved user whether they are active without an active member."""
    row.cannot_sign_in = row.active and not _is_active(row.member)


def _is_active(member: models.MemberRow | None) -> bool:
    return member is not None and member.status != MemberStatus.DELETED


def creation_entry(client: ScimClient, member: models.MemberRow) -> audit.Entry:
    """Return the activity entry of a new member."""
    after = {"email_address": member.email_address, "name": member.name, "status": str(member.status)}
    return _entry(client, "member.create", member, {}, after)


def link_member(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> str:
    """Link a user to the member who has the address. Return the address that this frees, or "".

    If the member belongs to another user, this user waits for the address, without a member. Raise MemberConflict unless
    linking is allowed, and LastAdmin or DeactivationOnHold if the user's present member cannot be deactivated.
    """
    _require_active(client)
    address, freed = sign_in_address(client, row.document), ""
    if row.member is not None and _is_active(row.member):
        # Before locking the other member: in the order in which deactivations lock, to avoid deadlocks.
        freed = deactivate_member(client, row, row.member, writes)
    member = _find_member(client, address)
    if member is None:
        raise IntegrityError("The address was freed in the meantime.")
    user, deleted_user = _linked_users(member)
    if user is not None:
        # RFC 7643, 8.7.1: addresses aren't unique. Only the first user with an address signs in with it.
        row.awaited_address = member.email_address_folded
        return freed
    if not _may_link(client, row, member):
        raise MemberConflict(row, member)
    if deleted_user is not None:
        # Saved first, because a member has at most one user.
        awaited = member.email_address_folded if deleted_user.active else ""
        deleted_user.member, deleted_user.awaited_address = None, awaited
        update_access(deleted_user)
        deleted_user.save(update_fields=ACCESS_COLUMNS)
    row.member, row.is_adopted = member, True
    conflicts.delete_conflicts(member)
    audit.add(writes, _entry(client, "member.link_scim_user", member, {}, {"user_name": row.user_name}))
    sync_member(client, row, writes)
    return freed


def sync_member(client: ScimClient, row: models.ScimUserRow, writes: Writes) -> str:
    """Add the changes of the user's member to the writes. Return the address that this frees, or "".

    Raise LastAdmin or DeactivationOnHold if the member cannot be deactivated. Sending the writes raises IntegrityError
    if another member has the address.
    """
    member = row.member
    if member is None:
        _require_active(client)
        create_member(client, row, writes)
        # The member must exist before the user's row refers to it.
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
        # The identity provider sent the address; its owner has not confirmed it.
        member.email_address_verified = False
        freed = str(member.email_address_folded) if was_active else ""
    # Roles from groups return; manually assigned ones must be assigned again, as with Stytch.
    member.email_address, member.name, member.status = after["email_address"], after["name"], after["status"]
    writes.update(member, *_SYNCED_COLUMNS, "updated_at")
    action = "member.update" if was_active else "member.reactivate"
    changed = {name for name in after if after[name] != before[name]}
    before, after = ({name: state[name] for name in sorted(changed)} for state in (before, after))
    audit.add(writes, _entry(client, action, member, before, after))
    return freed


def target_state(client: ScimClient, row: models.ScimUserRow, member: models.MemberRow) -> dict[str, str]:
    """Return member_state() as the user wants it. Without a name, or an address that is allowed, they stay as they are."""
    address = sign_in_address(client, row.document)
    takes_address = address and (not row.is_adopted or _is_allowed_domain(client, address))
    status = MemberStatus.ACTIVE if member.status == MemberStatus.DELETED else member.status
    return {
        "email_address": address if takes_address else member.email_address,
        "name": row.display_name or member.name,
        "status": str(status if row.active else MemberStatus.DELETED),
    }


def deactivate_member(client: ScimClient, row: models.ScimUserRow, member: models.MemberRow, writes: Writes) -> str:
    """Add the end of a member's sessions, links and roles to the writes. Return the address that this frees, or "".

    Raise LastAdmin or DeactivationOnHold if the member cannot be deactivated.
    """
    if member.status == MemberStatus.DELETED:
        return ""
    _check_last_admin(client, row, member)
    register_deactivation(client, row, member, writes)
    before = {"status": str(member.status), "roles": member.direct_roles}
    member.status, member.direct_roles = MemberStatus.DELETED, []
    writes.update(member, "status", "direct_roles", "updated_at")
    ended = ("revoked_at", timezone.now())
    of_organization = {"organization_id": member.organization_id}
    live = {**of_organization, "revoked_at": None}
    writes.update_keys(models.MemberSessionRow, ended, live, "member_id", [member.pk])
    writes.delete_keys(models.SignInLinkRow, of_organization, "member_id", [member.pk])
    writes.delete_keys(models.RememberedDeviceRow, of_organization, "member_id", [member.pk])
    writes.delete_keys(models.IntermediateSessionMemberRow, of_organization, "member_id", [member.pk])
    if client.connection.attention:
        # The error that an earlier request stored is resolved.
        connections = rows_of(client.organization_id, models.ScimConnectionRow)
        connections.filter(pk=client.connection.pk).update(attention="", attention_at=None)
    after = {"status": str(member.status), "roles": []}
    audit.add(writes, _entry(client, "member.deactivate", member, before, after))
    return str(member.email_address_folded)


def _check_last_admin(client: ScimClient, row: models.ScimUserRow, member: models.MemberRow) -> None:
    """Raise LastAdmin if the organization would have no admin without this member."""
    # The same organization, already loaded with the connection.
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
    """Raise LastAdmin if the last admin has the role through an email domain that the new address does not have."""
    organization = client.connection.organization
    by_domain = ADMIN_ROLE in email_roles(organization, member.email_address)
    if not by_domain or ADMIN_ROLE in {*email_roles(organization, address), *member.direct_roles}:
        return
    if ADMIN_ROLE not in roles_through_groups(member):
        _check_last_admin(client, row, member)


def _require_active(client: ScimClient) -> None:
    """Raise ConnectionEnded if the connection was deleted since the request was admitted.

    For a user who is activated; for a new user, a trigger of the database checks it (triggers.py).
    """
    connections = rows_of(client.organization_id, models.ScimConnectionRow)
    if not connections.filter(pk=client.connection.pk, status=ScimConnectionStatus.ACTIVE).exists():
        raise ConnectionEnded


def _find_member(client: ScimClient, address: str) -> models.MemberRow | None:
    members = rows_of(client.organization_id, models.MemberRow).filter(email_address_folded=fold_address(address))
    return members.exclude(status=MemberStatus.DELETED).select_for_update().first()


def _linked_users(member: models.MemberRow) -> tuple[models.ScimUserRow | None, models.ScimUserRow | None]:
    """Return the SCIM user of an active connection that has this member, or else that of a deleted connection."""
    user: models.ScimUserRow | None = getattr(member, "scim_user", None)
    if user is not None and user.connection.status == ScimConnectionStatus.DELETED:
        return None, user
    return user, None


def _may_link(client: ScimClient, row: models.ScimUserRow, member: models.MemberRow) -> bool:
    """Say whether an admin approved linking this user, or else whether the domain of the address allows it."""
    conflicts_of_member = rows_of(client.organization_id, models.ScimConflictRow).filter(member=member)
    conflict = conflicts_of_member.filter(connection_id=client.connection.pk, user_name=row.user_name).first()
    if conflict and (conflict.approved_at or conflict.dismissed_at):
        return conflict.approved_at is not None
    return _is_allowed_domain(client, member.email_address)


def _is_allowed_domain(client: ScimClient, address: str) -> bool:
    """Say whether the domain of the address is one of the organization's allowed domains."""
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
    """Return the state of a member that the SCIM user decides."""
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
