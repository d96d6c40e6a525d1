"""The rule for origins whose pages may frame the portal: exact ones, so that no other page can."""

import re
from collections.abc import Collection
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import urlsplit

from portal.directory.errors import Invalid

MAX_ORIGINS = 20  # of one organization, and of the project
_MAX_LENGTH = 255
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_DEFAULT_PORTS = {"https": 443, "http": 80}
_EXAMPLE = "https://app.example.com"


def check_origin(origin: str, *, allows_http: bool, field: str = "origin") -> str:
    """Return an origin that can be registered. Raise Invalid with the cause and the fix.

    `allows_http` is the setting ALLOW_HTTP: then pages of this computer may use plain http.
    """
    if problem := origin_problem(origin, allows_http=allows_http):
        raise Invalid(problem, field=field, error_type="invalid_embed_origin")
    return origin


def check_origins(origins: Collection[str], *, allows_http: bool) -> None:
    """Check the origins of the project. Raise ValueError with the cause."""
    if len(origins) > MAX_ORIGINS:
        raise ValueError(f"embed.origins has more than {MAX_ORIGINS} origins")
    if len(set(origins)) < len(origins):
        raise ValueError("embed.origins has an origin twice")
    for origin in origins:
        if problem := origin_problem(origin, allows_http=allows_http):
            raise ValueError(f'embed.origins has "{origin[:_MAX_LENGTH]}": {problem}')


def origin_problem(origin: str, *, allows_http: bool) -> str:
    """Return why an origin can't be registered and what to enter instead, "" if it can."""
    if not origin or len(origin) > _MAX_LENGTH:
        return f"An origin has 1 to {_MAX_LENGTH} characters, such as {_EXAMPLE}."
    if "*" in origin:
        return (
            "A wildcard would let every page of these hosts embed the portal, including one that someone else controls. "
            "Register each origin on its own."
        )
    if not origin.isascii() or any(letter.isspace() or not letter.isprintable() for letter in origin):
        return f"An origin has only ASCII letters without spaces, such as {_EXAMPLE}. Write other names in punycode (xn--…)."
    if origin != origin.lower():
        return f"An origin is in lower case: {origin.lower()}."
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return f"This isn't an origin. Enter one such as {_EXAMPLE}."
    return _part_problem(origin, parts.scheme, parts.netloc, port, allows_http=allows_http)


def _part_problem(origin: str, scheme: str, netloc: str, port: int | None, *, allows_http: bool) -> str:
    host = (urlsplit(origin).hostname or "") if netloc else ""
    written = f"[{host}]" if ":" in host else host
    problems = (
        (scheme not in _DEFAULT_PORTS or not host, f"An origin is https:// and a host, such as {_EXAMPLE}."),
        ("@" in netloc, f"An origin has no user name: {scheme}://{netloc.rpartition('@')[2]}."),
        (origin != f"{scheme}://{netloc}", f"An origin has no path and no slash at the end: {scheme}://{netloc}."),
        (port == _DEFAULT_PORTS.get(scheme), f"Browsers leave the default port out: {scheme}://{written}."),
        (
            not _is_host(host) or netloc != (written if port is None else f"{written}:{port}"),
            f"This isn't a host that a browser would send. Enter an origin such as {_EXAMPLE}.",
        ),
        (
            scheme == "http" and host not in _LOOPBACK,
            "Pages over plain http can be changed on their way. Use https.",
        ),
        (
            scheme == "http" and not allows_http,
            "Pages of this computer can use plain http only where the portal itself does, for a trial. Use https.",
        ),
    )
    return next((problem for is_one, problem in problems if is_one), "")


def _is_host(host: str) -> bool:
    if ":" not in host:
        return bool(_HOST.fullmatch(host))
    try:
        return str(IPv6Address(host)) == host
    except AddressValueError:
        return False
