"""The SCIM pages."""

from portal.access.permissions import Permission
from portal.access.routing import route
from scim_admin.views import (
    brake,
    conflicts,
    connection,
    contacts,
    delete,
    drift,
    group_roles,
    groups,
    log,
    pause,
    people,
    restore,
    set_up,
)

app_name = "scim"

urlpatterns = [
    route("", connection.connection, name="connection", allow=Permission.SCIM_GET),
    route("pause/", pause.pause, name="pause", allow=Permission.SCIM_UPDATE, methods=("GET", "POST")),
    route("resume/", pause.resume, name="resume", allow=Permission.SCIM_UPDATE, methods=("POST",)),
    route("contacts/", contacts.contacts, name="contacts", allow=Permission.SCIM_UPDATE, methods=("GET", "POST")),
    route("delete/", delete.delete, name="delete", allow=Permission.SCIM_DELETE, methods=("GET", "POST")),
    route("restore/", restore.deleted_connections, name="deleted-connections", allow=Permission.SCIM_GET),
    route(
        "restore/<str:connection_id>/",
        restore.restore,
        name="restore",
        allow=Permission.SCIM_CREATE,
        methods=("GET", "POST"),
    ),
    route("set-up/", set_up.set_up, name="set-up", allow=Permission.SCIM_GET),
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
    route("roles/", group_roles.role_assignments, name="role-assignments", allow=Permission.SCIM_GET),
    route("groups/<str:group_id>/roles/", group_roles.group_roles, name="group-roles", allow=Permission.SCIM_GET),
    # Below: the view asks for the right to change the SCIM connection as well.
    route(
        "groups/<str:group_id>/roles/review/",
        group_roles.review_group_roles,
        name="review-group-roles",
        allow=Permission.IMPLICIT_ROLES,
        methods=("GET", "POST"),
    ),
    route(
        "groups/<str:group_id>/roles/confirm/",
        group_roles.confirm_group_roles,
        name="confirm-group-roles",
        allow=Permission.IMPLICIT_ROLES,
        methods=("POST",),
    ),
    route(
        "groups/<str:group_id>/roles/move/",
        group_roles.move_group_roles,
        name="move-group-roles",
        allow=Permission.IMPLICIT_ROLES,
        methods=("POST",),
    ),
    route("log/", log.log, name="log", allow=Permission.SCIM_GET),
    route(
        "log/export/",
        log.export_log,
        name="export-log",
        allow=Permission.SCIM_GET,
        methods=("POST",),
        hands_out=True,
    ),
    route("log/<str:scim_request_id>/", log.log_entry, name="log-entry", allow=Permission.SCIM_GET),
    route("log/<str:scim_request_id>/replay/", log.replay, name="replay", allow=Permission.SCIM_GET),
    route("brake/", brake.brake, name="brake", allow=Permission.SCIM_GET),
    route("brake/decide/", brake.decide, name="brake-decide", allow=Permission.SCIM_UPDATE, methods=("POST",)),
    route("drift/", drift.drift, name="drift", allow=Permission.SCIM_GET),
    route("drift/take/", drift.take, name="drift-take", allow=Permission.SCIM_UPDATE, methods=("POST",)),
]
