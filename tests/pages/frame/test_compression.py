"""Which responses are compressed: pages, with padding against BREACH, and nothing else."""

import gzip

import pytest
from django.http import StreamingHttpResponse
from django.test import Client

from portal.embedded import models
from tests import factories

GZIP = {"Accept-Encoding": "gzip, br"}


def test_a_page_is_compressed_if_the_browser_accepts_it(admin_client: Client) -> None:
    plain, compressed = admin_client.get("/o/acme/"), admin_client.get("/o/acme/", headers=GZIP)

    assert "Content-Encoding" not in plain.headers
    assert compressed["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in compressed["Vary"]
    assert int(compressed["Content-Length"]) == len(compressed.content) < len(plain.content) / 2
    assert b"<!doctype html>" in gzip.decompress(compressed.content)


def test_error_pages_and_fragments_are_compressed(admin_client: Client) -> None:
    factories.scim_connection(models.OrganizationRow.objects.get(slug="acme"))
    missing = admin_client.get("/o/acme/scim/groups/none/", headers=GZIP)
    fragment = admin_client.get("/o/acme/scim/groups/", headers=GZIP | {"HX-Request": "true", "HX-Target": "groups"})

    assert [one["Content-Encoding"] for one in (missing, fragment)] == ["gzip", "gzip"]


def test_the_length_of_a_page_does_not_tell_what_it_contains(admin_client: Client) -> None:
    """BREACH: an attacker who can put text into a page compares lengths to guess a secret in it."""
    lengths = {len(admin_client.get("/o/acme/", headers=GZIP).content) for _ in range(12)}

    assert len(lengths) > 1


def test_an_export_is_sent_line_by_line(acme: models.OrganizationRow, admin_client: Client) -> None:
    connection = factories.scim_connection(acme)
    factories.scim_request(connection)

    response = admin_client.post("/o/acme/scim/log/export/", {"file_format": "csv"}, headers=GZIP)

    assert isinstance(response, StreamingHttpResponse)
    assert "Content-Encoding" not in response.headers
    assert b"".join(response).startswith(b"id,at,")


@pytest.mark.usefixtures("admin")
def test_identity_providers_get_responses_as_they_are(acme: models.OrganizationRow) -> None:
    connection = factories.scim_connection(acme, bearer_token="scim_token")
    user = factories.scim_user(connection, "pia@acme.example")
    url = f"/v1/b2b/scim/scim-connection-live-{connection.pk}/Users/scim-user-live-{user.pk}"
    headers = GZIP | {"Authorization": "Bearer scim_token"}

    response = Client().get(url, headers=headers)

    assert response.status_code == 200
    assert "Content-Encoding" not in response.headers
    assert response["ETag"].startswith('W/"')
    assert response["ETag"] == response.json()["meta"]["version"]
