"""The logo of an organization, stored by the directory and shown at sign-in and on the portal's pages."""

from dataclasses import dataclass
from typing import Protocol

# Limits of an image that is sent; a stored one is smaller.
MAX_BYTES, MAX_SIDE = 204_800, 2048
_PNG, _RIFF, _WEBP = b"\x89PNG\r\n\x1a\n", b"RIFF", b"WEBP"


def image_type(content: bytes) -> str:
    """Return the media type of a PNG or WebP image, "" for anything else: an SVG image can have scripts."""
    if content.startswith(_PNG):
        return "image/png"
    return "image/webp" if content.startswith(_RIFF) and content[8:12] == _WEBP else ""


@dataclass(frozen=True, slots=True)
class Logo:
    """A stored image. Its URL contains the digest, so that browsers can keep it."""

    content: bytes
    content_type: str


class LogoGateway(Protocol):
    """Changes the logo. Needs `stytch.organization:update.info.logo-url`."""

    def upload(self, content: bytes) -> str:
        """Store a PNG or WebP image, and return its URL, which becomes organization_logo_url. Raise Invalid, Forbidden."""
        ...

    def fetch(self, url: str) -> str:
        """Do the same with the image at a URL. Raise Invalid with the reason if it can't be fetched, Forbidden."""
        ...

    def delete(self) -> None:
        """Remove the logo and its URL, if there is one. Raise Forbidden."""
        ...
