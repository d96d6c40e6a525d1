"""The organization's home page."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.home import views

app_name = "home"

urlpatterns = [route("", views.home, name="home", allow=Audience.SIGNED_IN)]
