"""What needs attention."""

from datetime import datetime, timedelta

from django.http import HttpResponse
from django.utils import timezone

from portal.access.permissions import Permission
from portal.directory.types import ScimConnection
from portal.web.pages import render_page
from portal.web.requests import PortalRequest
from portal.web.rights import right_to
from portal.web.scim_brake import brake_of
from portal.web.scim_health import health_of

_WARN_BEFORE = timedelta(days=30)


def home(request: PortalRequest) -> HttpResponse:
    """Show the state of what the member may see, and what needs attention."""
    may_see_scim = request.allows(Permission.SCIM_GET)
    connection = request.directory.scim.connection() if may_see_scim else None
    context = {
        "may_see_scim": may_see_scim,
        "who_can_help": tuple(role.role_id for role in request.policy.roles_granting(Permission.SCIM_GET)),
        "connection": connection,
        "may_resume": right_to(request, Permission.SCIM_UPDATE),
        "brake": brake_of(request, connection),
        **health_of(request, connection),
        "token_expires_soon": connection is not None and _expires_before(connection, timezone.now() + _WARN_BEFORE),
        "token_has_expired": connection is not None and _expires_before(connection, timezone.now()),
    }
    return render_page(request, "home/home.html", context)


def _expires_before(connection: ScimConnection, moment: datetime) -> bool:
    expires_at = connection.bearer_token_expires_at
    return expires_at is not None and expires_at < moment
