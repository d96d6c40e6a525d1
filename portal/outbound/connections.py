"""Connections to an address that was checked, while TLS and the Host header keep the name of the server.

They are the transport below `requests`, which takes them from an adapter. Nothing looks the name up a second time, so a name
server can't give one answer to the check and another one to the connection.
"""

import http.client
import ssl
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from socket import create_connection, socket
from typing import Any
from urllib.parse import unquote, urlsplit

import certifi
from django.conf import settings
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from portal.outbound.addresses import Address
from portal.outbound.deadline import Deadline
from portal.outbound.errors import CertificateRejected, Unreachable
from portal.outbound.urls import Target

# A name can have any number of addresses. These are tried, for a few seconds each.
_MAX_ADDRESSES = 6
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Route:
    """How a server is reached: at one of the checked addresses, or through the operator's proxy if there are none."""

    target: Target
    addresses: Sequence[Address]
    proxy: str
    deadline: Deadline

    def connect(self) -> socket:
        """Return a connection, with TLS for https. Raise Unreachable or CertificateRejected."""
        plain = self._through_proxy() if self.proxy else self._directly()
        plain.settimeout(self.deadline.remaining())
        self.deadline.watch(plain)
        return plain if self.target.scheme == "http" else self._secured(plain)

    def _directly(self) -> socket:
        for address in self.addresses[:_MAX_ADDRESSES]:
            try:
                seconds = min(_CONNECT_SECONDS, self.deadline.remaining())
                return create_connection((str(address), self.target.port), seconds)
            except OSError:
                continue
        raise Unreachable(
            f"{self.target.host} doesn't accept connections at port {self.target.port}. Check that the server runs."
        )

    def _through_proxy(self) -> socket:
        proxy = urlsplit(self.proxy)
        headers = {}
        if proxy.username:
            credentials = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            headers["Proxy-Authorization"] = f"Basic {b64encode(credentials.encode()).decode()}"
        tunnel = http.client.HTTPConnection(proxy.hostname or "", proxy.port, timeout=self.deadline.remaining())
        tunnel.set_tunnel(self.target.host, self.target.port, headers)
        try:
            tunnel.connect()
        except (OSError, http.client.HTTPException):
            tunnel.close()
            raise Unreachable(
                f"{self.target.host} can't be reached through this server's proxy. Ask the operator to allow it there."
            ) from None
        connected: socket = tunnel.sock
        return connected

    def _secured(self, plain: socket) -> socket:
        name = self.target.host.rstrip(".")
        secured = _tls(settings.OUTBOUND_CA_FILE).wrap_socket(
            plain, server_hostname=name, do_handshake_on_connect=False
        )
        self.deadline.watch(secured)
        try:
            secured.do_handshake()
        except ssl.SSLCertVerificationError as error:
            secured.close()
            raise CertificateRejected(
                f"The TLS certificate of {name} isn't valid: {error.verify_message}. Install a valid certificate there."
            ) from None
        except OSError:
            secured.close()
            raise CertificateRejected(f"{name} didn't complete TLS. Check that it supports TLS 1.2 or later.") from None
        return secured


@cache
def _tls(more_authorities: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if more_authorities:
        context.load_verify_locations(more_authorities)
    return context


class _PlainConnection(HTTPConnection):
    def __init__(self, host: str, port: int | None = None, *, route: Route, **more: Any) -> None:
        super().__init__(host, port, **more)
        self._route = route

    def connect(self) -> None:
        """Connect as the route says."""
        self.sock = self._route.connect()


class _SecureConnection(HTTPSConnection):
    def __init__(self, host: str, port: int | None = None, *, route: Route, **more: Any) -> None:
        super().__init__(host, port, **more)
        self._route = route

    def connect(self) -> None:
        """Connect as the route says, which verifies the certificate."""
        self.sock = self._route.connect()
        self.is_verified = True


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(HTTPAdapter):
    """Sends a request of `requests` along a route, not along its URL."""

    def __init__(self, route: Route) -> None:
        super().__init__(max_retries=0)
        self._route = route

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,  # noqa: ARG002 -- the signature of requests
        verify: Any,  # noqa: ARG002 -- as above
        proxies: Any = None,  # noqa: ARG002 -- as above
        cert: Any = None,  # noqa: ARG002 -- as above
    ) -> HTTPConnectionPool:
        """Return a pool of one connection."""
        pool = _PlainPool if self._route.target.scheme == "http" else _SecurePool
        return pool(self._route.target.host, self._route.target.port, maxsize=1, route=self._route)
