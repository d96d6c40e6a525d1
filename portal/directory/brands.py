"""The colors that follow from the color of a brand, and whether text on them can be read (WCAG 2.2, 1.4.3)."""

import math
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

COLOR = re.compile(r"#[0-9a-f]{6}")
READABLE = 4.5
VISIBLE = 3  # of lines and areas that carry meaning (WCAG 2.2, 1.4.11)
_WHITE, _BLACK = "#ffffff", "#000000"
# What links are on (static/css/gatehouse.css): the canvas, surfaces, what the pointer is over, and notices.
_BACKGROUNDS = ("#ffffff", "#fbfbfc", "#f4f5f7", "#f0f1f4", "#f0f5ff", "#edf9f1", "#fff8e8", "#fef2f1")
SURFACE_DARK = "#16191f"
_BACKGROUNDS_DARK = (SURFACE_DARK, "#0f1115", "#0b0d10", "#20242c", "#141f35", "#10251a", "#2a200d", "#2d1515")


@dataclass(frozen=True, slots=True)
class Brand:
    """The color of buttons, and what follows from it on light and on dark."""

    color: str
    hover: str
    link: str
    link_dark: str
    # The ground of what is selected.
    soft: str
    soft_dark: str
    chart: str
    chart_dark: str


@lru_cache(maxsize=256)
def brand_of(color: str) -> Brand:
    """Return the colors for a brand such as "#3b52d4", on which white text can be read."""
    # The shares of the style sheet. Where something couldn't be read or seen, it gets more black or white until it can.
    soft, soft_dark = _mixed(color, _WHITE, 0.08), _mixed(color, SURFACE_DARK, 0.24)
    return Brand(
        color,
        hover=_mixed(color, _BLACK, 0.86),
        link=_toward(color, _BLACK, range(92, -1, -4), (*_BACKGROUNDS, soft), READABLE),
        link_dark=_toward(color, _WHITE, range(52, -1, -4), (*_BACKGROUNDS_DARK, soft_dark), READABLE),
        soft=soft,
        soft_dark=soft_dark,
        chart=_toward(color, _WHITE, range(78, 101, 2), (_WHITE,), VISIBLE),
        chart_dark=_toward(color, _WHITE, range(70, -1, -4), (SURFACE_DARK,), VISIBLE),
    )


def takes_white_text(color: str) -> bool:
    """Say whether white text on a color can be read."""
    return contrast(color, _WHITE) >= READABLE


def shown_contrast(one: str, other: str = _WHITE) -> float:
    """Return the contrast of two colors for people, rounded down, so that what is too low never reads as enough."""
    return math.floor(contrast(one, other) * 10) / 10


def readable(color: str) -> str:
    """Return the color itself if white text on it can be read, else the nearest darker one of the same hue."""
    return _toward(color, _BLACK, range(100, -1, -1), (_WHITE,), READABLE)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colors, from 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _toward(color: str, other: str, shares: Iterable[int], backgrounds: Collection[str], minimum: float) -> str:
    """Return the first mixture of two colors, by the first one's share in percent, with enough contrast to all backgrounds."""
    mixtures = (_mixed(color, other, share / 100) for share in shares)
    return next(one for one in mixtures if all(contrast(one, ground) >= minimum for ground in backgrounds))


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
