"""A client that speaks SCIM to a connection, as an identity provider does."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client

from portal.directory.embedded import models
from portal.directory.ids import public_id
from tests import factories

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Idp:
    """An identity provider with the address and token of one connection."""

    connection: models.ScimConnection
    token: str
    client: Client = field(default_factory=Client)

    @property
    def base(self) -> str:
        return f"/v1/b2b/scim/{public_id('scim-connection', self.connection.pk)}"

    @property
    def tokens(self) -> QuerySet[models.ScimToken]:
        return models.ScimToken.objects.filter(connection=self.connection)

    @property
    def entries(self) -> list[models.ScimRequest]:
        """What the request log has of the connection, oldest first."""
        return list(self.connection.requests.order_by("id"))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method,
            f"{self.base}{path}",
            body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b"",
            content_type=headers.pop("content_type", "application/scim+json"),
            headers={"Authorization": f"Bearer {self.token}", **headers},
        )

    def get(self, path: str, **query: str | int) -> Any:
        return self.client.get(f"{self.base}{path}", query, headers={"Authorization": f"Bearer {self.token}"})

    def create_user(self, user_name: str, **more: Any) -> str:
        answer = json.loads(self.send("POST", "/Users", {"userName": user_name, **more}).content)
        return str(answer["id"])

    def create_group(self, display_name: str, members: list[str] | None = None) -> str:
        body: dict[str, Any] = {"displayName": display_name}
        if members:
            body["members"] = [{"value": member} for member in members]
        return str(json.loads(self.send("POST", "/Groups", body).content)["id"])

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> Any:
        return self.send("PATCH", path, {"schemas": [PATCH_OP], "Operations": list(operations)}, **headers)

    def members(self, group: str) -> set[str]:
        return {member["value"] for member in self.get(f"/Groups/{group}").json().get("members", [])}


@pytest.fixture
def idp(acme: models.Organization) -> Idp:
    token = "scim_token-of-acme"
    return Idp(factories.scim_connection(acme, bearer_token=token), token)


@pytest.fixture
def other_idp(globex: models.Organization) -> Idp:
    token = "scim_token-of-globex"
    return Idp(factories.scim_connection(globex, bearer_token=token), token)
