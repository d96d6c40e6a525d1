"""The activity log's pages."""

from portal.access.routing import route
from portal.directory.permissions import Permission
from portal.pages.activity import views

app_name = "activity"

urlpatterns = [
    route("", views.activity, name="activity", allow=Permission.ACTIVITY_GET),
    route("export/", views.export, name="export", allow=Permission.ACTIVITY_GET, methods=("POST",), hands_out=True),
    route("<str:activity_id>/", views.entry, name="entry", allow=Permission.ACTIVITY_GET),
]
