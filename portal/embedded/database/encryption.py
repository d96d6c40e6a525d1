"""What is kept encrypted: secrets that the portal itself must use, and so cannot keep as a hash.

Fernet (AES-128-CBC with HMAC-SHA256) under a key of each purpose's own, derived from SECRET_KEY; SECRET_KEY_FALLBACKS still open
what they closed. The library is loaded by who asks for it: most processes keep no such secret.
"""

from base64 import urlsafe_b64encode
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

# The purpose of the key that signs session JWTs.
SIGNING_KEY = "signing-key"


def encrypted(secret: bytes, *, purpose: str) -> bytes:
    """Return the secret as it is stored."""
    return _fernet(settings.SECRET_KEY, purpose).encrypt(secret)


def decrypted(stored: bytes | memoryview, *, purpose: str) -> bytes | None:
    """Return the secret; None where neither SECRET_KEY nor a fallback opens it."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    try:
        return MultiFernet([_fernet(key, purpose) for key in keys]).decrypt(bytes(stored))
    except InvalidToken:
        return None


def is_current(stored: bytes | memoryview, *, purpose: str) -> bool:
    """Say whether SECRET_KEY itself opens it, and not only a fallback that will be taken away."""
    try:
        _fernet(settings.SECRET_KEY, purpose).decrypt(bytes(stored))
    except InvalidToken:
        return False
    return True


@cache
def _fernet(secret_key: str, purpose: str) -> Fernet:
    # SECRET_KEY is random (settings see to its length), so a fast derivation is right.
    derived = HKDF(SHA256(), length=32, salt=None, info=f"gatehouse.{purpose}".encode()).derive(secret_key.encode())
    return Fernet(urlsafe_b64encode(derived))
