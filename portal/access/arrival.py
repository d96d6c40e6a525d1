"""How a request of `manage.py doctor` arrives here through the proxies in front.

Only a holder of SECRET_KEY can ask. The response tells what the request itself brought.
"""

from typing import Final

from django.core.signing import BadSignature, TimestampSigner

HEADER: Final = "X-Gatehouse-Doctor"
PATH: Final = "/arrival"
# Clocks of two machines can differ.
_SECONDS = 300
_SUBJECT = "arrival"


def proof() -> str:
    """Return a value for HEADER that is valid for five minutes."""
    return _signer().sign(_SUBJECT)


def is_proven(value: str) -> bool:
    """Say whether a holder of SECRET_KEY sent the value recently."""
    try:
        return _signer().unsign(value, max_age=_SECONDS) == _SUBJECT
    except BadSignature:
        return False


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="gatehouse.arrival")
