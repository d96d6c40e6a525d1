"""Rules for new passwords: long enough, hard to guess or of several kinds of characters, and not known to be leaked."""

from dataclasses import replace
from string import ascii_lowercase, ascii_uppercase, digits
from threading import Lock

from django.conf import settings

from portal.directory.configuration import Passwords
from portal.directory.errors import Invalid, TooManyRequests
from portal.directory.passwords import LudsFeedback, PasswordStrength
from portal.embedded.passwords.breaches import is_breached

_MAX_LENGTH = 128
_MIN_SCORE = 3  # of zxcvbn's 0 to 4 (Stytch)
# zxcvbn takes more than a second for some long passwords. Characters after the first ones hardly change the score.
_SCORED_LENGTH = 24
# zxcvbn tries every combination of the letters that these characters can replace, which takes too long for many of them.
_SUBSTITUTES = frozenset("4@8({[<369!1|70$5+%2")
_MAX_SUBSTITUTES = 9
_MAX_ADDRESS = 254  # RFC 5321
_LOWER, _UPPER, _DIGITS = map(frozenset, (ascii_lowercase, ascii_uppercase, digits))
_KINDS = ("a lowercase letter", "an uppercase letter", "a digit", "a symbol")
_BREACHED = "This password is in a public list of leaked passwords. Choose another one."
# zxcvbn keeps user_inputs in a global variable.
_LOCK = Lock()
_MAX_WAIT_SECONDS = 0.25


def strength(password: str, *, email_address: str = "") -> PasswordStrength:
    """Return how strong a password is for the person with this email address, by the project's rules.

    With zxcvbn, takes up to a tenth of a second, one password at a time: raise TooManyRequests if many others are waiting.
    """
    rules: Passwords = settings.PROJECT.passwords
    result = _by_kinds(password, rules) if rules.strength == "luds" else _by_guesses(password, email_address, rules)
    # A password that isn't valid yet may be one that is still being typed. Looking up each of its beginnings would tell a
    # server far more about it than one lookup does.
    if not result.valid_password or "create" not in rules.breach_detection or not is_breached(password):
        return result
    return replace(result, valid_password=False, breached_password=True, warning=_BREACHED, suggestions=())


def _by_guesses(password: str, email_address: str, rules: Passwords) -> PasswordStrength:
    if not password:
        return PasswordStrength(valid_password=False, score=0, warning=_length_rule(rules))
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
    has_length = rules.minimum_length <= len(password) <= _MAX_LENGTH
    feedback = result["feedback"]
    return PasswordStrength(
        valid_password=has_length and score >= _MIN_SCORE,
        score=score,
        warning=str(feedback["warning"]) if has_length else _length_rule(rules),
        suggestions=tuple(map(str, feedback["suggestions"])),
    )


def _by_kinds(password: str, rules: Passwords) -> PasswordStrength:
    """Count the characters and their kinds. As at Stytch, any character but ASCII letters and digits is a symbol."""
    characters = frozenset(password)
    kinds = (characters & _LOWER, characters & _UPPER, characters & _DIGITS, characters - _LOWER - _UPPER - _DIGITS)
    lower, upper, digit, symbol = found = tuple(map(bool, kinds))
    missing_complexity = max(0, rules.luds_complexity - sum(found))
    missing_characters = max(0, rules.luds_minimum_count - len(password))
    luds = LudsFeedback(lower, upper, digit, symbol, missing_complexity, missing_characters)
    has_length = not missing_characters and len(password) <= _MAX_LENGTH
    absent = [kind for kind, has_it in zip(_KINDS, found, strict=True) if not has_it]
    return PasswordStrength(
        valid_password=has_length and not luds.missing_complexity,
        score=0,
        warning="" if has_length else _length_rule(rules),
        suggestions=_to_add(absent, luds.missing_complexity),
        luds=luds,
    )


def _to_add(absent: list[str], count: int) -> tuple[str, ...]:
    if not count:
        return ()
    of_these = f"{' and '.join([', '.join(absent[:-1]), absent[-1]])}" if len(absent) > 1 else absent[0]
    return (f"Add {of_these}." if count == len(absent) else f"Add {count} of these: {of_these}.",)


def _scored(password: str) -> str:
    """Return the beginning of a password, cut where scoring would take too long."""
    substitutes: set[str] = set()
    for at, character in enumerate(password[:_SCORED_LENGTH]):
        substitutes |= {character} & _SUBSTITUTES
        if len(substitutes) > _MAX_SUBSTITUTES:
            return password[:at]
    return password[:_SCORED_LENGTH]


def check_new_password(password: str, *, email_address: str = "", field: str = "password") -> None:
    """Raise Invalid for a weak or leaked password, with hints. Raise TooManyRequests as `strength`."""
    result = strength(password, email_address=email_address)
    if result.valid_password:
        return
    if result.breached_password:
        raise Invalid(_BREACHED, field=field, error_type="breached_password")
    is_guessed = result.luds is None and len(password) >= settings.PROJECT.passwords.minimum_length
    says = [result.warning.rstrip("."), *(one.rstrip(".") for one in result.suggestions)]
    detail = ". ".join(["This password is easy to guess" if is_guessed else "", *says]).strip(". ")
    raise Invalid(f"{detail}.", field=field, error_type="weak_password")


def _length_rule(rules: Passwords) -> str:
    return f"Use {rules.minimum_length} to {_MAX_LENGTH} characters."
