"""Members as the JSON API shows them: with who they are to the identity provider, many at the cost of one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from django.db.models import QuerySet

from portal.directory.ids import parse_id, public_id
from portal.directory.members import Member, ScimRegistration
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models
from portal.embedded.database.statements import Statement
from portal.embedded.members.roles import group_grants
from portal.embedded.members.values import member_value

_USER = models.ScimUserRow._meta
_PERSON = Statement(
    lambda member, status: (
        models.ScimUserRow.objects.defer("search").filter(member=member).filter(connection__status=status)
    ),
    (_USER.get_field("id"), UUID(int=1)),
    (models.ScimConnectionRow._meta.get_field("status"), "example"),
)
_Groups = Mapping[UUID, Sequence[tuple[str, str]]]


def whole_members() -> QuerySet[models.MemberRow]:
    """Return every organization's members with all that `member_values` reads of them."""
    return models.MemberRow.objects.select_related("organization", "scim_user__connection").defer("scim_user__search")


def member_values(rows: Sequence[models.MemberRow]) -> tuple[Member, ...]:
    """Return members with their roles and SCIM registrations, by two statements however many they are."""
    grants = group_grants(rows)
    people = [person for person in map(_person, rows) if person is not None]
    groups = _groups_of(people)
    return tuple(_with_registration(row, member_value(row, grants.get(row.pk, ())), groups) for row in rows)


def with_registration(member: Member) -> Member:
    """Return a member of whom only the row was read, with who they are to the identity provider."""
    person = _PERSON.first(parse_id("member", member.member_id), ScimConnectionStatus.ACTIVE)
    return replace(member, scim_registration=_registration(person, _groups_of([person]))) if person else member


def _with_registration(row: models.MemberRow, value: Member, groups: _Groups) -> Member:
    person = _person(row)
    return value if person is None else replace(value, scim_registration=_registration(person, groups))


def _registration(person: models.ScimUserRow, groups: _Groups) -> ScimRegistration:
    return ScimRegistration(
        connection_id=public_id("scim-connection", person.connection_id),
        registration_id=public_id("scim-registration", person.pk),
        external_id=person.external_id,
        user_id=public_id("scim-user", person.pk),
        active=person.active,
        document=person.document,
        groups=tuple(groups.get(person.pk, ())),
    )


def _person(row: models.MemberRow) -> models.ScimUserRow | None:
    person: models.ScimUserRow | None = getattr(row, "scim_user", None)
    return person if person and person.connection.status == ScimConnectionStatus.ACTIVE else None


def _groups_of(people: Sequence[models.ScimUserRow]) -> _Groups:
    found: dict[UUID, list[tuple[str, str]]] = {}
    if not people:
        return found
    rows = models.ScimMembershipRow.objects.filter(
        organization_id__in={person.organization_id for person in people}, user_id__in=[one.pk for one in people]
    )
    for user, group, name in rows.order_by("group__display_name_folded").values_list(
        "user_id", "group_id", "group__display_name"
    ):
        found.setdefault(user, []).append((public_id("scim-group", group), name))
    return found
