"""Which URLs are requested."""

import pytest

from portal.outbound.errors import UrlRejected
from portal.outbound.policy import Policy
from portal.outbound.urls import target_of

STRICT = Policy((), frozenset({443, 8443}), is_http_allowed=False)
OPEN = Policy((), frozenset(range(1, 65_536)), is_http_allowed=True)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "must start with https://"),
        ("idp.example", "must start with https://"),
        ("ftp://idp.example/", "must start with https://"),
        ("file:///etc/passwd", "must start with https://"),
        ("https:///metadata", "must start with https://"),
        ("https://idp.example/a b", "without spaces"),
        ("https://idp.example\\@evil.example/", "without spaces, backslashes"),
        ("https://idp.example/\r\nX-Header: 1", "line breaks"),
        ("https://idp.example/\x00", "line breaks"),
        ("https://" + "a" * 3000, "isn't valid"),
        ("https://user:secret@idp.example/", "user name or a password"),
        ("https://idp.example:22/", "Port 22 isn't allowed"),
        ("https://idp.example:0/", "Port 0 isn't allowed"),
        ("https://idp.example:99999/", "isn't valid"),
        ("https://idp..example/", "host name"),
        ("https://a,b/", "host name"),
        ("https://１２７.０.０.１/", "host name"),
        ("https://[fe80::1%25eth0]/", "zone"),
        ("https://[::1/", "isn't valid"),
        ("https://2130706433/", "four decimal numbers"),
        ("https://0x7f000001/", "four decimal numbers"),
        ("https://0x7f.1/", "four decimal numbers"),
        ("https://0177.0.0.1/", "four decimal numbers"),
        ("https://127.1/", "four decimal numbers"),
        ("https://127.0.0.1./", "four decimal numbers"),
        ("https://0x/", "four decimal numbers"),
    ],
)
def test_other_urls_are_rejected(url: str, sentence: str) -> None:
    with pytest.raises(UrlRejected, match=sentence):
        target_of(url, STRICT)


def test_plain_http_needs_the_operator() -> None:
    with pytest.raises(UrlRejected, match="must start with https://"):
        target_of("http://idp.example/", STRICT)
    assert target_of("http://idp.example/", OPEN).port == 80


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://idp.example/metadata?x=1#fragment", "idp.example", 443),
        ("HTTPS://IdP.Example:8443", "idp.example", 8443),
        ("https://bücher.example/", "xn--bcher-kva.example", 443),
        ("https://faß.example/", "xn--fa-hia.example", 443),
        ("https://idp.example./", "idp.example.", 443),
        ("https://93.184.216.34/", "93.184.216.34", 443),
        ("https://[2606:4700:0::1111]/", "2606:4700::1111", 443),
        ("https://under_score.example/", "under_score.example", 443),
    ],
)
def test_parts_of_a_url(url: str, host: str, port: int) -> None:
    target = target_of(url, STRICT)

    assert (target.host, target.port) == (host, port)
    assert target.url.isascii()
    assert "#" not in target.url
