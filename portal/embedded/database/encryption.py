"""Encryption of stored secrets: those that the portal itself must use, and so can't keep as a hash.

Fernet (AES-128-CBC with HMAC-SHA256) under a key of its own for each purpose, derived from ENCRYPTION_KEY, or from SECRET_KEY if
that isn't set. The fallbacks of both still decrypt. Only processes that keep such a secret load this module, because of its library.
"""

from base64 import urlsafe_b64encode
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.embedded.server_keys import encryption_keys

# The purpose of the key that signs session JWTs.
SIGNING_KEY = "signing-key"


def encrypted(secret: bytes, *, purpose: str) -> bytes:
    """Return the secret as it is stored."""
    return _fernet(encryption_keys()[0], purpose).encrypt(secret)


def decrypted(stored: bytes | memoryview, *, purpose: str) -> bytes | None:
    """Return the secret. None if no key of this process decrypts it."""
    try:
        return MultiFernet([_fernet(key, purpose) for key in encryption_keys()]).decrypt(bytes(stored))
    except InvalidToken:
        return None


def is_current(stored: bytes | memoryview, *, purpose: str) -> bool:
    """Say whether the key that encrypts now decrypts it, and not only a fallback that will be removed."""
    try:
        _fernet(encryption_keys()[0], purpose).decrypt(bytes(stored))
    except InvalidToken:
        return False
    return True


@cache
def _fernet(key: str, purpose: str) -> Fernet:
    # The settings only accept long keys, which are random, so a fast derivation is right.
    derived = HKDF(SHA256(), length=32, salt=None, info=f"gatehouse.{purpose}".encode()).derive(key.encode())
    return Fernet(urlsafe_b64encode(derived))
