"""Why a request to another server failed: one sentence for the person who entered the URL, with what to do.

The sentences contain no IP addresses, so that they tell no one which names a private network has. The log has them.
"""


class OutboundError(Exception):
    """A request to another server failed. The message is for the person who entered the URL."""


class UrlRejected(OutboundError):
    """The URL isn't one that Gatehouse requests: its form, scheme or port, or a password in it."""


class AddressRejected(OutboundError):
    """The host has no address that Gatehouse may connect to, so nothing was sent."""


class Unreachable(OutboundError):
    """The host name doesn't exist, or no server accepted the connection."""


class CertificateRejected(OutboundError):
    """The server's TLS certificate isn't valid for its name, or TLS failed, so nothing was sent."""


class TimedOut(OutboundError):
    """The response wasn't complete in time. The server may have received the request."""


class TooLarge(OutboundError):
    """The response is larger than the caller accepts."""


class InvalidResponse(OutboundError):
    """The server's response isn't complete or valid HTTP, or it redirects too often. It received the request."""
