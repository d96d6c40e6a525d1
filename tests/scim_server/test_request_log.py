"""The request log: an entry for each request of a connection, complete and without personal values."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from django.core.management import call_command
from django.db import DatabaseError, OperationalError
from django.utils import timezone
from pytest_django import Settings

from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.database import batches
from portal.embedded.scim.log import entries, pruning
from portal.embedded.scim.log.redaction import redact_detail
from tests import factories
from tests.scim_server.conftest import Idp

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ADA = {
    "schemas": [USER],
    "userName": "ada@acme.com",
    "externalId": "ada-1815",
    "password": "correct horse",
    "name": {"givenName": "Ada", "familyName": "Lovelace"},
    "emails": [{"value": "ada@acme.com", "type": "work", "primary": True}],
    "active": True,
}
PERSONAL = ("ada", "Ada", "Lovelace", "acme.com", "1815", "correct horse", "horse")


def last(idp: Idp) -> models.ScimRequestRow:
    return idp.entries[-1]


def test_an_entry_has_client_request_and_response(idp: Idp) -> None:
    response = idp.send("POST", "/Users", ADA, **{"User-Agent": "Okta SCIM Client 1.0.0"})

    entry = last(idp)
    assert (entry.method, entry.path, entry.query, entry.status) == ("POST", "/Users", "", 201)
    assert (entry.resource_type, entry.resource_id) == ("User", response.json()["id"])
    assert entry.changed_attributes == ["active", "emails", "externalId", "name", "userName"]
    assert (entry.ip_address, entry.user_agent) == ("127.0.0.1", "Okta SCIM Client 1.0.0")
    assert entry.request_id == response["X-Request-ID"]
    assert entry.token_last_four == idp.token[-4:]
    assert (entry.scim_type, entry.detail, entry.is_body_cut) == ("", "", False)
    assert timezone.now() - entry.at < timedelta(minutes=1)
    assert entry.duration_ms < 60_000
    assert entry.organization_id == idp.connection.organization_id


def test_a_body_keeps_its_structure_and_no_personal_values(idp: Idp) -> None:
    idp.send("POST", "/Users", ADA)

    body = last(idp).body
    assert json.loads(body) == {
        "schemas": [USER],
        "userName": "xxx@xxxx.xxx",
        "externalId": "xxx-0000",
        "password": "***",
        "name": {"givenName": "Xxx", "familyName": "Xxxxxxxx"},
        "emails": [{"value": "xxx@xxxx.xxx", "type": "work", "primary": True}],
        "active": True,
    }
    assert not any(text in body for text in PERSONAL)


def requests_about_ada(idp: Idp, user: str, group: str) -> list[tuple[str, str, Any]]:
    value = {"value": user, "display": "Ada Lovelace"}
    return [
        ("GET", '/Users?filter=userName eq "ada@acme.com"&cursor=ada', None),
        ("GET", "/Users?filter=userName eq ada@acme.com", None),
        ("GET", '/Users?filter=ada eq "Lovelace', None),
        ("GET", '/Users?filter="ada" eq "Lovelace"', None),
        ("GET", '/Users?filter=userName "ada"', None),
        ("GET", "/Users?ada@acme.com&x=Lovelace&sortBy=Lovelace&attributes=userName,Ada", None),
        ("GET", "/Users/ada@acme.com", None),
        ("GET", "/ada/Lovelace", None),
        ("POST", "/Users", ADA),
        ("PUT", f"/Users/{user}", {"userName": "Ada"}),
        ("POST", "/Users/.search", {"filter": 'emails[value eq "ada@acme.com"]', "attributes": ["Lovelace"]}),
        ("PATCH", f"/Users/{user}", {"Operations": [{"op": "replace", "path": "password", "value": "horse"}]}),
        ("PATCH", f"/Users/{user}", {"Operations": [{"op": "replace", "value": {f"{USER}:password": ["horse"]}}]}),
        ("PATCH", f"/Users/{user}", {"Operations": [{"op": "add", "path": "nickName", "value": "Ada"}]}),
        ("PATCH", f"/Users/{user}", {"Operations": [{"op": "add", "value": {'emails[value eq "ada"].value': "ada"}}]}),
        ("PATCH", f"/Users/{user}", {"Operations": [{"op": "add", "path": 'x[value eq "ada"].y', "value": 1}]}),
        ("PATCH", f"/Users/{user}", {"Operations": [{"op": "Ada Lovelace", "path": 'emails[value eq "ada"]'}]}),
        ("PATCH", f"/Groups/{group}", {"Operations": [{"op": "add", "path": "members", "value": [value]}]}),
        ("PATCH", f"/Groups/{group}", {"Operations": [{"op": "add", "path": "members", "value": [{"value": "ada"}]}]}),
        ("POST", "/Users", {"Ada Lovelace": 1, "userName": ["ada"], "x": {"y": {"z": "Ada"}}, "n": 1815}),
        ("POST", "/Users", {"userName": {"password": {"deep": ["horse", 1815]}}}),
        (
            "POST",
            "/Bulk",
            {"Operations": [{"method": "POST", "path": "/Users", "bulkId": "ada@acme.com", "data": ADA}]},
        ),
        ("POST", "/Nothing", ADA),
    ]


def test_no_entry_has_personal_values(idp: Idp) -> None:
    idp.send("POST", "/Users", ADA)
    user, group = idp.create_user("grace"), idp.create_group("Everyone")
    requests = requests_about_ada(idp, user, group)

    for request in requests:
        idp.send(*request)

    entries = idp.entries
    assert len(entries) == len(requests) + 3
    for entry in entries:
        shown = str([entry.path, entry.query, entry.detail, entry.body, entry.resource_id])
        # An id can contain three such letters by chance.
        shown = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", shown)
        assert not [text for text in PERSONAL if text in shown], shown


def test_values_of_the_protocol_stay_readable(idp: Idp) -> None:
    user, group = idp.create_user("grace"), idp.create_group("Sales")
    assert '"displayName":"Sales"' in last(idp).body

    idp.patch(f"/Groups/{group}", {"op": "Add", "path": "members", "value": [{"value": user}]})
    body = last(idp).body
    assert '"op":"Add","path":"members"' in body
    assert user in body
    assert last(idp).changed_attributes == ["members"]

    idp.patch(f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{user}"]'})
    assert json.loads(last(idp).body)["Operations"][0]["path"] == f'members[value eq "{user}"]'

    idp.patch(f"/Users/{user}", {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "g@acme.com"})
    assert json.loads(last(idp).body)["Operations"] == [
        {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "x@xxxx.xxx"}
    ]
    assert last(idp).changed_attributes == ["emails"]

    idp.patch(f"/Users/{user}", {"op": "Replace", "path": "active", "value": "False"})
    assert '"value":"False"' in last(idp).body
    assert (last(idp).path, last(idp).resource_id) == (f"/Users/{user}", user)

    idp.get("/Groups", filter='displayName eq "Sales" and meta.created gt "2026-01-01T00:00:00Z"', count=5)
    assert last(idp).query == 'filter=displayName eq "Sales" and meta.created gt "2026-01-01T00:00:00Z"&count=5'
    idp.get("/Users", filter='userName sw "gr"', sortBy="name.familyName", attributes="emails.value")
    assert last(idp).query == 'filter=userName sw "xx"&sortBy=name.familyName&attributes=emails.value'


def test_error_messages_are_kept(idp: Idp) -> None:
    idp.create_user("ada")
    idp.send("POST", "/Users", {"userName": "ada"})
    assert (last(idp).status, last(idp).scim_type) == (409, "uniqueness")
    assert last(idp).detail == 'There is already a User with the userName "xxx".'

    idp.create_group("Sales")
    idp.send("POST", "/Groups", {"displayName": "Sales"})
    assert last(idp).detail == 'There is already a Group with the displayName "Sales".'

    idp.send("POST", "/Users", {"userName": 'Bob "Ace" Smith'})
    idp.send("POST", "/Users", {"userName": 'Bob "Ace" Smith'})
    assert "Ace" not in last(idp).detail
    user = idp.create_user("grace")
    idp.patch(f"/Users/{user}", {"op": "add", "path": "favoriteColor", "value": "red"})
    assert '"favoriteColor"' in last(idp).detail
    assert '"path":"favoriteColor"' in last(idp).body
    assert last(idp).changed_attributes == []


@pytest.mark.parametrize(
    ("status", "method", "path", "options"),
    [
        (404, "GET", "/Users/scim-user-live-0", {}),
        (404, "GET", "/Nothing", {}),
        (405, "DELETE", "/Users", {}),
        (415, "POST", "/Users", {"body": {}, "content_type": "text/plain"}),
        (400, "POST", "/Users", {}),
        (413, "POST", "/Users", {"body": {"userName": "x" * 2000}}),
    ],
)
def test_a_failed_request_is_logged(
    idp: Idp, settings: Settings, status: int, method: str, path: str, options: dict[str, Any]
) -> None:
    settings.SCIM_MAX_BODY_BYTES = 1000

    assert idp.send(method, path, **options).status_code == status

    assert [(entry.status, entry.method) for entry in idp.entries] == [(status, method)]
    assert last(idp).detail
    assert last(idp).body == ""


def test_an_unknown_token_is_logged_for_the_connection_in_the_url(idp: Idp) -> None:
    caller = Idp(idp.connection, "scim_not-the-token-of-acme-wxyz")
    caller.get("/Users")

    assert (last(idp).status, last(idp).token_last_four) == (401, "wxyz")


def test_a_token_at_another_connections_url_is_logged_for_both(idp: Idp, other_idp: Idp) -> None:
    Idp(idp.connection, other_idp.token).get("/Users")

    assert [(entry.status, entry.refusal) for entry in idp.entries] == [(401, "foreign_token")]
    assert [(entry.status, entry.refusal) for entry in other_idp.entries] == [(401, "other_address")]
    assert public_id("scim-connection", idp.connection.pk) not in last(other_idp).path
    assert last(idp).organization_id == idp.connection.organization_id


REJECTIONS: dict[str, Callable[[Idp], object]] = {
    "no_token": lambda idp: idp.client.get(f"{idp.base}/Users"),
    "no_bearer": lambda idp: idp.client.get(f"{idp.base}/Users", headers={"Authorization": idp.token}),
    "unknown_token": lambda idp: Idp(idp.connection, "scim_unknown-unknown").get("/Users"),
    "expired_token": lambda idp: idp.tokens.update(expires_at=timezone.now()) and idp.get("/Users"),
    "revoked_token": lambda idp: idp.tokens.update(revoked_at=timezone.now()) and idp.get("/Users"),
    "connection_deleted": lambda idp: models.ScimConnectionRow.objects.update(status="deleted") and idp.get("/Users"),
    "no_connection_id": lambda idp: idp.client.get(
        "/v1/b2b/scim/Users", headers={"Authorization": f"Bearer {idp.token}"}
    ),
}


@pytest.mark.parametrize("rejection", REJECTIONS)
def test_the_log_says_why_a_request_was_rejected(idp: Idp, rejection: str) -> None:
    REJECTIONS[rejection](idp)

    assert [(entry.status, entry.refusal) for entry in idp.entries] == [(401, rejection)]


def test_an_admitted_request_has_no_rejection(idp: Idp) -> None:
    idp.get("/Users/none")

    assert (last(idp).status, last(idp).refusal) == (404, "")


@pytest.mark.parametrize("written", ["Bearer  {}", " bearer {} ", "Bearer Bearer {}", "BEARER bearer  {}"])
def test_variants_of_the_authorization_header_are_accepted(idp: Idp, written: str) -> None:
    answer = idp.client.get(f"{idp.base}/Users", headers={"Authorization": written.format(idp.token)})

    assert (answer.status_code, last(idp).token_last_four) == (200, idp.token[-4:])


def test_a_request_without_a_connection_is_not_logged(idp: Idp) -> None:
    idp.client.get("/v1/b2b/scim/none/Users", headers={"Authorization": "Bearer scim_none"})

    assert not models.ScimRequestRow.objects.exists()


def test_failures_are_logged(idp: Idp) -> None:
    for error, status in ((RuntimeError("ada"), 500), (OperationalError("gone"), 503)):
        with patch("portal.embedded.scim.protocol.users.find_unique", side_effect=error):
            idp.get("/Users")
        assert last(idp).status == status


@pytest.mark.parametrize("error", [DatabaseError("full"), RuntimeError("anything")])
def test_a_failing_log_does_not_fail_requests(idp: Idp, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    with patch.object(entries, "count_requests", side_effect=error):
        assert idp.send("POST", "/Users", ADA).status_code == 201

    assert "scim_request_not_logged" in caplog.text
    assert idp.entries == []
    assert models.ScimUserRow.objects.count() == 1


def test_a_long_body_is_cut_and_marked(idp: Idp) -> None:
    group = idp.create_group("Everyone")
    members = [{"value": f"scim-user-live-00000000-0000-7000-8000-{n:012}"} for n in range(5000)]

    idp.patch(f"/Groups/{group}", {"op": "remove", "path": "members", "value": members})

    assert last(idp).status == 200
    assert last(idp).is_body_cut
    assert 15_000 < len(last(idp).body) <= 16_384
    assert len(json.loads(last(idp).body)["Operations"][0]["value"]) < 5000


@pytest.mark.parametrize("text", ["x" * 50_000, '"' * 50_000, "\u0007" * 50_000, "é" * 50_000])
def test_a_long_text_is_cut(idp: Idp, text: str) -> None:
    idp.send("POST", "/Users", {"userName": "a", "nickName": text, "title": text})

    assert last(idp).is_body_cut
    assert len(last(idp).body) <= 16_384


@pytest.mark.parametrize(
    "path", ["/Users/%00", "/Users/%ff", "/Users?filter=%00%ff", "/" + "x" * 2000, "/Users?" + "a=b&" * 900]
)
def test_requests_with_unusual_paths_are_logged(idp: Idp, path: str) -> None:
    idp.send("GET", path, **{"User-Agent": "\u00e4" * 1000})

    assert len(idp.entries) == 1


def test_a_change_without_effect_names_no_attribute(idp: Idp) -> None:
    user = idp.create_user("ada")

    idp.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": True})
    assert last(idp).changed_attributes == []
    idp.send("DELETE", f"/Users/{user}")
    assert (last(idp).status, last(idp).changed_attributes) == (204, [])


# With partitions, whole ones are dropped (tests/embedded/database/test_partitions.py).
@pytest.mark.unpartitioned
def test_old_entries_are_deleted_in_batches(idp: Idp, settings: Settings) -> None:
    settings.SCIM_LOG_DAYS = 30
    with time_machine.travel(timezone.now() - timedelta(days=30, minutes=1), tick=False):
        for _ in range(5):
            factories.scim_request(idp.connection)
    with time_machine.travel(timezone.now() - timedelta(days=29), tick=False):
        kept = factories.scim_request(idp.connection)
    out = StringIO()

    with patch.object(batches, "BATCH", 2):
        assert pruning.prune(limit=3) == 3
        call_command("prunescimrequests", "--json", stdout=out)

    assert json.loads(out.getvalue()) == {"deleted": "2", "kept_days": "30", "kept_entries": "1000000"}
    assert idp.entries == [kept]
    call_command("prunescimrequests", stdout=out)
    assert "Deleted 0 log entries. Kept 30 days and 1,000,000 entries per connection." in out.getvalue()


def test_a_connection_keeps_a_limited_number_of_entries(
    idp: Idp, globex: models.OrganizationRow, settings: Settings
) -> None:
    settings.SCIM_LOG_ENTRIES = 3
    other = factories.scim_connection(globex)
    for _ in range(7):
        factories.scim_request(idp.connection)
    of_other = [factories.scim_request(other) for _ in range(3)]
    newest = list(models.ScimRequestRow.objects.filter(connection=idp.connection).order_by("-pk")[:3])

    assert [pruning.prune(limit=2), pruning.prune(), pruning.prune()] == [2, 2, 0]
    assert list(models.ScimRequestRow.objects.filter(connection=idp.connection).order_by("-pk")) == newest
    assert list(models.ScimRequestRow.objects.filter(connection=other).order_by("pk")) == of_other


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ('"ada@acme.com" is a member already.', '"xxx@xxxx.xxx" is a member already.'),
        ("ada@acme.com is the last admin.", "xxx@xxxx.xxx is the last admin."),
        ('There is no User "Ada "A" L".', 'There is no User "Xxx "X" X".'),
        ('There is no "ada".', 'There is no "xxx".'),
        ('"shoeSize" must be a number.', '"shoeSize" must be a number.'),
        ('"emails" has no "ada".', '"emails" has no "xxx".'),
        (
            'The filter has ""ada"" where a comparison should be.',
            'The filter has ""xxx"" where a comparison should be.',
        ),
        ('"schemas" must contain "urn:x:2.0:Y".', '"schemas" must contain "urn:x:2.0:Y".'),
        ('Everybody is so by the group "Sales".', 'Everybody is so by the group "Sales".'),
    ],
)
def test_personal_values_in_error_messages_are_masked(said: str, kept: str) -> None:
    assert redact_detail(said) == kept


def test_ids_in_error_messages_are_kept(idp: Idp) -> None:
    user = idp.create_user("grace")
    idp.send("DELETE", f"/Users/{user}")
    idp.get(f"/Users/{user}")

    assert last(idp).detail == f'There is no User "{user}".'


def test_the_log_names_an_unsupported_content_encoding(idp: Idp) -> None:
    response = idp.send("POST", "/Users", b"x", **{"Content-Encoding": "gzip, br"})
    assert (response.status_code, response["Accept-Encoding"]) == (415, "identity")
    assert 'encoded as "gzip, br"' in response.json()["detail"]

    for encoding in ("gzip", "BR", "identity"):
        idp.send("POST", "/Users", b"{}", **{"Content-Encoding": encoding})
        is_read = encoding == "identity"
        assert (last(idp).status, f'encoded as "{encoding}"' in last(idp).detail) == (
            400 if is_read else 415,
            not is_read,
        )


def test_the_log_names_attributes_as_entra_writes_them(idp: Idp) -> None:
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

    idp.send("GET", f"/Users?aadOptscim062020&filter={urn}.manager+eq+%22ada%22+and+manager.value+pr")

    assert f"filter={urn}.manager eq " in last(idp).query
    assert last(idp).query.endswith(" and manager.value pr")
    assert "ada" not in last(idp).query.removeprefix("aadOptscim062020")
