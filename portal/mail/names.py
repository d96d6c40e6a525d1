"""Names in emails. Customers write them, and an attacker can be a customer."""

import re
import unicodedata

_LENGTH, _SUBJECT_LENGTH = 60, 40
# Bidirectional embeddings, overrides and isolates; the general category Cf has all of them.
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Zero-width joiners keep their place: emoji and several scripts are written with them.
_KEPT = {"\u200c", "\u200d"}
# Mail programs turn "name.com" into a link, unless something is between the dot and what follows.
_NO_LINK = "\u200c"
_LINK_PART = re.compile(r"://|/|@|www\.", re.IGNORECASE)
_HOST = re.compile(r"[^\s.]+\.[^\W\d_]{2,}(?![^\W_])")


def shown_name(name: str) -> str:
    """Return a name for the body: one line of up to 60 characters, that no mail program turns into a link."""
    return re.sub(r"\.(?=\S)", f".{_NO_LINK}", _short(name, _LENGTH))


def name_in_subject(name: str) -> str:
    """Return a name for a subject or preheader: one line of up to 40 characters."""
    return _short(name, _SUBJECT_LENGTH)


def name_for_strangers(name: str, instead: str) -> str:
    """Return a name for an email to someone who isn't a member yet, or `instead` if it could be taken for a link."""
    plain = _one_line(name)
    # As browsers read an address: other dots and letters of full width are the usual ones there (UTS 46).
    read = unicodedata.normalize("NFKC", plain).replace("\u3002", ".")
    return instead if not plain or _LINK_PART.search(read) or _HOST.search(read) else shown_name(plain)


def _short(name: str, length: int) -> str:
    plain = _one_line(name)
    return plain if len(plain) <= length else f"{plain[: length - 1].rstrip()}…"


def _one_line(text: str) -> str:
    kept = "".join(
        one if one in _KEPT or unicodedata.category(one) not in _HIDDEN_CATEGORIES else " " if one.isspace() else ""
        for one in text
    )
    return " ".join(kept.split())
