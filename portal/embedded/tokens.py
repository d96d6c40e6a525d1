"""Opaque secrets: 256 random bits, shown once, stored as SHA-256 with the last four characters."""

import hashlib
import hmac
import secrets


def new_token(prefix: str = "") -> str:
    """Return a new secret of 256 bits, URL-safe."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return what is stored of a secret; a fast hash is right for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same_hash(stored: bytes | memoryview, token: str) -> bool:
    """Compare in a time that does not tell how much is right."""
    return hmac.compare_digest(bytes(stored), token_hash(token))
