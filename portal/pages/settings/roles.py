"""The roles of the organization: who has them, what they allow, and what gives them."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse

from portal.directory.errors import NotFound
from portal.directory.members import ListedMember, MemberDetails, MemberFilter, RoleSourceType
from portal.directory.organizations import EmailImplicitRoleAssignment
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE, Role
from portal.directory.roles import NumbersOfRoles, RoleNumbers, assignments_version
from portal.pages.settings.role_forms import role_key, role_of_key
from portal.pages.settings.tabs import render_tab
from portal.web import listing
from portal.web.listing import ListQuery
from portal.web.member_roles import ShownRole, shown_roles
from portal.web.policy_words import allowed_in_words
from portal.web.request import PortalRequest
from portal.web.rights import right_to

_MORE = "holders-more"
_MAX_GROUPS = 20


@dataclass(frozen=True, slots=True)
class RoleItem:
    """A role in the list. `people` is None if it isn't known. `given_by` is "" if nothing gives the role."""

    role: Role
    url: str
    people: int | None
    is_more: bool
    given_by: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A role by email domain."""

    assignment: EmailImplicitRoleAssignment
    is_known: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A member with the role, and what gives it to them."""

    listed: ListedMember
    role: ShownRole | None


def roles(request: PortalRequest) -> HttpResponse:
    """Show all roles, and what gives them automatically."""
    review = request.directory.role_review
    numbers = review.numbers() if review else None
    rules = request.directory.roles.email_assignments()
    granting = _granting_groups(numbers)
    own = own_ids(request)
    context = {
        "roles": [_item(request, role, numbers, rules, own) for role in _in_order(request)],
        "numbers": numbers,
        "has_review": review is not None,
        "rules": [Rule(one, one.role_id in request.policy.roles) for one in rules],
        "rules_version": assignments_version(rules),
        "granting_groups": granting,
        "may_create": right_to(request, Permission.ROLES_CREATE),
        "may_assign": right_to(request, Permission.IMPLICIT_ROLES),
        "may_see_scim": right_to(request, Permission.SCIM_GET),
    }
    return render_tab(request, "settings/roles.html", context)


def role(request: PortalRequest, key: str) -> HttpResponse:
    """Show what a role allows, what gives it, and who has it."""
    found = role_or_404(request, key)
    review = request.directory.role_review
    rules = request.directory.roles.email_assignments()
    slug = request.signed_in.organization.organization_slug
    may_see_members = right_to(request, Permission.MEMBER_SEARCH)
    numbers = review.numbers() if review else None
    context = {
        "role": found,
        "item": _item(request, found, numbers, rules, own_ids(request)),
        "numbers": numbers,
        "has_review": review is not None,
        "allowed": allowed_in_words(found, request.policy),
        "domains": [one.domain for one in rules if one.role_id == found.role_id],
        "groups": review.groups_granting(found.role_id, limit=_MAX_GROUPS) if review else {},
        "opens_groups": request.allows(Permission.SCIM_GET) and request.directory.scim.group_details is not None,
        "may_see_members": may_see_members,
        "may_update": right_to(request, Permission.ROLES_UPDATE),
        "may_delete": right_to(request, Permission.ROLES_DELETE),
        "own_id": request.signed_in.member.member_id,
        "list_url": reverse("settings:roles", args=[slug]),
        "role_url": request.path,
        "key": key,
    }
    if may_see_members.is_granted:
        context["holders"] = _holders(request, found.role_id)
    return render_tab(request, "settings/role.html", context, fragments=["holders", _MORE])


def role_or_404(request: PortalRequest, key: str) -> Role:
    """Return a role of the project or the organization. Raise NotFound."""
    found = request.policy.roles.get(role_of_key(key))
    if found is None:
        raise NotFound("This role doesn’t exist. Someone may have deleted it.")
    return found


def own_ids(request: PortalRequest) -> frozenset[str]:
    """Return the IDs of the roles that the organization defined."""
    return frozenset(role.role_id for role in request.directory.roles.own())


def _in_order(request: PortalRequest) -> list[Role]:
    """Return all roles in the policy's order, Member last."""
    return sorted(request.policy.roles.values(), key=lambda role: role.role_id == MEMBER_ROLE)


def _item(
    request: PortalRequest,
    role: Role,
    numbers: NumbersOfRoles | None,
    rules: tuple[EmailImplicitRoleAssignment, ...],
    own: frozenset[str],
) -> RoleItem:
    slug = request.signed_in.organization.organization_slug
    url = reverse("settings:role", args=[slug, role_key(role.role_id)])
    is_own = role.role_id in own
    if role.role_id == MEMBER_ROLE:
        counts = request.directory.counts
        members = counts.members().members if counts and request.allows(Permission.MEMBER_SEARCH) else None
        is_more = members.is_more if members else False
        return RoleItem(role, url, members.number if members else None, is_more, "Everyone", is_own)
    known = numbers.roles.get(role.role_id, RoleNumbers()) if numbers and numbers.roles is not None else None
    domains = sum(1 for one in rules if one.role_id == role.role_id)
    people = known.members if known else None
    return RoleItem(role, url, people, is_more=False, given_by=_given_by(known, domains), is_own=is_own)


def _given_by(known: RoleNumbers | None, domains: int) -> str:
    parts = [
        _number(known.groups if known else 0, "group", "groups"),
        _number(domains, "email domain", "email domains"),
        _number(known.manual if known else 0, "person", "people"),
    ]
    return ", ".join(part for part in parts if part)


def _number(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}" if number else ""


def _granting_groups(numbers: NumbersOfRoles | None) -> int:
    """Return how many groups give a role, where one that gives two counts twice."""
    return sum(one.groups for one in numbers.roles.values()) if numbers and numbers.roles else 0


def _holders(request: PortalRequest, role_id: str) -> listing.Listing[Holder]:
    members, review = request.directory.members, request.directory.role_review
    query = ListQuery(request.GET)
    limit = query.size if query.is_valid() else 50
    wanted = MemberFilter(role_id=role_id)
    found = listing.load(request, lambda cursor: members.page(wanted, cursor=cursor, limit=limit), append_to=_MORE)
    group_ids = {
        source.details.get("group_id", "")
        for listed in found.items
        for one in listed.member.roles
        if one.role_id == role_id
        for source in one.sources
        if source.type is RoleSourceType.SCIM_CONNECTION_GROUP
    } - {""}
    names = review.group_names(group_ids) if review else {}
    holders = tuple(Holder(listed, _role_of(request, listed, role_id, names)) for listed in found.items)
    return listing.Listing(
        holders,
        found.next_cursor,
        found.first,
        found.last,
        found.has_restarted,
        found.is_appended,
        found.searched_to,
        found.is_partial,
        found.through,
    )


def _role_of(request: PortalRequest, listed: ListedMember, role_id: str, names: Mapping[str, str]) -> ShownRole | None:
    shown = shown_roles(request, MemberDetails(listed, names))
    return next((one for one in shown if one.role_id == role_id), None)
