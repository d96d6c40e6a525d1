"""Settings › Domains: the list, the record to add, a check, a code, and what each member may do."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from tests import factories
from tests.dns_server import DnsServer, serve_dns, txt
from tests.tasks import run_tasks

pytestmark = pytest.mark.django_db
LIST, ADD = "/o/acme/settings/domains/", "/o/acme/settings/domains/add/"
RECORD = "_gatehouse.acme.example"


@pytest.fixture
def dns_server(settings: Settings) -> Iterator[DnsServer]:
    with serve_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        yield server


def text(client: Client, path: str = LIST) -> str:
    return " ".join(client.get(path).content.decode().split())


def post(client: Client, path: str, **data: str) -> Any:
    return client.post(path, data)


def add(client: Client, domain: str = "acme.example") -> str:
    return str(post(client, ADD, domain=domain)["Location"])


def test_a_domain_is_added_and_proved_by_its_record(dns_server: DnsServer, admin_client: Client) -> None:
    assert "No domains yet" in text(admin_client)
    page = add(admin_client)
    row = models.EmailDomainRow.objects.get()
    assert f'value="{RECORD}"' in text(admin_client, page)
    assert f'value="{row.record_value}"' in text(admin_client)
    dns_server.answers[RECORD] = txt("gatehouse-domain=<old>")

    assert post(admin_client, f"{page}check/")["Location"] == page
    assert "data-poll" in text(admin_client, page)
    run_tasks()
    assert "gatehouse-domain=&lt;old&gt;" in text(admin_client, page)
    dns_server.answers[RECORD] = txt(row.record_value)
    post(admin_client, f"{page}check/")
    run_tasks()

    fragment = admin_client.get(page, headers={"HX-Request": "true", "HX-Target": "proof"}).content.decode()
    assert "Record found" in fragment
    assert "data-poll" not in fragment
    assert "Ownership proved" in text(admin_client)


def test_what_cannot_be_added_is_said(admin_client: Client) -> None:
    answer = post(admin_client, ADD, domain="gmail.com")

    assert answer.status_code == 422
    assert "Anyone can get an address at gmail.com" in answer.content.decode()


def test_a_code_to_an_address_in_the_domain_proves_affiliation(admin_client: Client, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    page = add(admin_client)
    assert post(admin_client, f"{page}code/", email_address="ada@other.example").status_code == 422
    asked = post(admin_client, f"{page}code/", email_address="it@acme.example")
    assert "Enter the code" in asked.content.decode()
    run_tasks()
    code = re.search(r"\b\d{3} ?\d{3}\b", str(mail.outbox[-1].body))
    assert code

    wrong = post(admin_client, f"{page}code/enter/", email_address="it@acme.example", code="000000")
    right = post(admin_client, f"{page}code/enter/", email_address="it@acme.example", code=code[0])

    assert (wrong.status_code, right.status_code) == (422, 303)
    assert "Affiliation proved" in text(admin_client)


def test_a_domain_is_removed_on_a_page_that_says_what_changes(admin_client: Client) -> None:
    page = add(admin_client)

    assert "No one can join by acme.example" in text(admin_client, f"{page}remove/")
    assert post(admin_client, f"{page}remove/")["Location"] == LIST
    assert not models.EmailDomainRow.objects.exists()


def test_a_member_without_the_permission_sees_the_reason(acme: models.OrganizationRow, member_client: Client) -> None:
    row = factories.proved_domain(acme, "acme.example")
    page = f"{LIST}{public_id('email-domain', row.pk)}/"

    for path in (LIST, page):
        assert "Your roles don’t let you" in text(member_client, path)
    assert post(member_client, ADD, domain="x.example").status_code == 403


def test_home_shows_domains_that_need_attention(acme: models.OrganizationRow, admin_client: Client) -> None:
    factories.proved_domain(acme, "fine.example")
    add(admin_client, "open.example")

    home = text(admin_client, "/o/acme/")

    assert "open.example" in home
    assert "fine.example" not in home


def test_without_proofs_the_list_is_shown_and_changed(
    admin_client: Client, member_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmbeddedDirectory, "domains", None)

    assert post(admin_client, f"{LIST}allowed/", domain="acme.example")["Location"] == LIST
    assert post(admin_client, f"{LIST}allowed/", domain="gmail.com").status_code == 422
    page = text(admin_client)
    assert "acme.example" in page
    assert "takes the organization&#x27;s word" in page
    assert post(admin_client, ADD, domain="x.example").status_code == 501
    assert post(member_client, f"{LIST}allowed/", remove="acme.example").status_code == 403
    post(admin_client, f"{LIST}allowed/", remove="acme.example")
    assert models.OrganizationRow.objects.get(slug="acme").email_allowed_domains == []
