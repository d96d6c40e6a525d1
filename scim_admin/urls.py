"""The SCIM pages."""

from portal.access.permissions import Permission
from portal.access.routing import route
from scim_admin import views

app_name = "scim"

urlpatterns = [
    route("", views.connection, name="connection", allow=Permission.SCIM_GET),
    route("groups/", views.groups, name="groups", allow=Permission.SCIM_GET),
    route("groups/<str:group_id>/", views.group, name="group", allow=Permission.SCIM_GET),
]
