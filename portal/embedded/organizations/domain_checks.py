"""Look up the DNS records of domains: who owns a domain has a record with the value that we gave them.

A job adds a task for each domain that is due; a worker asks the name servers outside of any transaction. A look-up that
fails changes nothing but the time of the check: only an answer that says that there is no such record lets a domain lapse.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_tasks import task

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.domains import FIRST_HOUR, GRACE, UNPROVED_FOR, DomainFinding
from portal.directory.errors import NotFound, TooManyRequests
from portal.embedded import audit, models
from portal.embedded.organizations import domain_rows
from portal.embedded.organizations.domain_values import domain_id, record_name
from portal.embedded.organizations.domain_warnings import email_warnings
from portal.embedded.scope import across_organizations, lock_organization, rows_of
from portal.embedded.tasks.queue import URGENT, enqueue
from portal.outbound.dns import NoAnswer, txt_records

log = structlog.get_logger("gatehouse.domains")

EACH_MINUTE, EACH_HOUR, EACH_DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_AFTER_SILENCE = timedelta(minutes=10)
# A task that a worker didn't finish in this time is added again.
_ASKED_FOR = timedelta(minutes=10)
# Domains that one run of the job adds tasks for.
_BATCH = 1_000
_SHOWN = 100


def enqueue_checks() -> int:
    """Add a task for each domain whose record is due, the longest due first, and return how many."""
    now = timezone.now()
    due = across_organizations(models.EmailDomainRow).filter(next_check_at__lte=now, organization__deleted_at=None)
    waiting = due.filter(_not_asked(now)).order_by("next_check_at").values_list("organization_id", "pk")
    return sum(ask(organization_id, key) for organization_id, key in waiting[:_BATCH])


def ask(organization_id: UUID, key: UUID, *, is_urgent: bool = False) -> bool:
    """Add a task that looks a record up, unless one waits. Return whether it was added."""
    now = timezone.now()
    try:
        with transaction.atomic():
            row = rows_of(organization_id, models.EmailDomainRow).filter(_not_asked(now), pk=key)
            if not row.update(check_asked_at=now):
                return False
            which = check_record.using(priority=URGENT) if is_urgent else check_record
            enqueue(organization_id, which, str(organization_id), str(key))
    except TooManyRequests:
        log.warning("domain_check_not_enqueued", organization_id=str(organization_id))
        return False
    return True


@task()
def check_record(organization_id: str, key: str) -> None:
    """Look up the record of a domain, and store what it says."""
    rows = rows_of(UUID(organization_id), models.EmailDomainRow).filter(pk=key)
    row = rows.filter(organization__deleted_at=None).first()
    if row is None:
        return
    name = record_name(row.domain)
    try:
        # Without a name, it's a domain of old times that DNS can't have.
        found: Sequence[str] | None = txt_records(name) if name else ()
    except NoAnswer as error:
        log.info("domain_check_failed", error=str(error))
        found = None
    try:
        _store(rows, found)
    except NotFound:
        # The organization was deleted in the meantime.
        return


def _store(rows: QuerySet[models.EmailDomainRow], found: Sequence[str] | None) -> None:
    """Store what a look-up found, None if no name server answered."""
    with transaction.atomic():
        seen = rows.first()
        if seen is None:
            return
        lock_organization(seen.organization_id)
        row = rows.select_for_update().first()
        if row is None:
            return
        now = timezone.now()
        row.checked_at, row.check_asked_at = now, None
        if found is None:
            row.finding = DomainFinding.NO_ANSWER
        elif row.record_value in found:
            _found(row, now)
        else:
            _missing(row, found, now)
        row.next_check_at = _next_check(row, now)
        row.save()


def _found(row: models.EmailDomainRow, now: datetime) -> None:
    row.found_value = ""
    if row.owned_at is None and not domain_rows.take(row):
        row.finding = DomainFinding.TAKEN
        return
    row.finding, row.missing_since, row.warned_at, row.lapsed_at = DomainFinding.FOUND, None, None, None
    if row.owned_at is None:
        row.owned_at = now
        _record(row, "organization.own_domain")


def _missing(row: models.EmailDomainRow, found: Sequence[str], now: datetime) -> None:
    row.finding = DomainFinding.OTHER_VALUE if found else DomainFinding.MISSING
    # Other services have records at the same name sometimes. One of ours says more.
    row.found_value = next((one for one in found if one.startswith(domain_rows.PREFIX)), *found[:1] or [""])[:_SHOWN]
    if row.owned_at is None:
        return
    if row.missing_since is None:
        # It can be a mistake of a moment, so nobody is warned before it was missing twice.
        row.missing_since = now
    elif now >= row.missing_since + GRACE:
        domain_rows.give_up(row)
        row.owned_at, row.lapsed_at = None, now
        _record(row, "organization.lose_domain")
    elif row.warned_at is None:
        row.warned_at = now
        email_warnings(row)


def _next_check(row: models.EmailDomainRow, now: datetime) -> datetime | None:
    """Return when to look again: None for a domain that nobody has proved for long."""
    if row.owned_at is not None:
        if row.missing_since is None:
            return now + (EACH_HOUR if row.finding == DomainFinding.NO_ANSWER else EACH_DAY)
        return min(now + EACH_HOUR, max(now + EACH_MINUTE, row.missing_since + GRACE))
    begins = max(row.created_at, row.lapsed_at or row.created_at)
    if now < row.created_at + FIRST_HOUR:
        # Name servers that don't answer keep a worker busy for seconds.
        return now + (_AFTER_SILENCE if row.finding == DomainFinding.NO_ANSWER else EACH_MINUTE)
    return now + EACH_DAY if now < begins + UNPROVED_FOR else None


def _not_asked(now: datetime) -> Q:
    return Q(check_asked_at=None) | Q(check_asked_at__lt=now - _ASKED_FOR)


def _record(row: models.EmailDomainRow, action: str) -> None:
    """Record what a check decided. The operator's worker is the actor."""
    audit.record(
        audit.Caller(Actor(ActorType.OPERATOR), Origin()),
        action,
        organization_id=row.organization_id,
        target_id=domain_id(row),
        target_name=row.domain,
    )
