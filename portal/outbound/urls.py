"""URLs of other servers: their parts, and which of them are requested."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from portal.outbound.errors import UrlRejected
from portal.outbound.policy import Policy

_MAX_CHARACTERS = 2048
_PORTS = {"http": 80, "https": 443}
# Other programs may read a URL with one of these in another way than we do.
_AMBIGUOUS = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
# The last label of a host that some programs read as an IPv4 address, in octal, hexadecimal or with fewer parts.
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be requested, in ASCII, and its parts. `host` is a name or an address without brackets."""

    url: str
    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> tuple[str, str, int]:
        """Return what says whether two URLs are of the same server."""
        return self.scheme, self.host, self.port


def target_of(url: str, policy: Policy) -> Target:
    """Return the parts of a URL. Raise UrlRejected if it isn't valid or isn't allowed."""
    if len(url) > _MAX_CHARACTERS or _AMBIGUOUS.search(url):
        raise UrlRejected("The URL isn't valid. Use one without spaces, backslashes and line breaks.")
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise UrlRejected("The URL isn't valid. Check its host name.") from None
    if parts.scheme not in _PORTS or not parts.host:
        raise UrlRejected("The URL must start with https:// and a host name.")
    if parts.scheme == "http" and not policy.is_http_allowed:
        raise UrlRejected("The URL must start with https://. Plain http isn't protected on its way.")
    if parts.auth is not None:
        raise UrlRejected("The URL contains a user name or a password. Remove the part before the @.")
    port = parts.port if parts.port is not None else _PORTS[parts.scheme]
    if port not in policy.ports:
        raise UrlRejected(f"Port {port} isn't allowed. Use the standard port, or ask the operator of this server.")
    return Target(parts._replace(fragment=None).url, parts.scheme, _host(parts.host), port)


def _host(text: str) -> str:
    host = text.removeprefix("[").removesuffix("]")
    if text != host:
        if "%" in host:
            raise UrlRejected("The URL has an IPv6 address with a zone, which works on one machine only.")
        return str(ip_address(host))
    if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
        try:
            return str(IPv4Address(host))
        except ValueError:
            raise UrlRejected("The URL has an IPv4 address in an unusual form. Use four decimal numbers.") from None
    if not _NAME.fullmatch(host):
        raise UrlRejected("The URL isn't valid. Check its host name.")
    return host
