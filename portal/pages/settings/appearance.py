"""How the organization's pages and emails look, with a preview before anything changes."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from portal.directory.brands import READABLE, SURFACE_DARK, brand_of, shown_contrast
from portal.directory.errors import Conflict, Forbidden, Invalid
from portal.directory.frames import ColorScheme
from portal.directory.permissions import Permission
from portal.directory.themes import INHERITED, Theme
from portal.pages.settings.appearance_forms import AppearanceForm
from portal.pages.settings.history import last_change
from portal.pages.settings.tabs import render_tab
from portal.web.availability import available
from portal.web.pages import see_other
from portal.web.request import PortalRequest
from portal.web.rights import right_to
from portal.web.themes import whole_theme

_PARTS = {"color", "radius", "font", "color_scheme"}
_FRAGMENT = "appearance-fields"


@dataclass(frozen=True, slots=True)
class Preview:
    """A theme as it would look, and how well its colors can be read."""

    style_sheet_url: str
    # "light" and "dark", or one of them.
    color_schemes: tuple[str, ...]
    text: float
    link: float
    link_dark: float
    needed: float = READABLE


def appearance(request: PortalRequest) -> HttpResponse:
    """Show the theme, preview another one, save it, or return to the default."""
    gateway = available(request.directory.theme, "appearance")
    organization = request.directory.organization.get()
    if request.method != "POST":
        return _page(request, AppearanceForm(organization=organization))
    if "reset" in request.POST:
        gateway.change(INHERITED)
        messages.success(request, "The default appearance is back.")
        return see_other(_url(request))
    sent = request.POST.copy()
    if "use" in sent:
        sent["color"] = sent["picker"] = sent["shown"] = str(sent["use"])
    form = AppearanceForm(sent, organization=organization)
    if not form.is_valid():
        return _page(request, form, status=422)
    if "use" in sent or "preview" in sent:
        return _page(request, form)
    try:
        gateway.change(form.theme, version=form.cleaned_data["version"] or "none")
    except (Conflict, Forbidden, Invalid) as error:
        detail = error.detail
        if error.field == "version":
            slug = organization.organization_slug
            form.renewed(request.directories.open(slug, request.origin).organization.get())
            detail += " Save again to replace them."
        form.add_error(error.field if error.field in _PARTS else None, detail)
        return _page(request, form, status=error.status)
    messages.success(request, "Appearance saved.")
    return see_other(_url(request))


def _page(request: PortalRequest, form: AppearanceForm, *, status: int = 200) -> HttpResponse:
    organization = request.directory.organization.get()
    theme: Theme | None = organization.settings.theme
    if form.is_bound:
        theme = form.theme if form.cleaned_data.keys() >= _PARTS else None
    context = {
        "form": form,
        # Without a color that can be read, there is nothing to look at.
        "preview": _preview(whole_theme(theme)) if theme else None,
        "is_changed": organization.settings.theme != INHERITED,
        "may_change": right_to(request, Permission.ORGANIZATION_LOGO),
        "last_change": last_change(request, field="theme"),
        "organization": organization,
        "url": _url(request),
    }
    return render_tab(request, "settings/appearance.html", context, fragments=[_FRAGMENT], status=status)


def _preview(theme: Theme) -> Preview:
    brand = brand_of(theme.color)
    is_auto = theme.color_scheme == ColorScheme.AUTO
    return Preview(
        reverse("themes:preview", args=[theme.tokens]),
        (ColorScheme.LIGHT, ColorScheme.DARK) if is_auto else (theme.color_scheme,),
        shown_contrast(brand.color),
        shown_contrast(brand.link),
        shown_contrast(brand.link_dark, SURFACE_DARK),
    )


def _url(request: PortalRequest) -> str:
    return reverse("settings:appearance", args=[request.signed_in.organization.organization_slug])
