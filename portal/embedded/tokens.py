"""Opaque secrets of 256 random bits. They are shown once, and stored as SHA-256 with the last four characters."""

import hashlib
import hmac
import secrets


def new_token(prefix: str = "") -> str:
    """Return a new secret of 256 bits, URL-safe."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return the stored hash of a secret. A fast hash is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same_hash(stored: bytes | memoryview, token: str) -> bool:
    """Compare a token with a stored hash in constant time."""
    return hmac.compare_digest(bytes(stored), token_hash(token))
