"""The SCIM pages."""

from portal.access.permissions import Permission
from portal.access.routing import route
from scim_admin.views import conflicts, connection, groups, people

app_name = "scim"

urlpatterns = [
    route("", connection.connection, name="connection", allow=Permission.SCIM_GET),
    route("people/", people.people, name="people", allow=Permission.SCIM_GET),
    route("people/<str:user_id>/", people.person, name="person", allow=Permission.SCIM_GET),
    route("groups/", groups.groups, name="groups", allow=Permission.SCIM_GET),
    route("groups/<str:group_id>/", groups.group, name="group", allow=Permission.SCIM_GET),
    route("groups/<str:group_id>/groups/", groups.nested_groups, name="nested-groups", allow=Permission.SCIM_GET),
    route("conflicts/", conflicts.conflicts, name="conflicts", allow=Permission.SCIM_GET),
    route(
        "conflicts/decide/",
        conflicts.decide,
        name="conflicts-decide",
        allow=Permission.SCIM_UPDATE,
        methods=("POST",),
    ),
    route(
        "conflicts/domain/",
        conflicts.domain,
        name="conflicts-domain",
        allow=Permission.ALLOWED_DOMAINS,
        methods=("GET", "POST"),
    ),
]
