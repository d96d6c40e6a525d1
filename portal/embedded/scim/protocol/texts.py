"""What a text may hold."""


def is_storable(text: str) -> bool:
    """Say whether every database keeps the text: none has NUL, and UTF-8 has no halves of surrogate pairs."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)
