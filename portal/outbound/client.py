"""The HTTP client for other servers: the only way in which Gatehouse requests a URL that someone entered or that a response named.

Every request, and every redirect, goes to a public address only (or where the operator's settings allow it), to the very
address that was checked. Nothing comes from the environment: no proxy, no password file. No cookies are kept.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from http import HTTPStatus
from http.client import HTTPException
from urllib.parse import urljoin, urlsplit

import requests
import structlog
from django.conf import settings
from urllib3.exceptions import HTTPError

from portal.outbound.addresses import Address, is_address, is_allowed, look_up
from portal.outbound.connections import Adapter, Route
from portal.outbound.deadline import Deadline
from portal.outbound.errors import (
    AddressRejected,
    InvalidResponse,
    OutboundError,
    TimedOut,
    TooLarge,
    UrlRejected,
)
from portal.outbound.policy import Limits, Policy
from portal.outbound.urls import Target, target_of

log = structlog.get_logger("gatehouse.outbound")

_REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)
# What a redirect to another server still gets. Any other header of the caller could be a secret.
_FOR_ANY_SERVER = frozenset({"accept"})
_ENCODINGS = frozenset({"", "identity", "gzip", "deflate"})
_CHUNK = 65_536
_FAILURES = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Response:
    """A complete response. `url` is the one that sent it, after redirects; header names ignore case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    headers: Mapping[str, str]
    body: bytes | None = None
    follows_redirects: bool = False


@dataclass(frozen=True, slots=True)
class _Terms:
    policy: Policy
    limits: Limits
    deadline: Deadline


def fetch(url: str, *, headers: Mapping[str, str] | None = None, limits: Limits | None = None) -> Response:
    """GET a URL and follow its redirects, without `headers` (except Accept) once they lead to another server.

    Return a response of any other status. Raise OutboundError, whose sentence is for the person who entered the URL.
    """
    request = _Request("GET", headers or {}, follows_redirects=True)
    return _logged(request, url, limits or Limits())


def post(
    url: str, body: bytes, *, content_type: str, headers: Mapping[str, str] | None = None, limits: Limits | None = None
) -> Response:
    """POST a body, and return the response of any status, redirects included. Raise OutboundError, as `fetch` does.

    After TimedOut and InvalidResponse the server may have received the body.
    """
    request = _Request("POST", {**(headers or {}), "Content-Type": content_type}, body)
    return _logged(request, url, limits or Limits())


def request_own_server(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    limits: Limits | None = None,
) -> Response:
    """Request a URL of this very installation, which may be at a private address and use http. Follow no redirect.

    The operator's own PUBLIC_URL or an address of this machine, never a URL that someone entered. Raise OutboundError.
    """
    return _send(_Request(method, headers or {}, body), url, Policy.of_own_server(), limits or Limits())


def _logged(request: _Request, url: str, limits: Limits) -> Response:
    started = time.monotonic()
    try:
        response = _send(request, url, Policy.of_operator(), limits)
    except OutboundError as error:
        log.warning("outbound_request_failed", host=_host(url), error=type(error).__name__, reason=str(error))
        raise
    seconds = round(time.monotonic() - started, 3)
    log.info("outbound_request", host=_host(url), status=response.status, seconds=seconds)
    return response


