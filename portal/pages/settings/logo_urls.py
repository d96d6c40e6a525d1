"""The URL of a logo. It contains no slug, so that it stays the same when the slug is changed."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.settings import logo

app_name = "logos"

urlpatterns = [route("<str:organization_id>/<slug:digest>.png", logo.show, name="logo", allow=Audience.ANYONE)]
