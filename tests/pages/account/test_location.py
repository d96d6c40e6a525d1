"""Where sessions are, by a database of places that the operator gives."""

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from pytest_django import Settings

from portal import environment
from portal.embedded import models
from portal.mail.catalog import texts
from portal.web.locations import location_of
from tests import factories

MALMO = {
    "city": {"names": {"en": "Malmö", "de": "Malmö"}},
    "country": {"names": {"en": "Sweden", "de": "Schweden", "pt-BR": "Suécia"}},
}
Write = Callable[[dict[str, Any]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a database in which one network has a record."""

    def written(record: dict[str, Any]) -> Path:
        writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="City", languages=["en"])
        writer.insert_network(IPSet([str(ip_network("203.0.113.0/24"))]), record)
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.mmdb"
        writer.to_db_file(str(path))
        return path

    return written


@pytest.fixture
def places(settings: Settings, write: Write) -> None:
    settings.LOCATION_DATABASE = write(MALMO)


@pytest.mark.usefixtures("places")
def test_a_session_says_where_it_is(member: models.MemberRow) -> None:
    client = factories.signed_in(member)
    models.MemberSessionRow.objects.update(ip_address="203.0.113.7")

    assert "Near Malmö, Sweden" in client.get("/o/acme/account/").content.decode()


def test_without_a_database_it_says_no_place(member: models.MemberRow) -> None:
    client: Client = factories.signed_in(member)
    models.MemberSessionRow.objects.update(ip_address="203.0.113.7")

    html = client.get("/o/acme/account/").content.decode()
    assert "203.0.113.7" in html
    assert "Near " not in html


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("language", "expected"), [("en", "Malmö, Sweden"), ("de", "Malmö, Schweden"), ("ja", "Malmö, Sweden")]
)
def test_a_place_has_the_name_of_the_language(language: str, expected: str) -> None:
    assert location_of("203.0.113.7", language) == expected


@pytest.mark.usefixtures("places")
def test_emails_name_the_place_in_their_language() -> None:
    assert texts("de-DE").location("203.0.113.7") == "Malmö, Schweden"
    assert texts("pt-br").location("203.0.113.7") == "Malmö, Suécia"


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("ip_address", ["", "198.51.100.1", "::1", "fe80::1%eth0", "unknown", "203.0.113.7:80"])
def test_other_addresses_are_nowhere(ip_address: str) -> None:
    assert location_of(ip_address) == ""


@pytest.mark.parametrize("record", [{}, {"city": "Malmö"}, {"city": {"names": ["Malmö"]}}, {"country": {"names": {}}}])
def test_a_record_of_another_form_is_nowhere(settings: Settings, write: Write, record: dict[str, Any]) -> None:
    settings.LOCATION_DATABASE = write(record)

    assert location_of("203.0.113.7") == ""


def test_a_new_file_is_used_at_once_and_a_broken_or_missing_one_fails_nothing(
    settings: Settings, write: Write, tmp_path: Path
) -> None:
    used = tmp_path / "used.mmdb"
    settings.LOCATION_DATABASE = used
    assert location_of("203.0.113.7") == ""
    write(MALMO).rename(used)
    assert location_of("203.0.113.7") == "Malmö, Sweden"
    write({"city": {"names": {"en": "Lund"}}}).rename(used)
    assert location_of("203.0.113.7") == "Lund"
    broken = tmp_path / "broken.mmdb"
    broken.write_bytes(b"nothing of the kind")
    broken.rename(used)
    assert location_of("203.0.113.7") == ""


def test_a_file_that_cannot_be_read_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(environment.env.ENVIRON, "LOCATION_DATABASE", "/nonexistent.mmdb")

    with pytest.raises(ImproperlyConfigured, match=r"LOCATION_DATABASE is /nonexistent\.mmdb, which can't be read"):
        environment.file("LOCATION_DATABASE")
