"""Email those who may change domains that the record of a domain is missing."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django_tasks import task

from portal.directory.actor import Origin
from portal.directory.email_addresses import fold_address
from portal.directory.members import MemberStatus
from portal.directory.permissions import Permission
from portal.embedded import models
from portal.embedded.members.listing import helpers
from portal.embedded.members.values import with_details
from portal.embedded.organizations.colors import color_of
from portal.embedded.organizations.domain_emails import record_missing
from portal.embedded.scope import Scope, organization_value, rows_of
from portal.embedded.tasks.queue import GiveUp, enqueue_always
from portal.mail.delivery import UndeliverableError, send_email

_RECIPIENTS = 10


def email_warnings(row: models.EmailDomainRow) -> None:
    """Have a worker email at most ten members, in the transaction that stores that they were warned."""
    if settings.EMAIL_IS_SET_UP:
        enqueue_always(row.organization_id, warn_members, str(row.organization_id), str(row.pk))


@task()
def warn_members(organization_id: str, key: str) -> None:
    """Add an email to each member who may change domains and whose address is verified."""
    row = _lapsing(organization_id, key)
    if row is None:
        return
    organization = row.organization
    scope = Scope(organization.slug, Origin(), known_organization=organization_value(organization))
    roles = [role.role_id for role in scope.policy.roles_granting(Permission.ALLOWED_DOMAINS)]
    addresses = [fold_address(one.email_address) for one in helpers(scope, roles, limit=_RECIPIENTS)]
    members = scope.of(models.MemberRow).filter(email_address_folded__in=addresses, email_address_verified=True)
    with transaction.atomic():
        for member in members.filter(status=MemberStatus.ACTIVE).values_list("pk", flat=True):
            enqueue_always(row.organization_id, email_warning, organization_id, key, str(member))


@task()
def email_warning(organization_id: str, key: str, member_key: str) -> None:
    """Email one member, unless the record is back."""
    row = _lapsing(organization_id, key)
    members = with_details(rows_of(UUID(organization_id), models.MemberRow))
    member = members.filter(pk=member_key, status=MemberStatus.ACTIVE).first()
    if row is None or member is None:
        return
    try:
        send_email(
            record_missing(row, member),
            to=member.email_address,
            key=f"{row.pk} {row.missing_since} {member.pk}",
            color=color_of(row.organization),
        )
    except UndeliverableError as error:
        raise GiveUp from error


def _lapsing(organization_id: str, key: str) -> models.EmailDomainRow | None:
    rows = rows_of(UUID(organization_id), models.EmailDomainRow).select_related("organization")
    return rows.filter(
        pk=key, owned_at__isnull=False, missing_since__isnull=False, organization__deleted_at=None
    ).first()
