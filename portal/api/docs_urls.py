"""What people read about the API."""

from portal.access.permissions import Audience
from portal.access.routing import route
from portal.api import docs

app_name = "api-docs"

urlpatterns = [
    route("", docs.methods, name="methods", allow=Audience.ANYONE),
    route("openapi.json", docs.openapi, name="openapi", allow=Audience.ANYONE),
    route("errors/<str:error_type>/", docs.error_type, name="error-type", allow=Audience.ANYONE),
]
