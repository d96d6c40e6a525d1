"""Which addresses are public, in every form that reaches a private one."""

import socket
import threading
from ipaddress import ip_address, ip_network

import pytest

from portal.outbound.addresses import is_allowed, is_public, look_up
from portal.outbound.deadline import Deadline
from portal.outbound.errors import TimedOut, Unreachable


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 -- an address to be rejected
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:a9fe:a9fe",
        "::ffff:0:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
        "2001:db8::1",
        "2002:7f00:1::",  # 6to4 of 127.0.0.1
        "2002:808:808::",
        "2600:1:2:3:0:5efe:10.0.0.1",  # ISATAP
        "2600:1:2:3:200:5efe:8.8.8.8",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not is_allowed(ip_address(address), ())


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.32.0.1", "100.128.0.1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2606:4700::1111"]
)
def test_other_addresses_are_public(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    ("address", "is_permitted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("64:ff9b::10.1.2.3", True),
        ("10.2.0.1", False),
        ("fd12::1", True),
        ("fd13::1", False),
        ("2002:a01:203::", False),
    ],
)
def test_the_operator_allows_networks(address: str, *, is_permitted: bool) -> None:
    networks = (ip_network("10.1.0.0/16"), ip_network("fd12::/16"))

    assert is_allowed(ip_address(address), networks) is is_permitted


def test_a_mapped_address_is_not_in_a_network_of_all_of_ipv6() -> None:
    assert is_allowed(ip_address("::ffff:10.1.2.3"), (ip_network("::ffff:0:0/96"),))
    assert not is_allowed(ip_address("10.1.2.3"), (ip_network("::/0"),))


def test_a_name_that_does_not_exist_is_said() -> None:
    with Deadline(5) as deadline, pytest.raises(Unreachable, match=r"nothing\.invalid does not exist"):
        look_up("nothing.invalid", 443, deadline)


def test_a_lookup_that_hangs_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: goes_on.wait(20))
    with pytest.raises(TimedOut, match=r"slow\.example"), Deadline(0.1) as deadline:
        look_up("slow.example", 443, deadline)
    # Neither do more of them than there are threads for.
    for _ in range(20):
        with pytest.raises(TimedOut), Deadline(0.01) as deadline:
            look_up("slow.example", 443, deadline)
    assert sum(thread.name == "outbound-lookup" for thread in threading.enumerate()) <= 16
    goes_on.set()
