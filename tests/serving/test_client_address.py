"""Which address counts as the client's."""

import pytest
from pytest_django import Settings

from portal.access.client_address import client_address, forwarded_proto, network_of

PEER = "10.0.0.1"


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        (0, "192.0.2.1", PEER),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.9,192.0.2.1", "192.0.2.1"),
        (2, "192.0.2.1, 10.0.0.2", "192.0.2.1"),
        (2, "192.0.2.1", PEER),
        (1, "192.0.2.1:4711", "192.0.2.1"),
        (1, "[2001:DB8::1]:443", "2001:db8::1"),
        (1, "2001:db8:0:0::1%eth0", "2001:db8::1"),
        (1, "::ffff:192.0.2.1", "192.0.2.1"),
        (1, "", PEER),
        (1, "unknown", PEER),
        (1, "192.0.2.1, _hidden", PEER),
        (1, "192.0.2.1,", PEER),
        (1, "0300.0.2.1", PEER),
        (1, "192.0.2.1 10.0.0.9", PEER),
    ],
)
def test_only_an_address_from_a_trusted_proxy_counts(
    settings: Settings, trusted: int, forwarded: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = trusted

    assert client_address({"REMOTE_ADDR": PEER, "HTTP_X_FORWARDED_FOR": forwarded}) == address


def test_a_header_without_a_hyphen_has_no_second_spelling(settings: Settings) -> None:
    settings.TRUSTED_PROXIES, settings.CLIENT_ADDRESS_HEADER = 1, "Clientaddress"
    headers = {"REMOTE_ADDR": PEER, "HTTP_CLIENTADDRESS": "192.0.2.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}

    assert client_address(headers) == "192.0.2.1"


@pytest.mark.parametrize(
    ("trusted", "sent", "proto"),
    [(1, "https", "https"), (1, "https, http", "http"), (2, "https,http", "https"), (2, "https", "https")],
)
def test_the_scheme_comes_from_the_outermost_trusted_proxy(
    settings: Settings, trusted: int, sent: str, proto: str
) -> None:
    settings.TRUSTED_PROXIES = trusted

    assert forwarded_proto({"HTTP_X_FORWARDED_PROTO": sent}) == proto


def test_an_ipv6_client_has_a_network(settings: Settings) -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("") == ""
