"""URLs of the host that serves frames: entry by ticket, and what the page around a frame needs of its session."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.embed import views

app_name = "embed"

urlpatterns = [
    route("", views.enter, name="enter", allow=Audience.ANYONE, methods=("GET", "POST")),
    route("opened/", views.opened, name="opened", allow=Audience.ANYONE, methods=("POST",)),
    route("tab/", views.enter_in_tab, name="tab", allow=Audience.ANYONE, methods=("POST",)),
    route("renew/", views.renew, name="renew", allow=Audience.ANYONE, methods=("POST",)),
    route("session/", views.session, name="session", allow=Audience.SIGNED_IN),
    route("continue/", views.at_portal, name="continue", allow=Audience.SIGNED_IN),
]
