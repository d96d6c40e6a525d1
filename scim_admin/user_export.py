"""The list of people as a file: what each line has."""

from portal.directory.scim.users import ScimListedUser
from portal.web.exports import Record

COLUMNS = ("id", "name", "user_name", "status", "on_hold", "groups", "roles", "last_change")


def record(listed: ScimListedUser) -> Record:
    """Return a line of the file."""
    user, more = listed.user, listed.group_count - len(listed.groups)
    groups = ", ".join(group.group_name for group in listed.groups)
    return {
        "id": user.user_id,
        "name": user.name,
        "user_name": user.user_name,
        "status": str(user.state),
        "on_hold": user.is_on_hold,
        # A cell of a spreadsheet has no room for more.
        "groups": f"{groups} and {more} more" if more else groups,
        "roles": list(listed.role_ids),
        "last_change": user.updated_at.isoformat(),
    }
