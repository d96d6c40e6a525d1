"""The page of components, in development only (portal/urls.py)."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.styleguide import views

app_name = "styleguide"

urlpatterns = [route("", views.styleguide, name="styleguide", allow=Audience.ANYONE)]
