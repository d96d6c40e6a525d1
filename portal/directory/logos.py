"""The logo of an organization, stored by the directory and shown at sign-in and on the portal's pages."""

from dataclasses import dataclass
from typing import Protocol

# Limits of an image that is sent; a stored one is smaller.
MAX_BYTES, MAX_SIDE = 204_800, 2048


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
