"""URLs for load balancers and monitoring."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.operations import views

app_name = "operations"

urlpatterns = [
    route("healthz", views.healthz, name="healthz", allow=Audience.ANYONE),
    route("readyz", views.readyz, name="readyz", allow=Audience.ANYONE),
    # Needs no sign-in, but the view checks that manage.py doctor asks.
    route("arrival", views.arrival, name="arrival", allow=Audience.ANYONE),
    # Needs no sign-in, but the view checks METRICS_ALLOWED_FROM.
    route("metrics", views.metrics, name="metrics", allow=Audience.ANYONE),
]
