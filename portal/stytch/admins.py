"""Keeping an admin: Stytch would let go of the last one."""

from collections.abc import Callable
from typing import Any

from portal.directory.errors import Conflict
from portal.directory.members import MemberRoleSource, MemberStatus
from portal.directory.pages import MAX_LIMIT
from portal.directory.policy import ADMIN_ROLE
from portal.stytch.http import path_of
from portal.stytch.scope import Scope
from portal.stytch.values import member_value


def require_admin_without(scope: Scope, is_lost: Callable[[MemberRoleSource], bool], detail: str) -> None:
    """Raise Conflict with `detail` if each active admin is one only through sources that a change removes.

    The members are searched (POST /v1/b2b/organizations/members/search) for the project, as for `helpers`: the acting member
    needs no permission to see them. A change by someone else at the same time isn't seen.
    """
    operands = [
        {"filter_name": "statuses", "filter_value": [str(MemberStatus.ACTIVE)]},
        {"filter_name": "member_roles", "filter_value": [ADMIN_ROLE]},
    ]
    body: dict[str, Any] = {
        "organization_ids": [scope.organization],
        "limit": MAX_LIMIT,
        "query": {"operator": "AND", "operands": operands},
    }
    has_admin = False
    while True:
        answer = scope.api.post(path_of("organizations", "members", "search"), body, is_read=True)
        for member in map(member_value, answer.parts("members")):
            has_admin = True
            sources = [source for role in member.roles if role.role_id == ADMIN_ROLE for source in role.sources]
            if not all(map(is_lost, sources)):
                return
        cursor = answer.part("results_metadata").fields.get("next_cursor")
        if not cursor:
            break
        body["cursor"] = cursor
    if has_admin:
        raise Conflict(detail)
