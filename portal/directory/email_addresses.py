"""Compare email addresses and domains: one comparison for sign-in, roles, rate limits and look-ups.

Unicode case folding treats domains of different owners as equal, such as strasse.example and straße.example. Domains are
compared by IDNA 2008 (RFC 5891) instead, and local parts in lower case.
"""

import unicodedata

import idna

_A_LABEL = "xn--"
_MAX_LABEL = 63  # octets, of an A-label (RFC 5890, 2.3.1)


def fold_address(text: str) -> str:
    """Return the form in which two spellings of one address are equal. Text without an "@" is folded like a domain."""
    if text.isascii() and _A_LABEL not in text.lower():
        return text.lower()
    local, at, domain = text.rpartition("@")
    return f"{_lower(local)}{at}{fold_domain(domain)}"


def fold_domain(domain: str) -> str:
    """Return the form in which two spellings of one domain are equal: in lower case, `xn--` labels decoded.

    A label that IDNA 2008 doesn't allow, such as one of full-width letters, equals no other one.
    """
    lower = _lower(domain)
    if lower.isascii() and _A_LABEL not in lower:
        return lower
    return ".".join(_u_label(label) or label for label in lower.split("."))


def domain_of(email_address: str) -> str:
    """Return the folded domain of an address."""
    return fold_domain(email_address.rpartition("@")[2])


def is_domain(folded: str) -> bool:
    """Say whether IDNA 2008 allows a folded domain."""
    return all(map(_u_label, folded.split(".")))


def _lower(text: str) -> str:
    """Return a text in lower case, letter by letter: str.lower() decides on Σ by what follows it."""
    return unicodedata.normalize("NFC", "".join(map(str.lower, text)))


def _u_label(label: str) -> str:
    """Return a label in Unicode (RFC 5890, 2.3.2.1), "" where IDNA 2008 doesn't allow it."""
    if len(label) > _MAX_LABEL:
        return ""
    try:
        return idna.ulabel(label)
    except idna.IDNAError:
        return ""
