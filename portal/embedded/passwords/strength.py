"""Rules for new passwords: 12 to 128 characters, and hard to guess as zxcvbn measures it (Stytch's default)."""

from threading import Lock

from portal.directory.errors import Invalid, TooManyRequests
from portal.directory.passwords import PasswordStrength

_MIN_LENGTH, _MAX_LENGTH = 12, 128
_MIN_SCORE = 3  # of zxcvbn's 0 to 4 (Stytch)
# zxcvbn takes more than a second for some long passwords. Characters after the first ones hardly change the score.
_SCORED_LENGTH = 24
# zxcvbn tries every combination of the letters that these characters can replace, which takes too long for many of them.
_SUBSTITUTES = frozenset("4@8({[<369!1|70$5+%2")
_MAX_SUBSTITUTES = 9
_MAX_ADDRESS = 254  # RFC 5321
# zxcvbn keeps user_inputs in a global variable.
_LOCK = Lock()
_MAX_WAIT_SECONDS = 0.25


def strength(password: str, *, email_address: str = "") -> PasswordStrength:
    """Return how strong a password is for the person with this email address.

    Takes up to a tenth of a second, one password at a time. Raise TooManyRequests if many others are waiting.
    """
    if not password:
        return PasswordStrength(valid_password=False, score=0, warning=_length_rule())
    address = email_address[:_MAX_ADDRESS]
    # Imported here: the word lists take 20 MB and a tenth of a second.
    from zxcvbn import zxcvbn  # noqa: PLC0415 -- as above

    if not _LOCK.acquire(timeout=_MAX_WAIT_SECONDS):
        raise TooManyRequests("Many passwords are being checked right now. Try again in a moment.")
    try:
        result = zxcvbn(_scored(password), user_inputs=[address, *address.split("@")])
    finally:
        _LOCK.release()
    score = int(result["score"])
    has_length = _MIN_LENGTH <= len(password) <= _MAX_LENGTH
    feedback = result["feedback"]
    return PasswordStrength(
        valid_password=has_length and score >= _MIN_SCORE,
        score=score,
        warning=str(feedback["warning"]) if has_length else _length_rule(),
        suggestions=tuple(map(str, feedback["suggestions"])),
    )


def _scored(password: str) -> str:
    """Return the beginning of a password, cut where scoring would take too long."""
    substitutes: set[str] = set()
    for at, character in enumerate(password[:_SCORED_LENGTH]):
        substitutes |= {character} & _SUBSTITUTES
        if len(substitutes) > _MAX_SUBSTITUTES:
            return password[:at]
    return password[:_SCORED_LENGTH]


def check_new_password(password: str, *, email_address: str = "", field: str = "password") -> None:
    """Raise Invalid for a weak password, with hints. Raise TooManyRequests as `strength`."""
    result = strength(password, email_address=email_address)
    if not result.valid_password:
        says = [result.warning.rstrip("."), *(one.rstrip(".") for one in result.suggestions)]
        detail = ". ".join(["This password is easy to guess" if len(password) >= _MIN_LENGTH else "", *says]).strip(
            ". "
        )
        raise Invalid(f"{detail}.", field=field, error_type="weak_password")


def _length_rule() -> str:
    return f"Use {_MIN_LENGTH} to {_MAX_LENGTH} characters."
