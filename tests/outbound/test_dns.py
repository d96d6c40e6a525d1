"""TXT records: an answer says that there is one or none; everything else says nothing."""

import time
from collections.abc import Iterator

import pytest
from pytest_django import Settings

from portal.outbound import dns
from portal.outbound.dns import NoAnswer, txt_records
from tests.dns_server import (
    FAILS,
    Answer,
    DnsServer,
    garbage,
    hangs,
    refers_to_itself,
    serve_dns,
    txt,
)

NAME = "_gatehouse.acme.example"


@pytest.fixture
def dns_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    monkeypatch.setattr(dns, "_SECONDS", 0.6)
    with serve_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        yield server


def test_records_are_read_and_bounded(dns_server: DnsServer) -> None:
    dns_server.answers[NAME] = txt("a" * 2000, *(f"record {number}" for number in range(400)))

    found = txt_records(NAME)

    assert len(found) == 50
    assert {len(one) for one in found} <= {512, 8, 9, 10}
    assert set(dns_server.asked) == {NAME}


def test_other_bytes_than_text_are_replaced(dns_server: DnsServer) -> None:
    dns_server.answers[NAME] = txt("<b>\\000\\255</b>")

    assert txt_records(NAME) == ("<b>��</b>",)


def test_a_name_without_a_record_has_none(dns_server: DnsServer) -> None:
    assert txt_records(NAME) == ()


@pytest.mark.parametrize("answer", [FAILS, garbage, hangs, refers_to_itself])
def test_an_error_says_nothing(dns_server: DnsServer, answer: Answer) -> None:
    dns_server.answers[NAME] = answer
    began = time.monotonic()

    with pytest.raises(NoAnswer):
        txt_records(NAME)

    assert time.monotonic() - began < 2


def test_without_any_server_there_is_no_answer(dns_server: DnsServer, settings: Settings) -> None:
    settings.DNS_RESOLVERS = (("127.0.0.1", 9),)

    with pytest.raises(NoAnswer):
        txt_records(NAME)
