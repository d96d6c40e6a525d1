"""What load balancers and monitoring ask."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.operations import views

app_name = "operations"

urlpatterns = [
    route("healthz", views.healthz, name="healthz", allow=Audience.ANYONE),
    route("readyz", views.readyz, name="readyz", allow=Audience.ANYONE),
    # Also for anyone as far as sign-in goes: the view itself asks for an address in METRICS_ALLOWED_FROM.
    route("metrics", views.metrics, name="metrics", allow=Audience.ANYONE),
]
