"""The rows of email domains: which of them count, and keeping them in step with the organization's email_allowed_domains.

Changes of the list or of a row lock the organization first.
"""

import secrets
from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from portal.directory.actor import ActorType
from portal.directory.email_addresses import domain_of, fold_domain
from portal.embedded import audit, models
from portal.embedded.scope import across_organizations, rows_of

PREFIX = "gatehouse-domain="
_RANDOM_BYTES = 16
# Those that answer for what they set.
_TRUSTED = frozenset({ActorType.PROJECT, ActorType.OPERATOR})


def counting(organization_id: UUID | OuterRef) -> QuerySet[models.EmailDomainRow]:
    """Return an organization's domains by which people may join: those that the product set, and those that are proved.

    Affiliation doesn't count where another organization owns the domain.
    """
    owned_elsewhere = across_organizations(models.OwnedDomainRow).filter(domain=OuterRef("domain"))
    affiliated = Q(affiliated_at__isnull=False) & ~Exists(
        owned_elsewhere.exclude(organization_id=OuterRef("organization_id"))
    )
    rows = rows_of(organization_id, models.EmailDomainRow)
    return rows.filter(Q(is_trusted=True) | Q(owned_at__isnull=False) | affiliated)


def counting_among(organization_id: UUID, listed: Collection[str]) -> Collection[str]:
    """Return the listed domains that count, folded."""
    return set(map(fold_domain, listed)) & set(counting(organization_id).values_list("domain", flat=True))


def counts(organization: models.OrganizationRow, email_address: str) -> bool:
    """Say whether an organization's allowed domains have that of an address, and whether it is proved."""
    domain = domain_of(email_address)
    if domain not in set(map(fold_domain, organization.email_allowed_domains)):
        return False
    return counting(organization.pk).filter(domain=domain).exists()


def follow(row: models.OrganizationRow, before: Collection[str], caller: audit.Caller) -> None:
    """Add and remove rows after a change of the locked organization's list, in the same transaction.

    Those that the project adds count at once. One that was in the list before stays as it is, so that a product that sends
    the whole list vouches for nothing that a member had added.
    """
    after, former = set(map(fold_domain, row.email_allowed_domains)), set(map(fold_domain, before))
    if after == former:
        return
    if removed := former - after:
        delete(row.pk, removed)
    for domain in sorted(after - former):
        new_row(row, domain, caller).save(force_insert=True)


def new_row(organization: models.OrganizationRow, domain: str, caller: audit.Caller) -> models.EmailDomainRow:
    """Return the row of a folded domain that is added. It isn't saved."""
    is_trusted = caller.actor.type in _TRUSTED
    return models.EmailDomainRow(
        organization=organization,
        domain=domain,
        record_value=f"{PREFIX}{secrets.token_hex(_RANDOM_BYTES)}",
        added_by=caller.actor.name[:256],
        is_trusted=is_trusted,
        # Nobody was asked for a record of a domain that counts already.
        next_check_at=None if is_trusted else timezone.now(),
    )


def delete(organization_id: UUID, domains: Collection[str]) -> None:
    """Delete the rows of domains, and what they own."""
    rows_of(organization_id, models.EmailDomainRow).filter(domain__in=domains).delete()
    rows_of(organization_id, models.OwnedDomainRow).filter(domain__in=domains).delete()


def release(organization_id: UUID) -> None:
    """Let go of what an organization owns when it is deleted. A restored one has to prove it again."""
    rows_of(organization_id, models.OwnedDomainRow).delete()
    rows_of(organization_id, models.EmailDomainRow).update(
        owned_at=None, missing_since=None, warned_at=None, next_check_at=None
    )


def affiliate(organization_id: UUID, email_address: str) -> None:
    """Count a proved address as affiliation with its domain, if the organization has the domain."""
    rows = rows_of(organization_id, models.EmailDomainRow).filter(domain=domain_of(email_address), affiliated_at=None)
    rows.update(affiliated_at=timezone.now(), affiliated_address=email_address)


def take(row: models.EmailDomainRow) -> bool:
    """Make a locked organization's domain its own. Return False if another organization owns it.

    Must run in a transaction. The unique key decides between two organizations at once: the second one waits for the first.
    """
    now = timezone.now()
    models.OwnedDomainRow.objects.bulk_create(
        [models.OwnedDomainRow(organization_id=row.organization_id, domain=row.domain, owned_at=now)],
        ignore_conflicts=True,
    )
    return rows_of(row.organization_id, models.OwnedDomainRow).filter(domain=row.domain).exists()


def give_up(row: models.EmailDomainRow) -> None:
    """Let another organization own a domain."""
    rows_of(row.organization_id, models.OwnedDomainRow).filter(domain=row.domain).delete()
