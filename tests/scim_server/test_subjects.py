"""The subject of a failed request: the name that it gives the user or group, although its body is redacted."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from portal.embedded import models
from portal.embedded.scim.log.subjects import find_subject
from tests.scim_server.conftest import Idp

LOG = "/o/acme/scim/log/"


def text_of(html: str) -> str:
    """Return the visible text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def last(idp: Idp) -> models.ScimRequestRow:
    return idp.entries[-1]


def post(path: str, **document: object) -> Callable[[Idp], Any]:
    return lambda idp: idp.send("POST", path, document)


FAILED: dict[str, tuple[Callable[[Idp], Any], int, str]] = {
    "a userName that is taken": (post("/Users", userName="LO@acme.example"), 409, "LO@acme.example"),
    "no userName": (post("/Users", displayName="Lena Fischer", externalId="l-1"), 400, "Lena Fischer"),
    "no name but an externalId": (post("/Users", externalId="l-1"), 400, "l-1"),
    "a group's name that is taken": (post("/Groups", displayName="sales"), 409, "sales"),
    "an id that isn't one": (lambda idp: idp.send("DELETE", "/Users/ada"), 404, "ada"),
    "a member who isn't managed": (
        post("/Users", userName="max@acme.example", emails=[{"value": "max@acme.example"}]),
        409,
        "max@acme.example",
    ),
    "nothing at all": (post("/Users"), 400, ""),
}


@pytest.fixture
def filled(idp: Idp, member: models.MemberRow) -> Idp:
    idp.send("POST", "/Users", {"userName": "lo@acme.example", "displayName": "Ada Lovelace"})
    idp.create_group("Sales")
    return idp


@pytest.mark.parametrize("name", FAILED)
def test_a_failed_request_shows_its_subject(filled: Idp, admin_client: Client, name: str) -> None:
    send, status, subject = FAILED[name]

    assert send(filled).status_code == status

    assert last(filled).subject == subject
    if subject:
        entry = f"{LOG}scim-request-live-{last(filled).pk}/"
        for url in (LOG, entry):
            assert subject in text_of(admin_client.get(url).content.decode())


def test_the_holder_of_the_name_is_linked(filled: Idp, admin_client: Client) -> None:
    filled.send("POST", "/Users", {"userName": "LO@acme.example"})
    filled.send("POST", "/Groups", {"displayName": "sales"})

    for row in filled.entries[-2:]:
        html = " ".join(admin_client.get(f"{LOG}scim-request-live-{row.pk}/").content.decode().split())
        assert re.search(
            r'used by <a href="/o/acme/scim/(people|groups)/scim-(user|group)-live-[\w-]+/">(Ada Lovelace|Sales)</a>',
            html,
        )


def test_a_failed_rename_names_both(filled: Idp, admin_client: Client) -> None:
    user = filled.create_user("lena@acme.example")
    filled.patch(f"/Users/{user}", {"op": "replace", "path": "userName", "value": "lo@acme.example"})

    html = admin_client.get(f"{LOG}scim-request-live-{last(filled).pk}/").content.decode()

    assert last(filled).subject == "lo@acme.example"
    assert f'href="/o/acme/scim/people/{user}/">' in html
    assert "“lo@acme.example” is used by" in html


def test_the_body_stays_redacted_and_successful_requests_have_no_subject(filled: Idp) -> None:
    filled.send("POST", "/Users", {"userName": "LO@acme.example"})

    assert "lo@" not in last(filled).body.lower()
    assert "lo@" not in last(filled).detail.lower()
    assert [row.subject for row in filled.entries if row.status < 400] == [""] * (len(filled.entries) - 1)


def test_a_request_without_the_token_has_no_subject(filled: Idp, other_idp: Idp) -> None:
    """Neither in the log of this connection nor in that of the token's connection."""
    before = len(filled.entries)
    stranger = Idp(filled.connection, other_idp.token)

    assert stranger.send("POST", "/Users", {"userName": "eve@evil.example"}).status_code == 401

    assert len(filled.entries) > before
    assert {row.subject for row in [*filled.entries, *other_idp.entries]} == {""}


def test_a_deleted_connection_and_another_organization_have_no_links(
    filled: Idp, other_idp: Idp, other_admin_client: Client
) -> None:
    other_idp.send("POST", "/Users", {"displayName": "Ada Lovelace", "userName": ""})
    models.ScimRequestRow.objects.filter(connection=other_idp.connection).update(subject="lo@acme.example")

    html = other_admin_client.get(LOG.replace("acme", "globex")).content.decode()

    assert "lo@acme.example" in html
    assert "used by" not in html


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        ({"USERNAME": "ada"}, "ada"),
        ({"userName": " "}, ""),
        ({"userName": {"formatted": 1}}, ""),
        ({"name": {"givenName": "Ada", "familyName": "Lovelace"}}, "Ada Lovelace"),
        ({"name": {"formatted": "Countess"}, "emails": [{"value": "lo@acme.example"}]}, "Countess"),
        ({"emails": [{"value": "lo@acme.example"}, {"value": "x"}]}, "lo@acme.example"),
        ({"emails": [[[["deep"]]]]}, "deep"),
        ({"Operations": [{"op": "replace", "value": {"userName": "ada"}}]}, "ada"),
        ({"Operations": [{"op": "replace", "path": "externalId", "value": "a-1"}]}, "a-1"),
        ({"Operations": [1, {"op": "replace", "path": "userName", "value": ["x"]}]}, "x"),
        ({"Operations": "x"}, ""),
        (None, ""),
    ],
)
def test_a_subject_is_found_in_any_body(body: Any, subject: str) -> None:
    assert find_subject(body, "User") == subject
