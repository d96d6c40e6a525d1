"""Themes: the color, the corners and the font of the portal's pages, for the project and for each organization (docs/configure.md).

Each part that is "" is inherited: an organization's from the project, the project's from the built-in theme.
"""

import re
from dataclasses import dataclass, fields
from typing import Protocol

from portal.directory.brands import COLOR, READABLE, readable, shown_contrast, takes_white_text
from portal.directory.frames import ColorScheme

INTER = "inter"
# Where the page is in a frame: Inter would be loaded for it alone.
SYSTEM = "system"
_SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'
# Of controls and panels. Smaller and larger elements follow from it.
RADII = {"none": "0", "small": "0.25rem", "medium": "0.5rem", "large": "0.75rem"}
# The portal serves Inter. The others are fonts that systems have.
FONTS = {
    INTER: f'"Inter", {_SANS}',
    SYSTEM: _SANS,
    "humanist": 'Seravek, "Gill Sans Nova", Ubuntu, Calibri, "DejaVu Sans", source-sans-pro, sans-serif',
    "geometric": 'Avenir, Montserrat, Corbel, "URW Gothic", source-sans-pro, sans-serif',
    "serif": 'Charter, "Bitstream Charter", "Sitka Text", Cambria, serif',
}
_TOKENS = re.compile(r"([0-9a-f]{6})-([a-z]{1,20})-([a-z]{1,20})")


@dataclass(frozen=True, slots=True)
class Theme:
    """How pages look. "" inherits."""

    color: str = ""
    radius: str = ""
    font: str = ""
    color_scheme: str = ""

    def over(self, base: "Theme") -> "Theme":
        """Return this theme, with the parts of another one where it has none."""
        return Theme(**{one.name: getattr(self, one.name) or getattr(base, one.name) for one in fields(self)})

    @property
    def tokens(self) -> str:
        """What its style sheet depends on, such as "0f6b47-large-humanist". For a theme without inherited parts."""
        return f"{self.color.removeprefix('#')}-{self.radius}-{self.font}"


INHERITED = Theme()
BUILT_IN = Theme("#3b52d4", "medium", INTER, ColorScheme.AUTO)


def problems(theme: Theme) -> dict[str, str]:
    """Return what is wrong with a theme as sentences, by the names of its parts. None of them means that it can be read."""
    found = {"color": _color_problem(theme.color)}
    for name, choices in (("radius", RADII), ("font", FONTS), ("color_scheme", tuple(ColorScheme))):
        value = getattr(theme, name)
        found[name] = f"Use {', '.join(choices)}." if value and value not in choices else ""
    return {name: sentence for name, sentence in found.items() if sentence}


def theme_of(tokens: str) -> Theme | None:
    """Return the theme of a style sheet's tokens, None if they aren't those of a theme that can be read."""
    found = _TOKENS.fullmatch(tokens)
    theme = Theme(f"#{found[1]}", found[2], found[3], ColorScheme.AUTO) if found else None
    return theme if theme and not problems(theme) else None


def _color_problem(color: str) -> str:
    if not color:
        return ""
    if not COLOR.fullmatch(color):
        return "Use a color such as #3b52d4."
    if not takes_white_text(color):
        return (
            f"White text on {color} has a contrast of {shown_contrast(color)}:1, but needs {READABLE}:1. "
            f"The nearest color that can be read is {readable(color)}."
        )
    return ""


class ThemeGateway(Protocol):
    """Changes the theme of an organization. Every page has it already: `Organization.settings.theme`."""

    def change(self, theme: Theme, *, version: str = "") -> None:
        """Replace the theme. Needs `stytch.organization:update.info.logo-url`.

        With `version`, of `organization_version(organization, "theme")`, nothing changes if it has another value now: raise
        Conflict with the field "version". Raise Invalid with the name of the part, Forbidden.
        """
        ...
