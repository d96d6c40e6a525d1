"""The URLs of style sheets, which contain the whole theme, and of the project's logo."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.settings import theme_sheets

app_name = "themes"

urlpatterns = [
    route("<str:tokens>.css", theme_sheets.show, name="theme", allow=Audience.ANYONE),
    route("logo/<slug:digest>", theme_sheets.logo, name="logo", allow=Audience.ANYONE),
    route("preview/<str:tokens>.css", theme_sheets.preview, name="preview", allow=Audience.ANYONE),
]
