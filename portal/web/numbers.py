"""Numbers as pages write them."""

from django.utils.formats import number_format

from portal.directory.counts import Count
from portal.directory.pages import MAX_COUNTED

_THOUSAND = 1000


def number(value: int | None) -> str:
    """Return a number with thousands separators; None is a dash."""
    if value is None:
        return "–"
    # The short way for the many small ones: a list formats a number a row.
    return str(value) if 0 <= value < _THOUSAND else number_format(value, use_l10n=True, force_grouping=True)


def counted(value: Count) -> str:
    """Return a number of portal.directory.counts, with a plus sign if there are more."""
    return f"{number(value.number)}{'+' if value.is_more else ''}"


def capped(value: int) -> str:
    """Return a number that is counted up to MAX_COUNTED, with a plus sign at that bound."""
    return f"{number(value)}+" if value >= MAX_COUNTED else number(value)
