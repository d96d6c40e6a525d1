"""The colors that follow from the color of a brand, and whether text on them can be read (WCAG 2.2, 1.4.3)."""

import re
from dataclasses import dataclass
from functools import cache

COLOR = re.compile(r"#[0-9a-f]{6}")
READABLE = 4.5
_WHITE, _BLACK = "#ffffff", "#000000"
_DARK_BACKGROUNDS = ("#16191f", "#0f1115")


@dataclass(frozen=True, slots=True)
class Brand:
    """The color of buttons, and the colors of links on light and on dark."""

    color: str
    link: str
    link_dark: str


@cache
def brand_of(color: str) -> Brand:
    """Return the colors for a brand such as "#3b52d4"."""
    # The shares of the style sheet. Dark brands get more white, until their links can be read.
    lighter = (_mixed(color, _WHITE, share / 100) for share in range(52, -1, -4))
    dark = next(one for one in lighter if all(contrast(one, other) >= READABLE for other in _DARK_BACKGROUNDS))
    return Brand(color, _mixed(color, _BLACK, 0.92), dark)


def takes_white_text(color: str) -> bool:
    """Say whether white text on a color can be read."""
    return contrast(color, _WHITE) >= READABLE


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colors, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(value / 255) for value in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return float(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004 -- sRGB


def _mixed(color: str, other: str, share: float) -> str:
    mixed = (
        round(mine * share + theirs * (1 - share)) for mine, theirs in zip(_parts(color), _parts(other), strict=True)
    )
    return "#" + "".join(f"{one:02x}" for one in mixed)


def _parts(color: str) -> tuple[int, int, int]:
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return red, green, blue
