"""Members of an identity provider: what it sends can't be changed manually, because it would change it back."""

from portal.directory.errors import Conflict
from portal.directory.scim.connection import ScimConnectionStatus
from portal.embedded import models


def is_managed(member: models.MemberRow) -> bool:
    """Say whether an active connection has the member as an active user."""
    user: models.ScimUserRow | None = getattr(member, "scim_user", None)
    return user is not None and user.active and user.connection.status == ScimConnectionStatus.ACTIVE


def require_unmanaged(member: models.MemberRow) -> None:
    """Raise Conflict if an identity provider manages the member: it would undo the change."""
    if is_managed(member):
        raise Conflict("The identity provider manages this account. Change it there.", field="email_address")
