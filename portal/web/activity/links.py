"""The page of what an entry of the activity log is about."""

from django.urls import reverse

from portal.directory.activity import ActivityEntry
from portal.directory.ids import id_prefix
from portal.directory.permissions import Permission
from portal.web.request import PortalRequest


def target_url(request: PortalRequest, entry: ActivityEntry) -> str:
    """Return the page of what the entry is about, "" if it was deleted or the acting member may not see it."""
    slug = request.signed_in.organization.organization_slug
    if entry.target_id.startswith(id_prefix("member")) and request.allows(Permission.MEMBER_SEARCH):
        return reverse("members:member", args=[slug, entry.target_id])
    if entry.action.endswith(".delete") or not request.allows(Permission.SCIM_GET):
        return ""
    for noun, name in (("scim-group", "scim:group"), ("scim-user", "scim:person")):
        if entry.target_id.startswith(id_prefix(noun)):
            return reverse(name, args=[slug, entry.target_id])
    return reverse("scim:connection", args=[slug]) if entry.target_id.startswith(id_prefix("scim-connection")) else ""
