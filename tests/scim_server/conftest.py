"""A client that speaks SCIM to a connection, as an identity provider does."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test import Client

from portal.directory.ids import public_id
from portal.directory.scim.connection import ScimIdentityProvider
from portal.embedded import models
from tests import factories

USER_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Idp:
    """An identity provider with the address and token of one connection."""

    connection: models.ScimConnectionRow
    token: str
    client: Client = field(default_factory=Client)
    # Whether Entra's parameter is on each address, as it is on the tenant URL.
    has_entra_flag: bool = False

    @property
    def base(self) -> str:
        return f"/v1/b2b/scim/{public_id('scim-connection', self.connection.pk)}"

    @property
    def tokens(self) -> QuerySet[models.ScimTokenRow]:
        return models.ScimTokenRow.objects.filter(connection=self.connection)

    @property
    def entries(self) -> list[models.ScimRequestRow]:
        """What the request log has of the connection, oldest first."""
        return list(self.connection.requests.order_by("id"))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method,
            f"{self.base}{path}{self._flag(path)}",
            body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b"",
            content_type=headers.pop("content_type", "application/scim+json"),
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )

    def _flag(self, path: str) -> str:
        return f"{'&' if '?' in path else '?'}{ENTRA_FLAG}" if self.has_entra_flag else ""

    def get(self, path: str, **query: str | int) -> Any:
        query |= {ENTRA_FLAG: ""} if self.has_entra_flag else {}
        return self.client.get(f"{self.base}{path}", query, headers={"Authorization": f"Bearer {self.token}"})

    def create_user(self, user_name: str, **more: Any) -> str:
        answer = json.loads(
            self.send("POST", "/Users", {"schemas": [USER_SCHEMA], "userName": user_name, **more}).content
        )
        return str(answer["id"])

    def create_group(self, display_name: str, members: list[str] | None = None) -> str:
        body: dict[str, Any] = {"schemas": [GROUP_SCHEMA], "displayName": display_name}
        if members:
            body["members"] = [{"value": member} for member in members]
        return str(json.loads(self.send("POST", "/Groups", body).content)["id"])

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> Any:
        return self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": list(operations)}, **headers)

    def members(self, group: str) -> set[str]:
        return {member["value"] for member in self.get(f"/Groups/{group}").json().get("members", [])}


ENTRA_FLAG = "aadOptscim062020"
OKTA, ENTRA = ScimIdentityProvider.OKTA, ScimIdentityProvider.MICROSOFT_ENTRA
# What a test can run on: of which identity provider a connection is, and whether it is strict.
CONNECTIONS = {"okta": (OKTA, False), "strict": (OKTA, True), "entra": (ENTRA, False), "strict entra": (ENTRA, True)}
FLAGGED = "okta, with Entra's flag"


def log_queries() -> int:
    """Return how many queries log a request: the entry and its count, in one statement on PostgreSQL, and their transaction."""
    return 3 if connection.vendor == "postgresql" else 4


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each of the connections that its marker names."""
    if marker := metafunc.definition.get_closest_marker("connections"):
        metafunc.parametrize("idp", marker.args, indirect=True)


@pytest.fixture
def idp(acme: models.OrganizationRow, request: pytest.FixtureRequest) -> Idp:
    token, kind = "scim_token-of-acme", getattr(request, "param", "okta")
    identity_provider, is_strict = CONNECTIONS["okta" if kind == FLAGGED else kind]
    connection = factories.scim_connection(acme, bearer_token=token, identity_provider=identity_provider)
    if is_strict:
        connection.is_strict = True
        connection.save()
    return Idp(connection, token, has_entra_flag=kind == FLAGGED)


@pytest.fixture
def other_idp(globex: models.OrganizationRow) -> Idp:
    token = "scim_token-of-globex"
    return Idp(factories.scim_connection(globex, bearer_token=token), token)
