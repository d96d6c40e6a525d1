"""The keys of this process, from its settings, in the order in which they are used."""

import hmac

from django.conf import settings


def signing_keys() -> tuple[str, ...]:
    """Return the keys of which signed forms and cursors are accepted. The first one signs."""
    return (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


def encryption_keys() -> tuple[str, ...]:
    """Return the keys that decrypt stored secrets, each once. The first one encrypts."""
    current = settings.ENCRYPTION_KEY or settings.SECRET_KEY
    return tuple(dict.fromkeys((current, *settings.ENCRYPTION_KEY_FALLBACKS, *signing_keys())))


def fingerprint(key: str) -> str:
    """Return what tells a key from others without telling anything about it: keys are long and random."""
    return hmac.digest(key.encode(), b"gatehouse.fingerprint", "sha256")[:8].hex()
