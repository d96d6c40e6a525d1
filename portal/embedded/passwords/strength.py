"""Which new passwords are taken: long enough, short enough to hash, and hard to guess by zxcvbn's measure (Stytch's default)."""

from threading import Lock

from portal.directory.errors import Invalid, TooManyRequests
from portal.directory.passwords import PasswordStrength

_LEAST, _MOST = 12, 128
# Of zxcvbn's 0 to 4; Stytch's threshold.
_LEAST_SCORE = 3
# The library takes 72 characters, and more than a second for many of them. What follows the first ones hardly counts.
_JUDGED = 24
# It tries all combinations of letters that digits and signs can mean: beyond so many different ones it takes too long.
_MEANING_LETTERS = frozenset("4@8({[<369!1|70$5+%2")
_MOST_MEANING = 9
_LONGEST_ADDRESS = 254  # RFC 5321
# The library keeps the person's own words in a global variable.
_ONE_AT_A_TIME = Lock()
_LONGEST_WAIT = 0.25  # seconds


def strength(password: str, *, email_address: str = "") -> PasswordStrength:
    """Return how strong a password is for the person with this email address.

    Takes a tenth of a second at most, one after the other. Raise TooManyRequests rather than wait for many others.
    """
    if not password:
        return PasswordStrength(valid_password=False, score=0, warning=_length())
    address = email_address[:_LONGEST_ADDRESS]
    # Loaded by who sets a password: its word lists take 20 MB and a tenth of a second.
    from zxcvbn import zxcvbn  # noqa: PLC0415 -- as above

    if not _ONE_AT_A_TIME.acquire(timeout=_LONGEST_WAIT):
        raise TooManyRequests("Many passwords are being checked right now. Try again in a moment.")
    try:
        result = zxcvbn(_judged(password), user_inputs=[address, *address.split("@")])
    finally:
        _ONE_AT_A_TIME.release()
    score = int(result["score"])
    has_length = _LEAST <= len(password) <= _MOST
    feedback = result["feedback"]
    return PasswordStrength(
        valid_password=has_length and score >= _LEAST_SCORE,
        score=score,
        warning=str(feedback["warning"]) if has_length else _length(),
        suggestions=tuple(map(str, feedback["suggestions"])),
    )


def _judged(password: str) -> str:
    """Return what of a password is scored: its beginning, up to the digit or sign that would take too long."""
    meaning: set[str] = set()
    for at, character in enumerate(password[:_JUDGED]):
        meaning |= {character} & _MEANING_LETTERS
        if len(meaning) > _MOST_MEANING:
            return password[:at]
    return password[:_JUDGED]


def check_new_password(password: str, *, email_address: str = "", field: str = "password") -> None:
    """Raise Invalid unless the password is strong enough; the detail says what would help. Raise as `strength`."""
    judged = strength(password, email_address=email_address)
    if not judged.valid_password:
        says = [judged.warning.rstrip("."), *(one.rstrip(".") for one in judged.suggestions)]
        detail = ". ".join(["This password is easy to guess" if len(password) >= _LEAST else "", *says]).strip(". ")
        raise Invalid(f"{detail}.", field=field, error_type="weak_password")


def _length() -> str:
    return f"Use {_LEAST} to {_MOST} characters."
