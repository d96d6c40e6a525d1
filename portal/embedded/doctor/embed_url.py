"""EMBED_URL as browsers reach it."""

from collections.abc import Iterator

from django.conf import settings

from portal.embedded.doctor.findings import Finding, error, ok
from portal.outbound.client import request_own_server
from portal.outbound.errors import OutboundError

# No organization has it, and the host of frames answers every entry without a ticket alike.
_ENTRY = "/o/doctor/embed/"
_UNAUTHORIZED = 401


def check() -> Iterator[Finding]:
    """Report a host of frames that isn't reached, or that doesn't reach the portal under its own name."""
    if not settings.EMBED_URL:
        yield ok("EMBED_URL isn't set, so no page can embed the portal.")
        return
    try:
        status = request_own_server("GET", settings.EMBED_URL + _ENTRY).status
    except OutboundError as failure:
        yield error(
            f"EMBED_URL doesn't respond: {failure}",
            "Let its name lead to the proxy, with a certificate for it. docs/embed.md has an example for nginx.",
        )
        return
    if status == _UNAUTHORIZED:
        yield ok("The host of frames responds.")
    else:
        yield error(
            f"The server at EMBED_URL responds with status {status}, so it doesn't serve frames.",
            "Let the proxy pass on the Host header, and restart the server if EMBED_URL was changed.",
        )
