"""The demo's inbox, in the demo only (portal/urls.py)."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.inbox import views

app_name = "inbox"

urlpatterns = [route("", views.inbox, name="inbox", allow=Audience.ANYONE)]
