"""The home page of an organization."""

from django.http import HttpResponse

from portal.directory.permissions import Permission
from portal.web.pages import render_page
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.scim.health import health_context
from portal.web.scim.safeguard import safeguard_of
from portal.web.scim.token_expiry import token_expiry
from portal.web.scim.users_without_access import users_without_access


def home(request: PortalRequest) -> HttpResponse:
    """Show the status of the SCIM connection and what needs attention."""
    may_see_scim = request.allows(Permission.SCIM_GET)
    connection = request.directory.scim.connection.get() if may_see_scim else None
    context = {
        "may_see_scim": may_see_scim,
        "who_can_help": tuple(role.role_id for role in request.policy.roles_granting(Permission.SCIM_GET)),
        "connection": connection,
        "may_resume": right_to(request, Permission.SCIM_UPDATE),
        "safeguard": safeguard_of(request, connection),
        "users_without_access": users_without_access(request, connection),
        **health_context(request, connection),
        "token_expiry": token_expiry(connection),
    }
    return render_page(request, "home/home.html", context)
