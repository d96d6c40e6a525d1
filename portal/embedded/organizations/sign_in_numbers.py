"""How many active members have a password, a second factor and the admin role: counted by pages and by the scheduled job."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.db.models.expressions import RawSQL

from portal.directory.members import MemberStatus
from portal.directory.organizations import Organization
from portal.directory.policy import ADMIN_ROLE
from portal.directory.second_factors import PASSKEY, SMS_OTP, TOTP
from portal.embedded import models
from portal.embedded.members.search import has_any_role
from portal.embedded.scope import organization_value, rows_of

# Repeat the condition of the partial index literally: a planner can't derive it from a parameter.
_DELETED = RawSQL(f"'{MemberStatus.DELETED}'", ())  # noqa: S611 -- a constant
_ACTIVE = Q(status=MemberStatus.ACTIVE)
_FACTORS = {
    TOTP: Q(totp_id__isnull=False),
    SMS_OTP: Q(mfa_phone_number_verified=True),
    PASSKEY: Q(passkey_count__gt=0),
}
_ANY_FACTOR = _FACTORS[TOTP] | _FACTORS[SMS_OTP] | _FACTORS[PASSKEY]


def members_in_order(organization_id: UUID) -> QuerySet[models.MemberRow]:
    """Return the members that aren't deactivated, in the order of an index."""
    rows = rows_of(organization_id, models.MemberRow).exclude(status=_DELETED)
    return rows.order_by("email_address_folded", "pk")


def count_members(organization_id: UUID, limit: int | None = None) -> Mapping[str, int]:
    """Count members that aren't deactivated as "all", and active ones by how they sign in, among the first `limit`."""
    rows = members_in_order(organization_id)
    return (rows if limit is None else rows[:limit]).aggregate(
        all=Count("pk"),
        members=Count("pk", filter=_ACTIVE),
        password=Count("pk", filter=_ACTIVE & ~Q(password="")),
        second_factor=Count("pk", filter=_ACTIVE & _ANY_FACTOR),
        **{name: Count("pk", filter=_ACTIVE & has) for name, has in _FACTORS.items()},
    )


def count_admins(organization: Organization, organization_id: UUID) -> Mapping[str, int]:
    """Count active admins, and those of them who have a second factor."""
    admins = members_in_order(organization_id).filter(_ACTIVE, has_any_role([ADMIN_ROLE], [organization])).order_by()
    return admins.aggregate(admins=Count("pk"), admins_with_second_factor=Count("pk", filter=_ANY_FACTOR))


def count_sign_in(organization_id: UUID) -> Mapping[str, int]:
    """Count all of it, for the scheduled job. The time grows with the number of members."""
    organization = organization_value(models.OrganizationRow.objects.get(pk=organization_id))
    return {**count_members(organization_id), **count_admins(organization, organization_id)}
