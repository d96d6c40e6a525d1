"""Which IP addresses are public, and the lookup of a host name's addresses."""

import socket
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from threading import BoundedSemaphore, Thread

from portal.outbound.deadline import Deadline
from portal.outbound.errors import TimedOut, Unreachable
from portal.outbound.policy import Network

Address = IPv4Address | IPv6Address

# The registry of special-purpose addresses (RFC 6890 and its updates). The lists of `ipaddress` differ by Python version.
_SPECIAL = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # shared, behind a provider's NAT
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's services for the machine itself
            "169.254.0.0/16",  # link-local, with the metadata services of clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
            "2001::/23",  # protocol assignments, with Teredo
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)
# Everything else in IPv6 is local, multicast, reserved or a translation.
_GLOBAL_UNICAST = ip_network("2000::/3")
_NAT64 = ip_network("64:ff9b::/96")
_LAST_32_BITS = 0xFFFF_FFFF
# ISATAP (RFC 5214) has an IPv4 address behind one of these interface identifiers.
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})
# A lookup can't be interrupted, so its thread may outlive the request that waited for it.
_lookups = BoundedSemaphore(16)


def is_allowed(address: Address, networks: Iterable[Network]) -> bool:
    """Say whether an address is public, or in one of the networks. An embedded IPv4 address decides for its IPv6 address."""
    inner = _translated(address)
    return any(inner in network or address in network for network in networks) or is_public(inner)


def is_public(address: Address) -> bool:
    """Say whether an address is one of the public internet."""
    inner = _translated(address)
    if any(inner in network for network in _SPECIAL):
        return False
    if isinstance(inner, IPv4Address):
        return True
    return inner in _GLOBAL_UNICAST and (int(inner) >> 32) & _LAST_32_BITS not in _ISATAP


def _translated(address: Address) -> Address:
    """Return the IPv4 address that packets to an address reach in the end, if it's a mapped or a NAT64 address."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & _LAST_32_BITS)
    return address


def is_address(host: str) -> bool:
    """Say whether a host is an IP address instead of a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def look_up(host: str, port: int, deadline: Deadline) -> Sequence[Address]:
    """Return the addresses of a host, which can be an address itself. Raise Unreachable or TimedOut."""
    if is_address(host):
        return [ip_address(host)]
    if not _lookups.acquire(timeout=deadline.remaining()):
        raise TimedOut(f"Looking up {host} took too long. Try again later.")
    answer: Future[Sequence[Address]] = Future()
    Thread(target=_look_up, args=(host, port, answer), name="outbound-lookup", daemon=True).start()
    try:
        return answer.result(deadline.remaining())
    except TimeoutError:
        raise TimedOut(f"Looking up {host} took too long. Check the name servers of its domain.") from None
    except (OSError, UnicodeError):
        raise Unreachable(f"The host {host} does not exist. Check the spelling of the URL.") from None


def _look_up(host: str, port: int, answer: "Future[Sequence[Address]]") -> None:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answer.set_result([ip_address(str(address[0]).partition("%")[0]) for *_, address in found])
    except Exception as error:  # noqa: BLE001 -- the thread that waits raises it
        answer.set_exception(error)
    finally:
        _lookups.release()
