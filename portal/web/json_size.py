"""The size of a JSON document, known before it is read: a value of three bytes becomes an object of eighty."""

_BEFORE_VALUES = (b",", b"[", b"{")


def most_values(content: bytes) -> int:
    """Return how many values, lists and objects a JSON text can hold at most; commas in texts count as well."""
    return 1 + sum(map(content.count, _BEFORE_VALUES))
