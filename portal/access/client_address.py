"""The client's IP address, as far as it can be trusted."""

import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings

# A request with one of these came through a proxy. A client can add them, but not remove a proxy's own.
_OF_PROXIES = (
    "HTTP_FORWARDED",
    "HTTP_VIA",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)
_PREFIX_V6 = 64  # the least that a provider assigns to one customer
_V6_PARTS = 2  # with this many colons, it isn't an IPv4 address with a port

Environ = Mapping[str, Any]


def client_address(environ: Environ) -> str:
    """Return the client's address as the outermost trusted proxy saw it, or the peer's address.

    Never return anything but an address: if a proxy's entry isn't valid, the peer's address counts.
    """
    peer = _address(str(environ.get("REMOTE_ADDR", "")))
    trusted = settings.TRUSTED_PROXIES
    if not trusted:
        return peer
    hops = str(environ.get(_header(), "")).rsplit(",", trusted)[-trusted:]
    return (_address(hops[0]) if len(hops) == trusted else "") or peer


def forwarded_proto(environ: Environ) -> str:
    """Return the entry of X-Forwarded-Proto from the outermost trusted proxy; the only one, if there is one."""
    entries = str(environ.get("HTTP_X_FORWARDED_PROTO", "")).split(",")
    return entries[-min(max(1, settings.TRUSTED_PROXIES), len(entries))].strip()


def is_direct(environ: Environ) -> bool:
    """Say whether the peer is the client: no header indicates a proxy in between."""
    return not any(name in environ for name in (*_OF_PROXIES, _header()))


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the key of an address for rate limits: an IPv6 address counts as its /64, because a client can use all of it."""
    if ":" not in address:
        return address
    return str(ipaddress.ip_network((address, _PREFIX_V6), strict=False))


def _header() -> str:
    return "HTTP_" + settings.CLIENT_ADDRESS_HEADER.upper().replace("-", "_")


@lru_cache(maxsize=4096)
def _address(text: str) -> str:
    """Return an address in canonical form, without port and zone, or "" if it isn't one."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") < _V6_PARTS:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
