"""Small charts as coordinates for inline SVG: a trend (ui/spark.html) and bars by the hour (ui/hour_chart.html)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# The size of a trend, and where its line is.
SPARK_WIDTH, SPARK_HEIGHT = 88, 28
_LEFT, _RIGHT, _TOP, _BOTTOM = 2.0, 86.0, 5.0, 25.0
# The size of a chart with bars, the width of a bar, and the height that even a small number has.
CHART_WIDTH, CHART_HEIGHT = 720, 80
_BAR, _HIGHEST, _LOWEST, _GAP = 24.0, 74.0, 1.5, 1.0
_LOWEST_FAILED = 5.0


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of a bar."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar, whose upper part shows failures. A part without a number is None."""

    succeeded: Rectangle | None
    failed: Rectangle | None


def line(values: Sequence[int]) -> str:
    """Return the points of a trend's line. Equal numbers are a line in the middle."""
    lowest, highest = min(values), max(values)
    step = (_RIGHT - _LEFT) / (len(values) - 1)
    scale = (_BOTTOM - _TOP) / (highest - lowest) if highest > lowest else 0.0
    middle = (_TOP + _BOTTOM) / 2
    points = (
        (_LEFT + place * step, _BOTTOM - (value - lowest) * scale if scale else middle)
        for place, value in enumerate(values)
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def area(points: str) -> str:
    """Return the points of the area below a trend's line."""
    return f"{_LEFT:g},{SPARK_HEIGHT} {points} {_RIGHT:g},{SPARK_HEIGHT}"


def bars(numbers: Iterable[tuple[int, int]]) -> tuple[Bar, ...]:
    """Return a bar for each pair of succeeded and failed; the highest one has the height of the chart."""
    pairs = tuple(numbers)
    slot = CHART_WIDTH / len(pairs)
    highest = max((succeeded + failed for succeeded, failed in pairs), default=0) or 1
    return tuple(
        _bar(place * slot + (slot - _BAR) / 2, succeeded, failed, _HIGHEST / highest)
        for place, (succeeded, failed) in enumerate(pairs)
    )


def _bar(x: float, succeeded: int, failed: int, scale: float) -> Bar:
    top, lower = float(CHART_HEIGHT), None
    if succeeded:
        height = max(succeeded * scale, _LOWEST)
        top -= height
        lower = _rectangle(x, top, height)
        top -= _GAP
    if not failed:
        return Bar(lower, None)
    height = min(max(failed * scale, _LOWEST_FAILED), top)
    return Bar(lower, _rectangle(x, top - height, height))


def _rectangle(x: float, y: float, height: float) -> Rectangle:
    return Rectangle(round(x, 1), round(y, 1), _BAR, round(height, 1))
