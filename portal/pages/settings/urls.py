"""URLs of the organization's settings.

Every member can see the settings, as in Stytch's portal. Changing one needs the permission of its field.
"""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.settings import general

app_name = "settings"

urlpatterns = [
    route("", general.general, name="general", allow=Audience.SIGNED_IN),
]
