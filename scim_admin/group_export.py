"""The list of groups as a file: what each line has."""

from portal.directory.scim.groups import ScimGroup
from portal.web.exports import Record

COLUMNS = ("id", "name", "members", "roles", "within", "last_change")


def record(group: ScimGroup) -> Record:
    """Return a line of the file. What the directory doesn't list is empty."""
    return {
        "id": group.group_id,
        "name": group.group_name,
        "members": "" if group.member_count is None else group.member_count,
        "roles": list(group.role_ids or ()),
        "within": group.within,
        "last_change": group.updated_at.isoformat() if group.updated_at else "",
    }
