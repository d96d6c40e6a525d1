"""Email domains as values of the directory."""

from datetime import timedelta

import idna
from django.utils import timezone

from portal.directory.domains import GRACE, Domain, DomainFinding, DomainState
from portal.directory.ids import public_id
from portal.embedded import models

_LABEL = "_gatehouse"
# A check that takes longer is not shown as under way.
_SHOWN_AS_ASKED = timedelta(minutes=1)


def domain_id(row: models.EmailDomainRow) -> str:
    """Return the public ID of a domain."""
    return public_id("email-domain", row.pk)


def ascii_domain(domain: str) -> str:
    """Return a folded domain as DNS has it. Raise ValueError for one that IDNA 2008 doesn't allow."""
    return ".".join(idna.alabel(label).decode() for label in domain.split("."))


def record_name(domain: str) -> str:
    """Return the name of a domain's record, "" for an old domain that DNS can't have."""
    try:
        return f"{_LABEL}.{ascii_domain(domain)}"
    except ValueError:
        return ""


def domain_value(row: models.EmailDomainRow, *, lets_join: bool) -> Domain:
    """Return a domain."""
    return Domain(
        domain_id=domain_id(row),
        domain=row.domain,
        state=_state(row),
        lets_join=lets_join,
        record_name=record_name(row.domain),
        record_value=row.record_value,
        added_at=row.created_at,
        added_by=row.added_by,
        affiliated_at=row.affiliated_at,
        affiliated_address=row.affiliated_address,
        owned_at=row.owned_at,
        missing_since=row.missing_since,
        lapses_at=row.missing_since + GRACE if row.owned_at and row.missing_since else None,
        is_being_checked=row.check_asked_at is not None and row.check_asked_at > timezone.now() - _SHOWN_AS_ASKED,
        checked_at=row.checked_at,
        next_check_at=row.next_check_at,
        finding=DomainFinding(row.finding),
        found_value=row.found_value,
    )


def _state(row: models.EmailDomainRow) -> DomainState:
    if row.owned_at:
        return DomainState.LAPSING if row.missing_since else DomainState.OWNED
    if row.lapsed_at:
        return DomainState.LAPSED
    if row.is_trusted:
        return DomainState.TRUSTED
    return DomainState.AFFILIATED if row.affiliated_at else DomainState.NOT_PROVED
