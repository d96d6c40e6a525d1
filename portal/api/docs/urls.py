"""The API reference."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.api.docs import views

app_name = "api-docs"

urlpatterns = [
    route("", views.methods, name="methods", allow=Audience.ANYONE),
    route("openapi.json", views.openapi, name="openapi", allow=Audience.ANYONE),
    route("errors/<str:error_type>/", views.error_type, name="error-type", allow=Audience.ANYONE),
]
