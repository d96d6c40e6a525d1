"""What provisioning does to members, in the same transaction: whoever has an e-mail address signs in as a member."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from portal.directory.embedded import activity, models, scim_conflicts
from portal.directory.embedded.models.fields import fold
from portal.directory.embedded.provisioning.brake import let_go
from portal.directory.embedded.provisioning.clients import ScimClient
from portal.directory.embedded.provisioning.documents import Document
from portal.directory.embedded.provisioning.errors import ScimError, Uniqueness
from portal.directory.embedded.roles import email_roles, group_roles, has_admin, hold_admins, is_admin
from portal.directory.embedded.statements import delete_keys, insert, update, update_keys
from portal.directory.embedded.values import member_id
from portal.directory.policy import ADMIN_ROLE
from portal.directory.types import MemberStatus, ScimConnectionStatus

Entries = list[models.ActivityEntry]


class MemberConflict(ScimError):
    """Somebody who was a member before has the e-mail address; an admin of the organization decides."""

    status = 409
    scim_type = "uniqueness"

    def __init__(self, row: models.ScimUser, member: models.Member) -> None:
        super().__init__(
            f'"{member.email_address}" is a member of the organization already, and was not provisioned by this '
            "connection. An admin of the organization decides: in the portal under SCIM, Conflicts."
        )
        self._row, self._member = row, member

    def aftermath(self) -> None:
        """Put the person on the list of conflicts."""
        scim_conflicts.note(self._row, self._member)


class ConnectionEnded(ScimError):
    """The connection was deleted while the call was under way; the next one is refused by its token."""

    status = 503
    headers: ClassVar[Mapping[str, str]] = {"Retry_After": "5"}

    def __init__(self) -> None:
        super().__init__("The connection was deleted in the portal while this was done. Nothing was changed.")


class LastAdmin(ScimError):
    """The organization would be left without anybody who can administer it."""

    status = 409

    def __init__(self, client: ScimClient, detail: str) -> None:
        super().__init__(f"{detail} Somebody else must be made an admin first.")
        self._client = client

    def aftermath(self) -> None:
        """Mark the connection, so that an admin sees it."""
        connections = models.ScimConnection.objects.filter(organization_id=self._client.organization_id)
        connections.filter(pk=self._client.connection.pk).update(
            attention=self.detail[:512], attention_at=timezone.now()
        )


def email_address(document: Document) -> str:
    """Return the address that a person signs in with: the primary one, or the work one, or the first, or the userName.

    "" where none of them is an e-mail address.
    """
    emails: Sequence[dict[str, Any]] = document.get("emails", ())
    ranked = sorted(emails, key=lambda one: (one.get("primary") is not True, fold(str(one.get("type", ""))) != "work"))
    for candidate in [*(str(one.get("value", "")) for one in ranked), str(document.get("userName", ""))]:
        if _is_address(candidate):
            return candidate
    return ""


def become_member(client: ScimClient, row: models.ScimUser) -> Entries:
    """Make a new member of a person who has an address. Raises IntegrityError where a member has it."""
    row.member = new_member(row)
    if row.member is None:
        return []
    insert(row.member)
    return [created(client, row.member)]


def new_member(row: models.ScimUser) -> models.Member | None:
    """Return the member that a person will be, not saved; None without an address."""
    address = email_address(row.document)
    if not address:
        return None
    status = MemberStatus.ACTIVE if row.active else MemberStatus.DELETED
    return models.Member(
        organization_id=row.organization_id, email_address=address, name=row.display_name, status=status
    )


def created(client: ScimClient, member: models.Member) -> models.ActivityEntry:
    """Return the entry of a new member."""
    after = {"email_address": member.email_address, "name": member.name, "status": str(member.status)}
    return _entry(client, "member.create", member, {}, after)


def adopt_member(client: ScimClient, row: models.ScimUser) -> Entries:
    """Link a person to the member who has the address. Raises MemberConflict unless that is allowed, Uniqueness.

    Who shares the address with a person of the same connection is kept without a member, until they have their own.
    """
    _require_active(client)
    member = _holder(client, email_address(row.document))
    if member is None:
        return become_member(client, row)
    person, former = _person_of(member)
    if person is not None and person.connection_id == client.connection.pk:
        # RFC 7643, 8.7.1: addresses are not unique. One person signs in with it, and it stays the first one.
        row.member = None
        return []
    if person is not None:
        # Nobody's decision could help: two people cannot be one member.
        raise Uniqueness("The e-mail address is that of another member of the organization.")
    if not _may_be_adopted(client, row, member):
        raise MemberConflict(row, member)
    if former is not None:
        update_keys(models.ScimUser, ("member_id", None), {}, "id", [former.pk])
    row.member, row.is_adopted = member, True
    scim_conflicts.forget(member)
    return [_entry(client, "member.link_scim_user", member, {}, {"user_name": row.user_name}), *follow(client, row)]


def follow(client: ScimClient, row: models.ScimUser) -> Entries:
    """Bring the member in line with the person. Raises LastAdmin, and IntegrityError where the address is taken."""
    member = row.member
    if member is None:
        _require_active(client)
        return become_member(client, row)
    before, after = member_state(member), wanted_state(client, row, member)
    was_active = member.status != MemberStatus.DELETED
    if was_active and not row.active:
        return end_membership(client, member)
    if after == before:
        return []
    if was_active and after["email_address"] != before["email_address"]:
        _keep_an_admin_by_domain(client, member, after["email_address"])
    if not was_active:
        _require_active(client)
    if fold(after["email_address"]) != member.email_address_folded:
        # An identity provider says so; nobody has shown that they read what is sent there.
        member.email_address_verified = False
    # Groups give their roles back; what was given by hand must be given again (Stytch does the same).
    member.email_address, member.name, member.status = after["email_address"], after["name"], after["status"]
    update(member)
    action = "member.update" if was_active else "member.reactivate"
    changed = {name for name in after if after[name] != before[name]}
    return [
        _entry(client, action, member, {n: before[n] for n in sorted(changed)}, {n: after[n] for n in sorted(changed)})
    ]


def wanted_state(client: ScimClient, row: models.ScimUser, member: models.Member) -> dict[str, str]:
    """Return the same as it is to be: a name stays where there is none, an address where it may not be taken."""
    address = email_address(row.document)
    takes_address = address and (not row.is_adopted or _is_allowed(client, address))
    status = MemberStatus.ACTIVE if member.status == MemberStatus.DELETED else member.status
    return {
        "email_address": address if takes_address else member.email_address,
        "name": row.display_name or member.name,
        "status": str(status if row.active else MemberStatus.DELETED),
    }


def end_membership(client: ScimClient, member: models.Member) -> Entries:
    """End a member's sessions, links and roles, now. Raises LastAdmin, Braked."""
    if member.status == MemberStatus.DELETED:
        return []
    _keep_an_admin(client, member)
    let_go(client, member)
    before = {"status": str(member.status), "roles": member.direct_roles}
    member.status, member.direct_roles = MemberStatus.DELETED, []
    update(member, "status", "direct_roles", "updated_at")
    update_keys(models.MemberSession, ("revoked_at", timezone.now()), {"revoked_at": None}, "member_id", [member.pk])
    delete_keys(models.SignInLink, {}, "member_id", [member.pk])
    if client.connection.attention:
        # What was refused before has been put right.
        connections = models.ScimConnection.objects.filter(organization_id=client.organization_id)
        connections.filter(pk=client.connection.pk).update(attention="", attention_at=None)
    return [_entry(client, "member.deactivate", member, before, {"status": str(member.status), "roles": []})]


