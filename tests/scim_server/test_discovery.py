"""What is published is what scim2-models publishes, and what it understands (RFC 7643, 5 to 7)."""

import json
from typing import Any

import pytest
from scim2_models import Context, Resource, ResourceType, Schema, ServiceProviderConfig

from portal.embedded.scim.protocol import schemas
from tests.scim_server.conftest import Idp
from tests.scim_server.standard_schemas import STORED, standard_schemas


def test_the_stored_schemas_are_those_of_scim2_models() -> None:
    assert json.loads(STORED.read_text("utf-8")) == standard_schemas()


def test_the_schemas_differ_from_scim2_models_only_where_listed(idp: Idp) -> None:
    expected = {one["id"]: one for one in standard_schemas()}
    attributes = expected[schemas.USER.urn]["attributes"]
    attributes.remove(next(one for one in attributes if one["name"] == "password"))
    members = next(one for one in expected[schemas.GROUP.urn]["attributes"] if one["name"] == "members")
    next(one for one in members["subAttributes"] if one["name"] == "display").update(
        mutability="readOnly", returned="request"
    )
    expected[schemas.USER.urn]["description"] = "User Account"
    expected[schemas.ENTERPRISE_USER]["description"] = "Enterprise User"

    published = idp.get("/Schemas").json()["Resources"]

    assert {one["id"]: {key: one[key] for key in one if key != "meta"} for one in published} == expected
    assert all(one["meta"]["location"].endswith(f"/Schemas/{one['id']}") for one in published)


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/ServiceProviderConfig", ServiceProviderConfig),
        ("/ResourceTypes/User", ResourceType),
        ("/ResourceTypes/Group", ResourceType),
        (f"/Schemas/{schemas.USER.urn}", Schema),
        (f"/Schemas/{schemas.ENTERPRISE_USER}", Schema),
        (f"/Schemas/{schemas.GROUP.urn}", Schema),
    ],
)
def test_scim2_models_reads_the_schemas_without_loss(idp: Idp, path: str, model: type[Resource[Any]]) -> None:
    answer = idp.get(path).json()
    answer.pop("pagination", None)  # RFC 9865 is younger than the library

    read = model.model_validate(answer, scim_ctx=Context.RESOURCE_QUERY_RESPONSE)

    assert read.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE) == answer
