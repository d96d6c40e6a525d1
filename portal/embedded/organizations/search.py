"""Search organizations (Stytch: search organizations)."""

import re
from collections.abc import Sequence

from django.db.models import Exists, F, OuterRef, Q, TextField, Value
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Cast

from portal.directory.email_addresses import fold_address, fold_domain
from portal.directory.ids import parse_id
from portal.directory.members import MemberStatus
from portal.directory.search import Operand
from portal.embedded import models
from portal.embedded.database.search import MAX_CONDITIONS, HoldsText, Reader
from portal.embedded.scope import rows_of

_READ = Reader("organization")
_IN_A_DOMAIN = re.compile(r"[^\s\"\\,\[\]]+\Z")
_NOTHING = Q(pk__in=())


def matching(operands: Sequence[Operand]) -> Q:
    """Return the condition that all operands match. Raise Invalid."""
    return _READ.condition(operands, _KNOWN)


def _ids(operand: Operand) -> Q:
    names = _READ.texts(operand)
    keys = [key for key in (parse_id("organization", name) for name in names) if key.int]
    return Q(pk__in=keys) | Q(external_id__in=[name for name in names if name])


def _slugs(operand: Operand) -> Q:
    return Q(slug__in=_READ.texts(operand))


def _name_part(operand: Operand) -> Q:
    return Q(name__icontains=_READ.part(operand))


def _slug_part(operand: Operand) -> Q:
    return Q(slug__icontains=_READ.part(operand))


def _member_emails(operand: Operand) -> Q:
    return _with_member(Q(email_address_folded__in=[fold_address(one) for one in _READ.texts(operand)]))


def _member_email_part(operand: Operand) -> Q:
    return _with_member(Q(email_address_folded__contains=fold_address(_READ.part(operand))))


def _with_member(condition: Q) -> Q:
    members = rows_of(OuterRef("pk"), models.MemberRow).filter(condition)
    return Q(Exists(members.exclude(status=MemberStatus.DELETED)))


def _allowed_domains(operand: Operand) -> Q:
    return _one_of(F("email_allowed_domains"), operand)


def _claimed_domains(operand: Operand) -> Q:
    return _one_of(KeyTransform("claimed_email_domains", "settings"), operand)


def _one_of(values: F | KeyTransform, operand: Operand) -> Q:
    found = _NOTHING
    for domain in _READ.texts(operand, maximum=MAX_CONDITIONS):
        found |= Q(HoldsText(values, Value(fold_domain(domain))))
    return found


def _allowed_domain_part(operand: Operand) -> Q:
    part = fold_domain(_READ.part(operand))
    if not _IN_A_DOMAIN.match(part):
        return _NOTHING
    as_text = models.OrganizationRow.objects.annotate(domains=Cast("email_allowed_domains", TextField()))
    return Q(Exists(as_text.filter(pk=OuterRef("pk"), domains__contains=part)))


def _has_sso(operand: Operand) -> Q:
    """Match no organizations: single sign-on connections aren't supported yet."""
    return _NOTHING if _READ.flag(operand) else Q()


def _sso_connection(operand: Operand) -> Q:
    _READ.text(operand)
    return _NOTHING


_KNOWN = {
    "organization_ids": _ids,
    "organization_slugs": _slugs,
    "organization_name_fuzzy": _name_part,
    "organization_slug_fuzzy": _slug_part,
    "member_emails": _member_emails,
    "member_email_fuzzy": _member_email_part,
    "allowed_domains": _allowed_domains,
    "allowed_domain_fuzzy": _allowed_domain_part,
    "claimed_email_domains": _claimed_domains,
    "has_active_sso_connection": _has_sso,
    "sso_connection_id": _sso_connection,
}
