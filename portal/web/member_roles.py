"""The roles of a member, and what grants each, as pages show them."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse

from portal.directory.members import MemberDetails, MemberRole, RoleSourceType
from portal.directory.permissions import Permission
from portal.directory.policy import MEMBER_ROLE
from portal.web.request import PortalRequest


@dataclass(frozen=True, slots=True)
class Group:
    """A group that grants a role. `url` is "" if the acting member may not see it, or the directory doesn't know it."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class ShownRole:
    """A role, and what grants it."""

    role_id: str
    is_default: bool
    is_manual: bool
    is_by_sso: bool
    email_domains: tuple[str, ...]
    groups: tuple[Group, ...]
    # Groups whose names aren't known.
    unnamed_groups: int


def shown_roles(request: PortalRequest, details: MemberDetails) -> tuple[ShownRole, ...]:
    """Return the roles of a member. Groups have links if the acting member may see them."""
    groups = _group_urls(request, details)
    return tuple(_shown(role, groups) for role in details.listed.member.roles)


def _shown(role: MemberRole, groups: Mapping[str, Group]) -> ShownRole:
    types = {source.type for source in role.sources}
    by_group = [source for source in role.sources if source.type is RoleSourceType.SCIM_CONNECTION_GROUP]
    named = {one.details.get("group_id", ""): one for one in by_group if one.details.get("group_id", "") in groups}
    return ShownRole(
        role_id=role.role_id,
        is_default=role.role_id == MEMBER_ROLE,
        is_manual=RoleSourceType.DIRECT_ASSIGNMENT in types and role.role_id != MEMBER_ROLE,
        is_by_sso=bool(types & {RoleSourceType.SSO_CONNECTION, RoleSourceType.SSO_CONNECTION_GROUP}),
        email_domains=tuple(
            source.details.get("email_domain", "")
            for source in role.sources
            if source.type is RoleSourceType.EMAIL_ASSIGNMENT
        ),
        groups=tuple(groups[group_id] for group_id in named),
        unnamed_groups=len(by_group) - len(named),
    )


def _group_urls(request: PortalRequest, details: MemberDetails) -> Mapping[str, Group]:
    slug, may_see = request.signed_in.organization.organization_slug, request.allows(Permission.SCIM_GET)
    return {
        group_id: Group(name, reverse("scim:group", args=[slug, group_id]) if may_see else "")
        for group_id, name in details.group_names.items()
    }
