"""How a page looks: the theme of its organization or else the project's, as a style sheet that browsers keep."""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from portal.directory.brands import brand_of
from portal.directory.frames import ColorScheme
from portal.directory.organizations import Organization
from portal.directory.themes import BUILT_IN, FONTS, INHERITED, INTER, RADII, SYSTEM, Theme


@dataclass(frozen=True, slots=True)
class Look:
    """What the head of a page needs for its theme."""

    # "" for the built-in theme, which is that of static/css/gatehouse.css.
    style_sheet_url: str
    loads_inter: bool
    # "light" or "dark", or "" for that of the system.
    color_scheme: str


def whole_theme(own: Theme, *, is_framed: bool = False) -> Theme:
    """Return a theme of an organization, or INHERITED for none, with what it inherits.

    In a frame of a product's page, Inter is loaded only for a theme that asks for it.
    """
    chosen = own.over(settings.PROJECT.theme.chosen)
    return chosen.over(Theme(font=SYSTEM) if is_framed else BUILT_IN).over(BUILT_IN)


def look_of(organization: Organization | None, *, preferred: str = "", is_framed: bool = False) -> Look:
    """Return how a page looks. `preferred` is the color scheme that the member chose, "" for none."""
    theme = whole_theme(organization.settings.theme if organization else INHERITED, is_framed=is_framed)
    scheme = preferred or theme.color_scheme
    return Look(
        style_sheet_url="" if theme.tokens == BUILT_IN.tokens else reverse("themes:theme", args=[theme.tokens]),
        loads_inter=theme.font == INTER,
        color_scheme="" if scheme == ColorScheme.AUTO else scheme,
    )


def style_sheet(theme: Theme, selector: str = ":root") -> str:
    """Return the custom properties of a whole theme as CSS, with what static/css/gatehouse.css derives from them."""
    brand = brand_of(theme.color)
    properties = {
        "--brand": brand.color,
        "--brand-text": "#fff",
        "--brand-hover": brand.hover,
        "--brand-soft": f"light-dark({brand.soft}, {brand.soft_dark})",
        "--link": f"light-dark({brand.link}, {brand.link_dark})",
        "--focus": "var(--link)",
        "--chart": f"light-dark({brand.chart}, {brand.chart_dark})",
        "--radius": RADII[theme.radius],
        "--radius-sm": "calc(var(--radius) * 0.7)",
        "--radius-lg": "calc(var(--radius) * 1.4)",
        "--font": FONTS[theme.font],
    }
    lines = "".join(f"  {name}: {value};\n" for name, value in properties.items())
    return f"{selector} {{\n{lines}}}\n"
