"""Which new passwords are taken: long enough, short enough to hash, and hard to guess by zxcvbn's measure (Stytch's default)."""

from threading import Lock

from portal.directory.errors import Invalid
from portal.directory.project_passwords import PasswordStrength

_LEAST, _MOST = 12, 128
# Of zxcvbn's 0 to 4; Stytch's threshold.
_LEAST_SCORE = 3
# The library takes 72, but for those with many digits and signs it takes seconds then; what comes after is as good as nothing.
_JUDGED = 24
_LONGEST_ADDRESS = 254  # RFC 5321
# It keeps what it knows of the person in a variable of its own.
_ONE_AT_A_TIME = Lock()


def strength(password: str, *, email_address: str = "") -> PasswordStrength:
    """Return what a password is worth for who has this e-mail address."""
    if not password:
        return PasswordStrength(valid_password=False, score=0, warning=_length())
    address = email_address[:_LONGEST_ADDRESS]
    # Loaded by who sets a password: its word lists take 20 MB and a tenth of a second.
    from zxcvbn import zxcvbn  # noqa: PLC0415 -- as above

    with _ONE_AT_A_TIME:
        result = zxcvbn(password[:_JUDGED], user_inputs=[address, *address.split("@")])
    score = int(result["score"])
    has_length = _LEAST <= len(password) <= _MOST
    feedback = result["feedback"]
    return PasswordStrength(
        valid_password=has_length and score >= _LEAST_SCORE,
        score=score,
        warning=str(feedback["warning"]) if has_length else _length(),
        suggestions=tuple(map(str, feedback["suggestions"])),
    )


def check_new_password(password: str, *, email_address: str = "", field: str = "password") -> None:
    """Raise Invalid unless the password would be taken; the detail says what would help."""
    judged = strength(password, email_address=email_address)
    if not judged.valid_password:
        says = [judged.warning.rstrip("."), *(one.rstrip(".") for one in judged.suggestions)]
        detail = ". ".join(["This password is easy to guess" if len(password) >= _LEAST else "", *says]).strip(". ")
        raise Invalid(f"{detail}.", field=field, error_type="weak_password")


def _length() -> str:
    return f"Use {_LEAST} to {_MOST} characters."
