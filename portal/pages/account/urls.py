"""URLs of the account of the member who is signed in."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.account import views

app_name = "account"

urlpatterns = [
    route("", views.account, name="account", allow=Audience.SIGNED_IN),
    route("preferences/", views.preferences, name="preferences", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
]
