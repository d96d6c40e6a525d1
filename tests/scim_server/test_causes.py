"""Every cause is recognized in a real request, and explained in the terms of each identity provider."""

import gzip
import re
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.utils import timezone

from portal.directory.ids import public_id, uuid7
from portal.directory.scim.connection import ScimIdentityProvider
from portal.embedded import models
from portal.embedded.database.time_limit import TimeLimitReached
from portal.embedded.scim.log.reading import request_value
from scim_admin.causes import CAUSES, explain
from tests import factories
from tests.scim_server.conftest import Idp

Send = Callable[[Idp], object]
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
NOBODY = "scim-user-live-00000000-0000-7000-8000-000000000000"


def with_header(idp: Idp, authorization: str) -> object:
    return idp.client.get(f"{idp.base}/Users", headers={"Authorization": authorization})


def at(idp: Idp, path: str) -> object:
    return idp.client.get(path, headers={"Authorization": f"Bearer {idp.token}"})


def connection_id(idp: Idp) -> str:
    return public_id("scim-connection", idp.connection.pk)


def foreign_token(idp: Idp) -> object:
    factories.scim_connection(factories.organization("globex"), bearer_token="scim_token-of-globex")
    return with_header(idp, "Bearer scim_token-of-globex")


def other_address(idp: Idp) -> object:
    other = factories.scim_connection(factories.organization("globex"))
    return at(idp, f"/v1/b2b/scim/{public_id('scim-connection', other.pk)}/Users")


def paused(idp: Idp) -> object:
    models.ScimConnectionRow.objects.update(paused_at=timezone.now())
    return idp.get("/Users")


def change(name: str, value: Any, send: Send) -> Send:
    def changed(idp: Idp) -> object:
        from django.test import override_settings  # noqa: PLC0415 -- used here alone

        with override_settings(**{name: value}):
            return send(idp)

    return changed


def twice(method: str, path: str, body: dict[str, Any]) -> Send:
    return lambda idp: [idp.send(method, path, body) for _ in range(2)]


def patched(path: str, error: Exception) -> Send:
    def call(idp: Idp) -> object:
        with patch(path, side_effect=error):
            return idp.get("/Users", filter="title pr")

    return call


def patch_user(**operation: Any) -> Send:
    return lambda idp: idp.patch(f"/Users/{idp.create_user('ada')}", operation)


def patch_group(**operation: Any) -> Send:
    return lambda idp: idp.patch(f"/Groups/{idp.create_group('Sales')}", operation)


def conflict(idp: Idp) -> object:
    factories.member(idp.connection.organization, "ada@acme.example")
    return idp.send("POST", "/Users", {"userName": "ada@acme.example"})


def last_admin(idp: Idp) -> object:
    user = idp.create_user("ada@acme.example")
    models.MemberRow.objects.update(direct_roles=["stytch_admin"])
    return idp.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": False})


def everybody_goes(idp: Idp) -> object:
    users = [idp.create_user(f"person{n}@acme.example") for n in range(12)]
    return [idp.send("DELETE", f"/Users/{user}") for user in users]


def everybody_leaves_a_group(idp: Idp) -> object:
    group = idp.create_group("Sales", [idp.create_user(f"person{n}@acme.example") for n in range(12)])
    factories.group_role(models.ScimGroupRow.objects.get(), "it_support")
    return idp.patch(f"/Groups/{group}", {"op": "remove", "path": "members"})


def in_itself(idp: Idp) -> object:
    group = idp.create_group("Sales")
    return idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": group}]})


