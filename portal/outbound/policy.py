"""Where requests to other servers may go, and how much they may cost."""

from collections.abc import Container
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Self

from django.conf import settings

Network = IPv4Network | IPv6Network

_EVERYWHERE: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))
_HTTP_PORT = 80


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may cost, with its redirects. `max_bytes` limits the body as sent and as decompressed."""

    seconds: float = 10.0
    max_bytes: int = 1_048_576
    redirects: int = 3


@dataclass(frozen=True, slots=True)
class Policy:
    """Where requests may go. `networks` are reachable although they aren't public."""

    networks: tuple[Network, ...]
    ports: Container[int]
    is_http_allowed: bool
    proxy: str = ""

    @classmethod
    def of_operator(cls) -> Self:
        """Return what the operator's settings allow, for URLs that others choose."""
        return cls(
            settings.OUTBOUND_ALLOWED_NETWORKS,
            (*settings.OUTBOUND_PORTS, *([_HTTP_PORT] if settings.OUTBOUND_ALLOW_HTTP else [])),
            settings.OUTBOUND_ALLOW_HTTP,
            settings.OUTBOUND_PROXY,
        )

    @classmethod
    def of_own_server(cls) -> Self:
        """Return what allows every address and port, without a proxy."""
        return cls(_EVERYWHERE, range(65_536), is_http_allowed=True)