def _host(url: str) -> str:
    """Return what the log says about a URL. The rest of it can contain a secret."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _send(request: _Request, url: str, policy: Policy, limits: Limits) -> Response:
    with Deadline(limits.seconds) as deadline:
        return _follow(request, target_of(url, policy), _Terms(policy, limits, deadline))


def _follow(request: _Request, target: Target, terms: _Terms) -> Response:
    for _ in range(terms.limits.redirects + 1):
        response = _exchange(request, target, terms)
        location = response.headers.get("Location", "") if response.status in _REDIRECTS else ""
        if not location or not request.follows_redirects:
            return response
        following = _redirected(target, location, terms.policy)
        if following.origin != target.origin:
            kept = {name: value for name, value in request.headers.items() if name.lower() in _FOR_ANY_SERVER}
            request = replace(request, headers=kept)
        target = following
    raise InvalidResponse(f"{target.host} redirects too often. Enter the URL that it leads to in the end.")


def _redirected(target: Target, location: str, policy: Policy) -> Target:
    try:
        following = target_of(urljoin(target.url, location), policy)
    except (UrlRejected, ValueError):
        raise UrlRejected(
            f"{target.host} redirects to a URL that isn't allowed. Enter the URL that it leads to in the end."
        ) from None
    if target.scheme == "https" and following.scheme != "https":
        raise UrlRejected(f"{target.host} redirects from https to http, which isn't protected. Enter an https URL.")
    return following


def _exchange(request: _Request, target: Target, terms: _Terms) -> Response:
    """Send one request and read its response. The body of a redirect that is followed stays unread."""
    deadline, prepared = terms.deadline, _prepared(request, target)
    try:
        addresses = _checked_addresses(target, terms.policy, deadline)
        adapter = Adapter(Route(target, addresses, terms.policy.proxy, deadline))
        with (
            closing(adapter),
            closing(adapter.send(prepared, stream=True, timeout=deadline.remaining())) as received,
        ):
            is_followed = request.follows_redirects and received.status_code in _REDIRECTS
            body = b"" if is_followed else _read(received, target, terms.limits)
    except (OutboundError, *_FAILURES) as error:
        if deadline.has_passed():
            raise _timed_out(target, terms.limits) from None
        if isinstance(error, OutboundError):
            raise
        log.info("outbound_response_invalid", host=target.host, error=type(error).__name__)
        raise InvalidResponse(f"{target.host} didn't send a complete, valid response. Check the server.") from None
    # A body without a length ends where the connection does, and the deadline ends the connection.
    if deadline.has_passed():
        raise _timed_out(target, terms.limits)
    return Response(target.url, received.status_code, received.headers, body)


def _timed_out(target: Target, limits: Limits) -> TimedOut:
    return TimedOut(
        f"{target.host} didn't send a complete response within {limits.seconds:g} seconds. Try again later."
    )


def _checked_addresses(target: Target, policy: Policy, deadline: Deadline) -> Sequence[Address]:
    """Return the addresses of a server that may be requested, or none if a proxy looks the name up."""
    if policy.proxy and not is_address(target.host):
        return ()
    found = look_up(target.host, target.port, deadline)
    allowed = [address for address in found if is_allowed(address, policy.networks)]
    if not allowed:
        log.warning(
            "outbound_address_rejected",
            host=target.host,
            addresses=[str(address) for address in found],
            setting="OUTBOUND_ALLOWED_NETWORKS",
        )
        raise AddressRejected(
            f"{target.host} isn't on the public internet, so nothing was sent to it. "
            "Use a public server, or ask the operator of this server to allow the network."
        )
    return allowed


def _prepared(request: _Request, target: Target) -> requests.PreparedRequest:
    # Without a session of requests: that would read the environment and keep cookies.
    headers = {
        **request.headers,
        "User-Agent": f"Gatehouse (+{settings.PUBLIC_URL})",
        "Accept-Encoding": "gzip, deflate",
        "Connection": "close",
    }
    return requests.Request(request.method, target.url, headers=headers, data=request.body).prepare()


def _read(received: requests.Response, target: Target, limits: Limits) -> bytes:
    if received.headers.get("Content-Encoding", "").strip().lower() not in _ENCODINGS:
        raise InvalidResponse(f"{target.host} compressed its response in a way that it wasn't asked for.")
    body = bytearray()
    while True:
        chunk = received.raw.read(_CHUNK, decode_content=True)
        body += chunk
        # Compressed data can be long and empty.
        if max(len(body), received.raw.tell()) > limits.max_bytes:
            raise TooLarge(f"The response of {target.host} is larger than {limits.max_bytes:,} bytes. Check the URL.")
        if not chunk:
            return bytes(body)