def _keep_an_admin(client: ScimClient, member: models.Member) -> None:
    """Raise LastAdmin where nobody would be left who is admin, were this member none."""
    # Known by the connection already, and the same.
    member.organization = client.connection.organization
    if not is_admin(member):
        return
    hold_admins(client.organization_id)
    if not has_admin(client.organization_id, besides=member.pk):
        raise LastAdmin(client, f"{member.email_address} is the last admin of the organization.")


def _keep_an_admin_by_domain(client: ScimClient, member: models.Member, address: str) -> None:
    """Raise LastAdmin where the last admin is so by the domain of an address, and would not be so by the new one."""
    organization = client.connection.organization
    by_domain = ADMIN_ROLE in email_roles(organization, member.email_address)
    if not by_domain or ADMIN_ROLE in {*email_roles(organization, address), *member.direct_roles}:
        return
    if ADMIN_ROLE not in group_roles(member):
        _keep_an_admin(client, member)


def _require_active(client: ScimClient) -> None:
    """Raise ConnectionEnded where the connection was deleted since the call was let in.

    For whoever becomes active without a new person; of new ones the database asks by itself (guards.py).
    """
    connections = models.ScimConnection.objects.filter(organization_id=client.organization_id)
    if not connections.filter(pk=client.connection.pk, status=ScimConnectionStatus.ACTIVE).exists():
        raise ConnectionEnded


def _holder(client: ScimClient, address: str) -> models.Member | None:
    members = models.Member.objects.filter(organization_id=client.organization_id, email_address_folded=fold(address))
    return members.exclude(status=MemberStatus.DELETED).select_for_update().first()


def _person_of(member: models.Member) -> tuple[models.ScimUser | None, models.ScimUser | None]:
    """Return who the member is to an identity provider: now, and by a connection that is deleted."""
    person: models.ScimUser | None = getattr(member, "scim_user", None)
    if person is not None and person.connection.status == ScimConnectionStatus.DELETED:
        return None, person
    return person, None


def _may_be_adopted(client: ScimClient, row: models.ScimUser, member: models.Member) -> bool:
    """Say what was decided of this person, or else of all who have such an address."""
    conflict = models.ScimConflict.objects.filter(
        organization_id=client.organization_id,
        connection_id=client.connection.pk,
        member=member,
        user_name=row.user_name,
    ).first()
    if conflict and (conflict.approved_at or conflict.dismissed_at):
        return conflict.approved_at is not None
    return _is_allowed(client, member.email_address)


def _is_allowed(client: ScimClient, address: str) -> bool:
    """Say whether the organization vouches for every address of this domain."""
    domain = fold(address.rpartition("@")[2])
    return domain in {fold(allowed) for allowed in client.connection.organization.email_allowed_domains}


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def member_state(member: models.Member) -> dict[str, str]:
    """Return what a person of the IdP says of a member, as it is."""
    return {"email_address": member.email_address, "name": member.name, "status": str(member.status)}


def _entry(
    client: ScimClient, action: str, member: models.Member, before: dict[str, Any], after: dict[str, Any]
) -> models.ActivityEntry:
    return activity.entry(
        client.caller,
        action,
        organization_id=client.organization_id,
        target_id=member_id(member),
        target_name=member.email_address,
        before=before,
        after=after,
    )
