"""PUBLIC_URL as others reach it: its certificate, and what the proxies in front let through."""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

import certifi
from django.conf import settings

from portal.access import arrival
from portal.embedded.doctor.findings import Finding, error, ok, warning
from portal.outbound.client import Response, request_own_server
from portal.outbound.errors import OutboundError
from portal.version import version

_SECONDS = 5.0
# A proxy that buffers bodies responds only when it has the whole body, which is never sent.
_PATIENCE = 2.0
_SOON, _VERY_SOON = 21, 7
_DAY = 86_400
# Addresses for documentation (RFC 5737): no client has them.
_INVENTED, _INVENTED_BY_UNDERSCORE = "192.0.2.123", "192.0.2.124"
_REDIRECTS = range(300, 400)
_OK, _NOT_FOUND, _TOO_LARGE, _UNAVAILABLE = 200, 404, 413, 503
_AWAY = "Start the server and the proxy, and check that PUBLIC_URL leads to this installation, also from this machine."
_HEADERS = "docs/deploy has tested examples for nginx and HAProxy."


def check_certificate() -> Iterator[Finding]:
    """Report a certificate that isn't valid, or not for long."""
    if not settings.IS_HTTPS:
        yield warning("PUBLIC_URL is plain http, so passwords and tokens travel unencrypted.", "Use https.")
        return
    try:
        with _connected() as connection:
            certificate: dict[str, Any] = connection.getpeercert() or {}  # type: ignore[attr-defined]  # -- an SSLSocket
    except ssl.SSLCertVerificationError as failure:
        yield error(
            f"Clients reject the certificate of PUBLIC_URL: {failure.verify_message}.",
            "Renew it, and have the proxy send the whole chain. If a private authority issued it, name that in "
            "OUTBOUND_CA_FILE.",
        )
    except OSError as failure:
        yield error(f"PUBLIC_URL can't be reached by TLS ({_cause(failure)}).", _AWAY)
    else:
        days = int((ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) // _DAY)
        text = f"The certificate is valid for {days} more days."
        fix = "Renew it, and check that it's renewed automatically from now on."
        yield error(text, fix) if days < _VERY_SOON else warning(text, fix) if days < _SOON else ok(text)


def check_headers() -> Iterator[Finding]:
    """Report proxies that leave out a header, or let clients invent one."""
    try:
        spoofed = _arrive(**{_header(): _INVENTED, "X_Forwarded_For": _INVENTED_BY_UNDERSCORE, **_false_scheme()})
        if isinstance(spoofed, Finding):
            honest = _arrive()
            yield spoofed if isinstance(honest, Finding) else _SCHEME_PASSED_ON
            return
    except OutboundError as failure:
        yield error(f"PUBLIC_URL doesn't respond: {failure}", _AWAY)
        return
    found = [*_addresses(spoofed)]
    if bool(spoofed["is_secure"]) is not settings.IS_HTTPS:
        found.append(_SCHEME_PASSED_ON)
    if spoofed["version"] != version():
        found.append(
            warning(
                f"The server runs version {spoofed['version']}, and this command is of version {version()}.",
                "Restart the server after an upgrade.",
            )
        )
    yield from found or [ok("Client addresses and https arrive, and clients can't invent them.")]


def _arrive(**headers: str) -> dict[str, Any] | Finding:
    """Return how a request arrives, or why that can't be known. Raise OutboundError."""
    response = request_own_server(
        "GET", settings.PUBLIC_URL + arrival.PATH, headers={arrival.HEADER: arrival.proof(), **headers}
    )
    if response.status == _OK:
        arrived: dict[str, Any] = json.loads(response.body)
        return arrived
    return _reason(response)


def _reason(response: Response) -> Finding:
    if response.status in _REDIRECTS:
        return error(
            f"The portal takes https requests for plain http, and redirects them forever (status {response.status}).",
            f"Let the proxy send X-Forwarded-Proto, and set TRUSTED_PROXIES. {_HEADERS}",
        )
    if response.status == _NOT_FOUND:
        return error(
            "The server at PUBLIC_URL has another SECRET_KEY, runs another version, or isn't this installation.",
            "Give the server and this command the same settings, and restart the server.",
        )
    if response.status == _UNAVAILABLE:
        return warning(
            "The server is down for maintenance or busy, so headers can't be checked.", "Run this again later."
        )
    return error(
        f"The server at PUBLIC_URL responds with status {response.status}.",
        "For 400, let the proxy pass on the Host header. Otherwise, check the proxy's error log.",
    )


def _addresses(arrived: dict[str, Any]) -> Iterator[Finding]:
    seen, hops = str(arrived["client_address"]), [str(hop) for hop in arrived["hops"]]
    proxies = [hop for hop in hops if hop not in {_INVENTED, _INVENTED_BY_UNDERSCORE}]
    if not settings.TRUSTED_PROXIES:
        if proxies:
            yield warning(
                f"A proxy sends {_header()}, but TRUSTED_PROXIES is 0, so every client has the proxy's address.",
                "Set TRUSTED_PROXIES to the number of your own proxies.",
            )
    elif _INVENTED_BY_UNDERSCORE in {seen, *hops}:
        yield error(
            "Clients can invent their address with a header name that has underscores.",
            f"Let the proxy drop header names with underscores. {_HEADERS}",
        )
    elif seen == _INVENTED:
        yield error(
            f"Clients can invent their address: the proxy passes on the {_header()} that they send.",
            f"Let the proxy overwrite or extend the header, and set TRUSTED_PROXIES to the number of proxies. {_HEADERS}",
        )
    elif not proxies:
        yield error(
            f"The proxy sends no {_header()}, so every client has the proxy's address.",
            f"Let the proxy send it. {_HEADERS}",
        )
    elif len(proxies) != settings.TRUSTED_PROXIES:
        yield warning(
            f"Requests come through {len(proxies)} proxies that add their entry, but TRUSTED_PROXIES is "
            f"{settings.TRUSTED_PROXIES}. Limits and logs use the wrong address.",
            "Set TRUSTED_PROXIES to the number of your own proxies.",
        )


def check_body_size() -> Iterator[Finding]:
    """Report a proxy that rejects bodies which the portal accepts. Only announces a body, and sends none."""
    size = settings.SCIM_MAX_BODY_BYTES
    try:
        status = _announce(size)
    except (OSError, HTTPException) as failure:
        yield error(f"PUBLIC_URL can't be reached ({_cause(failure)}).", _AWAY)
        return
    if status == _TOO_LARGE:
        yield error(
            f"A proxy rejects bodies of {size:,} bytes, which SCIM_MAX_BODY_BYTES allows.",
            "Raise the proxy's limit above SCIM_MAX_BODY_BYTES (nginx: client_max_body_size), so that identity providers "
            "get an error that they understand.",
        )
    else:
        yield ok(f"Bodies of {size:,} bytes arrive.")


def _announce(size: int) -> int | None:
    """Return the status of a POST that announces a body of a size; None if there is no response before the body."""
    with _connected() as connection:
        request = HTTPConnection(urlsplit(settings.PUBLIC_URL).netloc)
        request.sock = connection
        # Without a token it's rejected before its body is read.
        request.putrequest("POST", "/v1/b2b/scim/doctor/Users")
        request.putheader("Content-Length", str(size))
        request.putheader("Content-Type", "application/scim+json")
        request.endheaders()
        connection.settimeout(_PATIENCE)
        try:
            return request.getresponse().status
        except TimeoutError:
            return None


def check_metrics() -> Iterator[Finding]:
    """Report /metrics that everyone can read."""
    try:
        status = request_own_server("GET", f"{settings.PUBLIC_URL}/metrics").status
    except OutboundError as failure:
        yield error(f"PUBLIC_URL doesn't respond: {failure}", _AWAY)
        return
    if status == _OK:
        yield error(
            "Everyone can read /metrics at PUBLIC_URL.",
            "Let the proxy reject that path, and add X-Forwarded-For to what it passes on. Remove its address from "
            "METRICS_ALLOWED_FROM.",
        )
    else:
        yield ok("/metrics is closed to the public.")


def _header() -> str:
    return str(settings.CLIENT_ADDRESS_HEADER)


def _false_scheme() -> dict[str, str]:
    return {"X-Forwarded-Proto": "http" if settings.IS_HTTPS else "https"}


_SCHEME_PASSED_ON = error(
    "The proxy passes on the X-Forwarded-Proto that clients send.",
    f"Let the proxy overwrite it with the scheme of its own connection. {_HEADERS}",
)


def _connected() -> socket.socket:
    """Return a connection to PUBLIC_URL, with TLS for https. Raise OSError."""
    public = urlsplit(settings.PUBLIC_URL)
    host, port = str(public.hostname), public.port or (443 if settings.IS_HTTPS else 80)
    plain = socket.create_connection((host, port), _SECONDS)
    if not settings.IS_HTTPS:
        return plain
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    if settings.OUTBOUND_CA_FILE:
        context.load_verify_locations(settings.OUTBOUND_CA_FILE)
    return context.wrap_socket(plain, server_hostname=host)


def _cause(failure: Exception) -> str:
    match failure:
        case socket.gaierror():
            return "the host name can't be found"
        case ConnectionRefusedError():
            return "nothing listens there"
        case TimeoutError():
            return f"no response within {_SECONDS:.0f} seconds"
        case _:
            return type(failure).__name__
