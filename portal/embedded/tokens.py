"""Opaque secrets of 256 random bits. They are shown once, and stored as SHA-256 with the last four characters."""

import base64
import hashlib
import hmac
import re
import secrets
from uuid import UUID

# 16 bytes of the organization and 32 random ones, in base64url behind a prefix such as "scim_".
_ROUTABLE = re.compile(r"(?:[a-z]+_)?([A-Za-z0-9_-]{64})")


def new_token(prefix: str = "", *, organization_id: UUID | None = None) -> str:
    """Return a new secret of 256 bits, URL-safe. With an organization it also says where its row is."""
    named = organization_id.bytes if organization_id else b""
    return prefix + base64.urlsafe_b64encode(named + secrets.token_bytes(32)).rstrip(b"=").decode()


def organization_of(token: str) -> UUID | None:
    """Return the organization that a token names, or None. Only its hash tells whether the token is genuine."""
    found = _ROUTABLE.fullmatch(token)
    return UUID(bytes=base64.urlsafe_b64decode(found[1])[:16]) if found else None


def token_hash(token: str) -> bytes:
    """Return the stored hash of a secret. A fast hash is enough for 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same_hash(stored: bytes | memoryview, token: str) -> bool:
    """Compare a token with a stored hash in constant time."""
    return hmac.compare_digest(bytes(stored), token_hash(token))
