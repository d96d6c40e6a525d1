"""The URLs of style sheets. They contain the whole theme, and no organization."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.settings import theme_sheets

app_name = "themes"

urlpatterns = [
    route("<str:tokens>.css", theme_sheets.show, name="theme", allow=Audience.ANYONE),
    route("preview/<str:tokens>.css", theme_sheets.preview, name="preview", allow=Audience.ANYONE),
]
