"""Search members (Stytch: search members)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from django.db.models import F, Q, QuerySet, Value

from portal.directory.email_addresses import fold_address
from portal.directory.errors import Invalid
from portal.directory.ids import id_prefix, parse_id
from portal.directory.members import Member, MemberStatus
from portal.directory.organizations import Organization
from portal.directory.policy import MEMBER_ROLE
from portal.directory.search import Found, Operand
from portal.embedded import models
from portal.embedded.database.search import MAX_CONDITIONS, HoldsText, Reader, page
from portal.embedded.members.roles import has_email_domain, has_role_through_group
from portal.embedded.members.values import member_values, with_details
from portal.embedded.scope import rows_of_each

_READ = Reader("member")
_NOTHING = Q(pk__in=())
_STATUSES = "statuses"


def search_members(
    organizations: Sequence[Organization], operands: Sequence[Operand], *, cursor: str, limit: int
) -> Found[Member]:
    """Return a page of the members of these organizations that match all operands. Raise Invalid, InvalidCursor."""
    search = _Search(organizations)
    list_key = ("members-search", *sorted(one.organization_id for one in organizations))
    hits = page(search.rows(operands), operands, *list_key, cursor=cursor, limit=limit)
    return Found(member_values(hits.rows), hits.next_cursor, hits.total)


@dataclass(frozen=True)
class _Search:
    """A search over the members of some organizations."""

    organizations: Sequence[Organization]

    def rows(self, operands: Sequence[Operand]) -> QuerySet[models.MemberRow]:
        """Return the members that match the operands. Deleted members only match a search by status."""
        rows = with_details(rows_of_each(self._keys, models.MemberRow)).filter(
            _READ.condition(operands, self._known), organization__deleted_at=None
        )
        if any(one.filter_name == _STATUSES for one in operands):
            return rows
        return rows.exclude(status=MemberStatus.DELETED)

    @cached_property
    def _keys(self) -> Sequence[UUID]:
        return [parse_id("organization", one.organization_id) for one in self.organizations]

    @cached_property
    def _known(self) -> Mapping[str, Callable[[Operand], Q]]:
        return {**_KNOWN, "member_roles": self._roles}

    def _roles(self, operand: Operand) -> Q:
        """Match members with one of the roles: assigned manually, by email domain or by group."""
        return has_any_role(_READ.texts(operand, maximum=MAX_CONDITIONS), self.organizations)


def has_any_role(role_ids: Sequence[str], organizations: Sequence[Organization]) -> Q:
    """Match members of the organizations with one of the roles: assigned manually, by email domain or by group."""
    keys = [parse_id("organization", one.organization_id) for one in organizations]
    found = Q() if MEMBER_ROLE in role_ids else has_role_through_group(role_ids, keys)
    for role_id in role_ids if MEMBER_ROLE not in role_ids else ():
        found |= Q(HoldsText(F("direct_roles"), Value(role_id)))
    for key, organization in zip(keys, organizations, strict=True):
        assignments = organization.settings.rbac_email_implicit_role_assignments
        domains = [one.domain for one in assignments if one.role_id in role_ids]
        if domains and MEMBER_ROLE not in role_ids:
            found |= Q(organization_id=key) & has_email_domain(domains)
    return found & ~Q(status=MemberStatus.DELETED)


def _ids(operand: Operand) -> Q:
    names = _READ.texts(operand)
    are_ours = [name.startswith(id_prefix("member")) for name in names]
    if any(are_ours) and not all(are_ours):
        raise Invalid(
            "member_ids takes IDs or external IDs, not both.",
            field="query",
            error_type="member_search_cannot_mix_internal_and_external_member_ids",
        )
    if all(are_ours):
        return Q(pk__in=[parse_id("member", name) for name in names])
    return Q(external_id__in=[name for name in names if name])


def _emails(operand: Operand) -> Q:
    return Q(email_address_folded__in=[fold_address(one) for one in _READ.texts(operand)])


def _email_part(operand: Operand) -> Q:
    return Q(email_address_folded__contains=fold_address(_READ.part(operand)))


def _is_breakglass(operand: Operand) -> Q:
    return Q(is_breakglass=_READ.flag(operand))


def _statuses(operand: Operand) -> Q:
    wanted = _READ.texts(operand)
    if unknown := [one for one in wanted if one not in set(MemberStatus)]:
        raise Invalid(f'Unknown status "{unknown[0][:100]}".', field="query", error_type="search_invalid_status_filter")
    return Q(status__in=wanted)


def _phone_numbers(operand: Operand) -> Q:
    return Q(mfa_phone_number__in=[one for one in _READ.texts(operand) if one])


def _phone_number_part(operand: Operand) -> Q:
    return Q(mfa_phone_number__contains=_READ.part(operand))


def _has_password(operand: Operand) -> Q:
    return ~Q(password="") if _READ.flag(operand) else Q(password="")


def _has_totp(operand: Operand) -> Q:
    return Q(totp_id__isnull=not _READ.flag(operand))


_KNOWN: Mapping[str, Callable[[Operand], Q]] = {
    "member_ids": _ids,
    "member_emails": _emails,
    "member_email_fuzzy": _email_part,
    "member_is_breakglass": _is_breakglass,
    _STATUSES: _statuses,
    "member_mfa_phone_numbers": _phone_numbers,
    "member_mfa_phone_number_fuzzy": _phone_number_part,
    # The Node SDK's names of the same operands.
    "member_phone_numbers": _phone_numbers,
    "member_phone_number_fuzzy": _phone_number_part,
    "member_password_exists": _has_password,
    "member_totp_exists": _has_totp,
}
