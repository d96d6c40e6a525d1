"""URLs of the roles. A key is a role's ID, or an encoded one (portal.pages.settings.role_forms)."""

from portal.access.routing import route
from portal.directory.permissions import Permission
from portal.pages.settings import automatic_roles, role_changes, roles

_POST = ("GET", "POST")
urlpatterns = [
    route("roles/", roles.roles, name="roles", allow=Permission.ROLES_GET),
    route("roles/new/", role_changes.create, name="new-role", allow=Permission.ROLES_CREATE, methods=_POST),
    route("roles/of/<str:key>/", roles.role, name="role", allow=Permission.ROLES_GET),
    route(
        "roles/of/<str:key>/edit/", role_changes.update, name="edit-role", allow=Permission.ROLES_UPDATE, methods=_POST
    ),
    route(
        "roles/of/<str:key>/delete/",
        role_changes.delete,
        name="delete-role",
        allow=Permission.ROLES_DELETE,
        methods=_POST,
    ),
    route(
        "roles/automatic/new/",
        automatic_roles.add,
        name="new-role-rule",
        allow=Permission.IMPLICIT_ROLES,
        methods=_POST,
    ),
    route(
        "roles/automatic/remove/",
        automatic_roles.remove,
        name="remove-role-rule",
        allow=Permission.IMPLICIT_ROLES,
        methods=_POST,
    ),
]