def bulk(*operations: dict[str, Any]) -> dict[str, Any]:
    return {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": list(operations)}


def next_page_too_late(idp: Idp) -> object:
    for name in ("ada", "bob"):
        idp.create_user(name)
    cursor = idp.get("/Users", cursor="", count=1).json()["nextCursor"]
    with patch("portal.embedded.scim.protocol.pagination.CURSOR_SECONDS", -1):
        return idp.get("/Users", cursor=cursor, count=1)


MANY = [{"value": NOBODY}] * 200
REQUESTS: dict[str, tuple[Send, ...]] = {
    "no-token": (lambda idp: idp.client.get(f"{idp.base}/Users"),),
    "no-bearer": (
        lambda idp: with_header(idp, idp.token),
        lambda idp: with_header(idp, "Basic YWRhOmFkYQ=="),
    ),
    "unknown-token": (lambda idp: with_header(idp, "Bearer scim_made-up"), lambda idp: with_header(idp, "Bearer x")),
    "expired-token": (lambda idp: idp.tokens.update(expires_at=timezone.now()) and idp.get("/Users"),),
    "revoked-token": (lambda idp: idp.tokens.update(revoked_at=timezone.now()) and idp.get("/Users"),),
    "foreign-token": (foreign_token,),
    "other-address": (other_address,),
    "no-connection-id": (
        lambda idp: at(idp, "/v1/b2b/scim/Users"),
        lambda idp: at(idp, f"/v1/b2b/scim/v2/{connection_id(idp)}/Users"),
        lambda idp: at(idp, f"{idp.base[:-3]}/Users"),
    ),
    "connection-deleted": (
        lambda idp: models.ScimConnectionRow.objects.update(status="deleted") and idp.get("/Users"),
    ),
    "plain-http": (change("SECURE_SSL_REDIRECT", True, lambda idp: idp.get("/Users")),),
    "wrong-prefix": (
        lambda idp: at(idp, f"/scim/v2/{connection_id(idp)}/Users"),
        lambda idp: at(idp, f"/b2b/scim/{connection_id(idp)}/Users"),
        lambda idp: at(idp, f"/{connection_id(idp)}/Users"),
        lambda idp: at(idp, f"/scim/{connection_id(idp)}"),
    ),
    "doubled-base-url": (lambda idp: idp.get(f"{idp.base}/Users"), lambda idp: idp.get(f"/{connection_id(idp)}/Users")),
    "query-in-base-url": (lambda idp: at(idp, f"{idp.base}?aadOptscim062020/Users"),),
    "base-url-alone": (lambda idp: idp.get(""), lambda idp: idp.get("/")),
    "doubled-endpoint": (
        lambda idp: idp.get("/Users/Users"),
        lambda idp: idp.get("/Groups/Users"),
        lambda idp: idp.get("/Users/Users/", filter='userName eq "ada"'),
        lambda idp: idp.send("POST", "/Users/Users", {"userName": "ada"}),
        lambda idp: idp.get(f"/Groups/Groups/{NOBODY}"),
    ),
    "scim-v2-appended": (
        lambda idp: idp.get("/scim/v2/Users"),
        lambda idp: idp.get("/v2/Users"),
        lambda idp: idp.get("/scim/Groups"),
    ),
    "endpoint-spelling": (
        lambda idp: idp.get("/users"),
        lambda idp: idp.get("/User"),
        lambda idp: idp.get("/ServiceProviderConfigs"),
    ),
    "unknown-endpoint": (lambda idp: idp.get("/Entitlements"), lambda idp: idp.get("/Roles/1")),
    "too-many-requests": (
        change("SCIM_RATE_PER_CONNECTION", "1 per minute", lambda idp: [idp.get("/Users"), idp.get("/Users")]),
    ),
    "paused": (paused,),
    "on_hold": (everybody_goes,),
    "removal-on-hold": (everybody_leaves_a_group,),
    "unavailable": (patched("portal.embedded.scim.protocol.users.find_unique", OperationalError("gone")),),
    "internal-error": (patched("portal.embedded.scim.protocol.users.find_unique", RuntimeError("oops")),),
    "method-not-offered": (lambda idp: idp.send("DELETE", "/Users"),),
    "me-not-offered": (lambda idp: idp.get("/Me"),),
    "discovery-filtered": (lambda idp: idp.get("/Schemas", filter='id eq "x"'),),
    "version-mismatch": (
        lambda idp: idp.send("PUT", f"/Users/{idp.create_user('ada')}", {"userName": "bob"}, **{"If-Match": 'W/"1"'}),
    ),
    "expired-cursor": (next_page_too_late,),
    "invalid-cursor": (lambda idp: idp.get("/Users", cursor="made-up"),),
    "invalid-count": (lambda idp: idp.get("/Users", cursor="", count="many"),),
    "user-name-taken": (
        twice("POST", "/Users", {"userName": "ada"}),
        twice("POST", "/Users", {"userName": "a@b.example"}),
    ),
    "conflict-waiting": (conflict,),
    "last-admin": (last_admin,),
    "group-name-taken": (twice("POST", "/Groups", {"displayName": "Sales"}),),
    "unknown-user": (
        lambda idp: idp.get(f"/Users/{NOBODY}"),
        lambda idp: idp.send("DELETE", "/Users/00u1abcdefGHIJKLmnop"),
        lambda idp: idp.patch("/Users/ada@acme.example", {"op": "replace", "path": "active", "value": False}),
    ),
    "unknown-group": (lambda idp: idp.get(f"/Groups/{public_id('scim-group', uuid7())}"),),
    "unknown-member": (
        patch_group(op="add", path="members", value=[{"value": NOBODY}]),
        lambda idp: idp.send("POST", "/Groups", {"displayName": "Sales", "members": [{"value": "made-up"}]}),
    ),
    "member-without-id": (patch_group(op="add", path="members", value=[{"display": "Ada"}]),),
    "group-in-itself": (in_itself,),
    "too-many-members": (change("SCIM_MAX_MEMBERS", 100, patch_group(op="add", path="members", value=MANY)),),
    "too-many-operations": (
        change(
            "SCIM_MAX_OPERATIONS", 1, lambda idp: idp.patch(f"/Users/{idp.create_user('ada')}", *[{"op": "add"}] * 2)
        ),
        change("SCIM_MAX_OPERATIONS", 1, lambda idp: idp.send("POST", "/Bulk", bulk({}, {}))),
        change("SCIM_MAX_COMPARISONS", 0, patch_user(op="replace", path="title", value="x")),
    ),
    "body-too-large": (
        change("SCIM_MAX_VALUES", 2, lambda idp: idp.send("POST", "/Users", {"userName": "ada", "x": [1, 2]})),
        change("SCIM_MAX_BODY_BYTES", 100, lambda idp: idp.send("POST", "/Users", {"userName": "x" * 200})),
    ),
    "resource-too-large": (
        change("SCIM_MAX_ELEMENTS", 50, patch_user(op="add", path="entitlements", value=[str(n) for n in range(51)])),
        change("SCIM_MAX_RESOURCE_LENGTH", 500, patch_user(op="add", path="title", value="x" * 500)),
    ),
    "user-name-missing": (
        lambda idp: idp.send("POST", "/Users", {"displayName": "Ada"}),
        lambda idp: idp.send("POST", "/Users", {"userName": " "}),
    ),
    "display-name-missing": (lambda idp: idp.send("POST", "/Groups", {"members": []}),),
    "content-encoding": (
        lambda idp: idp.send("POST", "/Users", gzip.compress(b'{"userName": "ada"}'), **{"Content-Encoding": "gzip"}),
    ),
    "content-type": (lambda idp: idp.send("POST", "/Users", {"userName": "ada"}, content_type="text/xml"),),
    "not-json": (
        lambda idp: idp.send("POST", "/Users", b"{userName: ada}"),
        lambda idp: idp.send("POST", "/Users"),
        lambda idp: idp.send("POST", "/Users", b'{"x": NaN}'),
    ),
    "not-an-object": (
        lambda idp: idp.send("POST", "/Users", b"[]"),
        lambda idp: idp.send("POST", "/Users", b'{"userName": "ada", "username": "bob"}'),
        lambda idp: idp.send("POST", "/Users", b'{"x": ' + b"[" * 40 + b"]" * 40 + b"}"),
        lambda idp: idp.send("POST", "/Users", b'{"userName": "\\u0000"}'),
    ),
    "schemas-missing": (lambda idp: idp.send("POST", "/Users/.search", {"filter": "userName pr"}),),
    "patch-operations": (
        lambda idp: idp.send("PATCH", f"/Users/{idp.create_user('ada')}", {"active": False}),
        patch_user(op="set", path="active", value=True),
        patch_user(op="add", path="active"),
        patch_user(op="add", value="ada"),
    ),
    "read-only": (
        patch_user(op="replace", path="meta.created", value="2026-01-01T00:00:00Z"),
        patch_user(op="remove", path="userName"),
    ),
    "no-target": (
        patch_user(op="replace", path='emails[type eq "home"].value', value="ada@acme.example"),
        patch_user(op="remove"),
    ),
    "unsupported-attribute": (
        patch_user(op="add", path="favoriteColor", value="red"),
        patch_user(op="add", path="name.nickName", value="Ada"),
    ),
    "invalid-filter": (
        lambda idp: idp.get("/Users", filter="userName eq ada@acme.example"),
        lambda idp: idp.get("/Users", filter='favoriteColor eq "red"'),
        lambda idp: idp.get("/Users", filter='active gt "true"'),
    ),
    "list-too-expensive": (
        lambda idp: idp.get("/Users", filter=" or ".join(['emails co "x"'] * 21)),
        patched("portal.embedded.scim.protocol.pagination.time_limit", TimeLimitReached()),
    ),
    "value-too-long": (lambda idp: idp.send("POST", "/Users", {"userName": "x" * 300}),),
    "list-parameters": (
        lambda idp: idp.get("/Users", startIndex="first"),
        lambda idp: idp.get("/Users", attributes="userName", excludedAttributes="name"),
    ),
    "wrong-value": (
        lambda idp: idp.send("POST", "/Users", {"userName": "ada", "active": "perhaps"}),
        lambda idp: idp.send("POST", "/Users", {"userName": "ada", "name": "Ada Lovelace"}),
    ),
    "syntax": (lambda idp: idp.send("POST", "/Users/.search", {"schemas": [SEARCH], "count": True}),),
}


CASES = {f"{code}-{number}": (code, send) for code, some in REQUESTS.items() for number, send in enumerate(some)}


@pytest.mark.parametrize(("code", "send"), CASES.values(), ids=CASES)
def test_a_cause_is_recognized(idp: Idp, code: str, send: Send) -> None:
    send(idp)

    entry = idp.entries[-1]
    explanation = explain(request_value(entry), ScimIdentityProvider.OKTA)
    assert explanation is not None, (entry.path, entry.detail)
    assert explanation.code == code, (entry.path, entry.detail)


def test_every_cause_has_a_request(idp: Idp) -> None:
    assert sorted(REQUESTS) == sorted({cause.code for cause in CAUSES})
    assert len(CAUSES) == len({cause.code for cause in CAUSES}) > 25


@pytest.mark.parametrize("identity_provider", list(ScimIdentityProvider))
def test_every_cause_is_explained_for_every_identity_provider(identity_provider: ScimIdentityProvider) -> None:
    from scim_admin.causes.words import words_for  # noqa: PLC0415 -- used here alone

    for cause in CAUSES:
        said = cause.explain(words_for(identity_provider), identity_provider)
        for text in (said.cause, said.fix):
            assert re.search(r"[{}]", text) is None, text
            assert text.endswith("."), text
            assert "  " not in text, text
        assert not said.title.endswith("."), said.title
        # One line of a row.
        assert 0 < len(said.hint) <= 70, said.hint
        assert not re.search(r"[{}]|[.]$", said.hint), said.hint
        assert all(step[0].isupper() and step.endswith(".") for step in said.steps), said.steps


def test_a_successful_request_has_no_explanation(idp: Idp) -> None:
    idp.get("/Users")

    assert explain(request_value(idp.entries[-1]), ScimIdentityProvider.OKTA) is None


def test_a_fix_names_the_fields_of_the_identity_provider(idp: Idp) -> None:
    with_header(idp, "Bearer scim_made-up")
    entry = request_value(idp.entries[-1])

    for identity_provider, field in (
        (ScimIdentityProvider.OKTA, "HTTP Header › Authorization"),
        (ScimIdentityProvider.MICROSOFT_ENTRA, "Secret token"),
        (ScimIdentityProvider.JUMPCLOUD, "Token Key"),
    ):
        explanation = explain(entry, identity_provider)
        assert explanation
        assert field in explanation.fix
