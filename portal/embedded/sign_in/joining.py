"""How people become members by an email: those who may join by their domain, and those who were invited or wait."""

from uuid import UUID

from django.db import transaction

from portal.directory.actor import Origin
from portal.directory.email_addresses import fold_address
from portal.directory.errors import Forbidden
from portal.directory.members import MemberChanges, MemberStatus
from portal.directory.organizations import RESTRICTED
from portal.embedded import models
from portal.embedded.audit import Caller, record
from portal.embedded.database.integrity import is_text
from portal.embedded.invitations import records
from portal.embedded.members.changes import apply_changes, check_address, described, for_activity, unless_taken
from portal.embedded.members.retired_addresses import require_not_retired
from portal.embedded.members.values import member_id
from portal.embedded.organizations import domain_rows
from portal.embedded.scope import Scope, lock_organization, organization_value, rows_of, settings_value
from portal.embedded.sign_in.methods import may_use


def find_or_join(scope: Scope, email_address: str, auth_method: str) -> tuple[models.MemberRow, bool]:
    """Return the member with an address, and whether they joined just now: as a pending member, by their email domain.

    Raise Invalid, and Forbidden if they may not join, or if the organization doesn't allow the method.
    """
    member = member_of(scope.organization_id, email_address)
    is_new = member is None
    if member is None:
        _require_may_join(scope, email_address, auth_method)
        member = join(scope, email_address)
    _require_method(member, auth_method)
    return member, is_new


def recipient(scope: Scope, email_address: str, auth_method: str) -> models.MemberRow | None:
    """Return the member who gets the email that a visitor asked for, None for someone who joins when they use it.

    Raise Forbidden if nobody may get it.
    """
    member = member_of(scope.organization_id, email_address)
    if member is None:
        _require_may_join(scope, email_address, auth_method)
    else:
        _require_method(member, auth_method)
    return member


def locked_member_or_join(scope: Scope, email_address: str) -> models.MemberRow | None:
    """Lock and return the member with an address that was proved. Someone who may join becomes one; None for others."""
    member = locked_member(scope, email_address)
    if member is None:
        organization = models.OrganizationRow.objects.get(pk=scope.organization_id)
        if may_join(organization, email_address):
            join(scope, email_address)
            member = locked_member(scope, email_address)
    return member


def member_of(organization_id: UUID, email_address: str) -> models.MemberRow | None:
    """Return the member with an address, None if nobody has it or the member was deleted."""
    if not is_text(email_address):  # a claim of another system, which no form has checked
        return None
    members = rows_of(organization_id, models.MemberRow).select_related("organization", "scim_user")
    named = members.filter(email_address_folded=fold_address(email_address), organization__deleted_at=None)
    return named.exclude(status=MemberStatus.DELETED).first()


def locked_member(scope: Scope, email_address: str) -> models.MemberRow | None:
    """Lock and return the member with an address, None as `member_of`."""
    found = member_of(scope.organization_id, email_address)
    members = scope.of(models.MemberRow).select_related("organization", "scim_user")
    if found is None:
        return None
    locked = members.select_for_update(of=("self",), no_key=True).exclude(status=MemberStatus.DELETED)
    return locked.filter(pk=found.pk, email_address_folded=found.email_address_folded).first()


def scope_of_request(row: models.EmailTokenRow) -> Scope | None:
    """Return the organization for which a visitor asked for an email, None if it was deleted since."""
    organization = models.OrganizationRow.objects.filter(pk=row.organization_id, deleted_at=None).first()
    if organization is None:
        return None
    origin = Origin(ip_address=row.ip_address, user_agent=row.user_agent)
    return Scope(organization.slug, origin, known_organization=organization_value(organization))


def may_join(organization: models.OrganizationRow, email_address: str) -> bool:
    """Say whether the organization lets people with an address join (Stytch: email_jit_provisioning), by a domain that is proved.

    Not someone whose membership was deleted: their admin has to reactivate it.
    """
    if settings_value(organization).email_jit_provisioning != RESTRICTED or "@" not in email_address:
        return False
    if not domain_rows.counts(organization, email_address):
        return False
    return (
        not rows_of(organization.pk, models.MemberRow).filter(email_address_folded=fold_address(email_address)).exists()
    )


def activate(member: models.MemberRow, caller: Caller) -> None:
    """Make a locked member active who has proved that they receive email at their address."""
    if member.status == MemberStatus.ACTIVE and member.email_address_verified:
        return
    before = {"status": str(member.status)}
    member.status, member.email_address_verified = MemberStatus.ACTIVE, True
    member.save(update_fields=["status", "email_address_verified", "updated_at"])
    if before["status"] != MemberStatus.ACTIVE:
        records.end(member)
        record(
            caller,
            "member.accept_invitation",
            organization_id=member.organization_id,
            target_id=member_id(member),
            target_name=member.email_address,
            before=before,
            after={"status": str(member.status)},
        )


def join(scope: Scope, email_address: str) -> models.MemberRow:
    """Make someone who may join a pending member. Raise Invalid, Conflict."""
    with unless_taken(), transaction.atomic():
        lock_organization(scope.organization_id)
        organization = models.OrganizationRow.objects.get(pk=scope.organization_id)
        row = models.MemberRow(organization=organization, status=MemberStatus.PENDING)
        row.email_address = check_address(email_address)
        require_not_retired(scope, row)
        apply_changes(row, MemberChanges())
        row.save(force_insert=True)
        record(
            scope.caller,
            "member.create",
            organization_id=organization.pk,
            target_id=member_id(row),
            target_name=row.email_address,
            after=for_activity({**described(row), "status": str(row.status)}),
        )
    return row


def _require_may_join(scope: Scope, email_address: str, auth_method: str) -> None:
    organization = models.OrganizationRow.objects.get(pk=scope.organization_id)
    is_allowed = settings_value(organization).allows(auth_method)
    if not is_allowed or not may_join(organization, check_address(email_address)):
        raise Forbidden(
            "Nobody can join the organization with this email address on their own. Invite the person first.",
            field="email_address",
            error_type="invalid_email_for_jit_provisioning",
        )


def _require_method(member: models.MemberRow, auth_method: str) -> None:
    if not may_use(member, auth_method):
        raise Forbidden(
            "The organization does not allow this way to sign in.",
            error_type="operation_restricted_by_organization_auth_methods",
        )
