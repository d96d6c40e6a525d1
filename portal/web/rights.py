"""Whether the member may use a control, and if not, why and who can help."""

from dataclasses import dataclass

from portal.directory.errors import DirectoryError
from portal.directory.members import Helper
from portal.directory.permissions import Permission
from portal.web.policy_words import to_do
from portal.web.request import PortalRequest


@dataclass(frozen=True, slots=True)
class Right:
    """Whether a control is editable, or read-only with the reason (ui/read_only.html)."""

    is_granted: bool
    reason: str = ""
    who_can_help: tuple[str, ...] = ()


_GRANTED = Right(is_granted=True)


def right_to(request: PortalRequest, *permissions: Permission) -> Right:
    """Return whether the member has all of these permissions; the reason names the first missing one."""
    for permission in permissions:
        if not request.allows(permission):
            if is_kept_by_frame(request, permission):
                return Right(is_granted=False, reason=kept_by_frame(permission))
            helpers = tuple(role.role_id for role in request.policy.roles_granting(permission))
            return Right(is_granted=False, reason=lacking(permission), who_can_help=helpers)
    return _GRANTED


def lacking(permission: Permission) -> str:
    """Return the sentence that names the missing permission."""
    return f"Your roles don’t let you {to_do(permission)}."


def is_kept_by_frame(request: PortalRequest, permission: Permission) -> bool:
    """Say whether the member's roles grant a permission that the ticket of the frame doesn't."""
    if not request.frame or request.allows(permission):
        return False
    return request.policy.allows(request.signed_in.session.roles, permission)


def kept_by_frame(permission: Permission) -> str:
    """Return the sentence that names the permission that the frame doesn't give."""
    return f"The page around this frame doesn’t let you {to_do(permission)}."


def helpers_of(request: PortalRequest, role_ids: tuple[str, ...]) -> tuple[Helper, ...]:
    """Return members who have one of the roles. None if the directory can't say: the page is about something else."""
    try:
        return request.directory.members.helpers(role_ids) if role_ids else ()
    except DirectoryError:
        return ()
