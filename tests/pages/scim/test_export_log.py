"""The export of the log."""

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection as database
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories

URL = "/o/acme/scim/log/export/"
CSV, JSON_LINES = {"file_format": "csv"}, {"file_format": "jsonl"}


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def export(client: Client, data: dict[str, str]) -> Any:
    response = client.post(URL, data)
    assert response.status_code == 200
    assert isinstance(response, StreamingHttpResponse)
    return response


def text_of(response: Any) -> str:
    return b"".join(response.streaming_content).decode()


def rows(client: Client, data: dict[str, str]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(export(client, CSV | data)), newline="")))


def objects(client: Client, data: dict[str, str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text_of(export(client, JSON_LINES | data)).splitlines()]


def test_a_file_has_every_detail_of_each_request(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    entry = factories.scim_request(
        connection,
        method="POST",
        status=409,
        scim_type="uniqueness",
        detail='There is a User with the userName "x" already.',
        changed_attributes=["active", "name"],
        body='{"userName":"xxx, \\"x\\""}',
        user_agent="Okta SCIM",
    )

    [row], [found] = rows(admin_client, {}), objects(admin_client, {})

    assert list(row) == list(found)
    assert found["id"] == row["id"] == public_id("scim-request", entry.pk)
    assert found["at"] == row["at"] == entry.at.isoformat()
    assert (row["request"], row["cause"]) == ("Create a person", "User name already in use")
    assert "Assignments tab" in row["how_to_fix"]
    assert (row["status"], found["status"]) == ("409", 409)
    assert (row["changed_attributes"], found["changed_attributes"]) == ("active name", ["active", "name"])
    assert found["body"] == row["body"] == entry.body


def test_a_file_has_a_name_and_a_type_and_is_not_cached(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    for data, content_type in ((CSV, "text/csv; charset=utf-8"), (JSON_LINES, "application/jsonl; charset=utf-8")):
        response = export(admin_client, data)

        assert response["Content-Type"] == content_type
        assert response["Content-Disposition"].startswith('attachment; filename="scim-log-acme-20')
        assert response["Content-Disposition"].endswith(f'.{data["file_format"]}"')
        assert "no-store" in response["Cache-Control"]


def test_a_file_has_the_requests_of_the_filter(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    pia = public_id("scim-user", factories.scim_user(connection, "pia").pk)
    factories.scim_request(connection, path="/Users/1", resource_type="User", resource_id=pia, status=409)
    factories.scim_request(connection, path="/Users/2", resource_type="User", resource_id=pia)
    factories.scim_request(connection, path="/Groups", status=409)

    assert [row["path"] for row in rows(admin_client, {"outcome": "refused"})] == ["/Groups", "/Users/1"]
    assert [row["path"] for row in rows(admin_client, {"resource_id": pia, "outcome": "succeeded"})] == ["/Users/2"]
    page = admin_client.get("/o/acme/scim/log/", {"outcome": "refused", "resource_id": pia}).content.decode()
    assert '<input type="hidden" name="outcome" value="refused">' in page
    assert page.count(f'<input type="hidden" name="resource_id" value="{pia}">') == 2


def test_an_export_is_recorded_in_the_activity_log(
    admin_client: Client, admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    export(admin_client, CSV | {"outcome": "refused", "since": "2026-01-31T09:00"})

    entry = models.ActivityEntryRow.objects.get(action="scim_request.export")
    assert entry.after == {"outcome": "refused", "since": "2026-01-31T09:00:00+00:00"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_csv_values_cannot_be_formulas(admin_client: Client, connection: models.ScimConnectionRow, start: str) -> None:
    hostile = f"{start}cmd|' /C calc'!A0"
    factories.scim_request(
        connection,
        path=hostile,
        query=hostile,
        status=400,
        detail=hostile,
        user_agent=hostile,
        body=hostile,
        changed_attributes=[hostile],
    )

    [row], [found] = rows(admin_client, {}), objects(admin_client, {})

    for name in ("path", "query", "detail", "user_agent", "body", "changed_attributes"):
        assert row[name] == f"'{hostile}", name
    assert found["path"] == hostile


def test_a_file_is_read_while_it_is_sent(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    models.ScimRequestRow.objects.bulk_create(
        models.ScimRequestRow(
            organization_id=connection.organization_id,
            connection=connection,
            method="GET",
            path=f"/Users/{number}",
            status=200,
            duration_ms=1,
        )
        for number in range(2500)
    )

    with CaptureQueriesContext(database) as queries:
        response = export(admin_client, JSON_LINES)
        before = len(queries)
        chunks = iter(response.streaming_content)
        first = next(chunks)
        after_first = len(queries)
        rest = b"".join(chunks)

    assert len(first.splitlines()) == 200
    # A thousand rows per query, and no query before the first line is read.
    assert (after_first - before, len(queries) - after_first) == (1, 2)
    assert len(rest.splitlines()) == 2300


@pytest.mark.parametrize("data", [{}, {"file_format": "xlsx"}, CSV | {"outcome": "perhaps"}])
def test_an_invalid_format_or_filter_is_rejected(
    admin_client: Client, connection: models.ScimConnectionRow, data: dict[str, str]
) -> None:
    assert admin_client.post(URL, data).status_code == 422
    assert not models.ActivityEntryRow.objects.filter(action="scim_request.export").exists()


def test_an_export_needs_a_connection(admin_client: Client) -> None:
    assert admin_client.post(URL, CSV).status_code == 404


def test_another_organizations_requests_are_not_exported(
    admin_client: Client, connection: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    factories.scim_request(factories.scim_connection(globex), path="/Users/secret")

    assert rows(admin_client, {}) == []


def test_an_export_needs_a_csrf_token(admin: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    client = Client(enforce_csrf_checks=True)
    client.cookies = factories.signed_in(admin).cookies

    assert client.post(URL, CSV).status_code == 403
    assert not models.ActivityEntryRow.objects.filter(action="scim_request.export").exists()


def test_a_member_without_the_permission_is_rejected(
    member_client: Client, connection: models.ScimConnectionRow
) -> None:
    assert member_client.post(URL, CSV).status_code == 403
    assert not models.ActivityEntryRow.objects.filter(action="scim_request.export").exists()


def test_a_further_export_is_rejected_while_others_run(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise slow clients could occupy every thread of a process."""
    monkeypatch.setattr("portal.web.exports.claim", lambda *_: False)

    response = admin_client.post(URL, CSV)

    assert response.status_code == 429
    assert "Another export is running." in response.content.decode()
    assert not models.ActivityEntryRow.objects.filter(action="scim_request.export").exists()
