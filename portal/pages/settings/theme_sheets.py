"""The style sheets of themes and the project's logo, which say only what their URLs say: the same for anyone, without a query."""

from django.http import HttpResponse

from portal.directory.errors import NotFound
from portal.directory.themes import theme_of
from portal.web.project_logo import project_logo
from portal.web.request import PortalRequest
from portal.web.themes import style_sheet

_YEAR = 365 * 24 * 60 * 60
# The preview is shown with its own font, inside a page that has another one.
_PREVIEW = ".theme-preview"


def show(request: PortalRequest, tokens: str) -> HttpResponse:  # noqa: ARG001 -- a view takes it
    """Send the style sheet of a theme. Raise NotFound for one that doesn't exist or can't be read."""
    return _sheet(tokens, ":root")


def preview(request: PortalRequest, tokens: str) -> HttpResponse:  # noqa: ARG001 -- as above
    """Send the same for the preview in a page. Raise NotFound."""
    return _sheet(tokens, _PREVIEW)


def logo(request: PortalRequest, digest: str) -> HttpResponse:  # noqa: ARG001 -- as above
    """Send the logo of the project. Raise NotFound for another one."""
    found = project_logo()
    if found is None or digest != found.digest:
        raise NotFound("This logo doesn’t exist.")
    return _kept(HttpResponse(found.content, content_type=found.content_type))


def _sheet(tokens: str, selector: str) -> HttpResponse:
    theme = theme_of(tokens)
    if theme is None:
        raise NotFound("This theme doesn’t exist.")
    return _kept(HttpResponse(style_sheet(theme, selector), content_type="text/css; charset=utf-8"))


def _kept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    return response
