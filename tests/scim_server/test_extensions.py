"""An organization's own schemas: published, kept, changed, filtered and sorted as any other (RFC 7643, 3.3)."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from scim2_models import Context, Schema

from tests.scim_server.conftest import Idp
from tests.scim_server.test_endpoints import error_of

URN = "urn:acme:scim:2.0:Badge"
SCHEMA: dict[str, Any] = {
    "id": URN,
    "name": "Badge",
    "attributes": [
        {"name": "number", "type": "integer"},
        {"name": "colour", "type": "string"},
        {"name": "since", "type": "dateTime"},
        {"name": "secret", "type": "string", "caseExact": True},
        {"name": "doors", "type": "string", "multiValued": True},
        {
            "name": "grants",
            "type": "complex",
            "multiValued": True,
            "subAttributes": [{"name": "value", "type": "string"}, {"name": "weight", "type": "decimal"}],
        },
    ],
}
BADGE = {
    "number": 7,
    "colour": "Red",
    "since": "2026-01-01T12:00:00+02:00",
    "doors": ["North", "South"],
    "grants": [{"value": "a", "weight": 1.5}],
}


def update(tmp_path: Path, *, resource_type: str = "User", **schema: Any) -> None:
    file = tmp_path / "schemas.json"
    file.write_text(json.dumps([{"resourceType": resource_type, "schema": SCHEMA | schema}]))
    call_command("updatescimconnection", "--organization", "acme", "--extension-schemas", str(file), "--json")


@pytest.fixture
def ada(idp: Idp, tmp_path: Path) -> str:
    update(tmp_path)
    return idp.create_user("ada", **{URN: BADGE})


def test_it_is_published_and_kept(idp: Idp, ada: str) -> None:
    document = idp.get(f"/Users/{ada}").json()
    assert document[URN] == BADGE
    assert URN in document["schemas"]
    assert idp.get(f"/Schemas/{URN}").json()["name"] == "Badge"
    assert {"schema": URN, "required": False} in idp.get("/ResourceTypes/User").json()["schemaExtensions"]
    assert all(one["schema"] != URN for one in idp.get("/ResourceTypes/Group").json().get("schemaExtensions", []))


@pytest.mark.parametrize(
    "text",
    [
        f"{URN}:number gt 6",
        f'{URN}:colour eq "RED"',
        f'{URN}:since eq "2026-01-01T10:00:00Z"',
        f'{URN}:since lt "2026-01-01T10:00:01.5Z"',
        f'{URN}:doors eq "south"',
        f'{URN}:grants[value eq "a" and weight ge 1.5]',
    ],
)
def test_it_is_searched(idp: Idp, ada: str, text: str) -> None:
    idp.create_user("bob", **{URN: {"number": 1, "since": "2027-01-01T10:00:00Z", "doors": ["West"]}})

    assert [one["id"] for one in idp.get("/Users", filter=text).json()["Resources"]] == [ada]


def test_it_is_changed(idp: Idp, ada: str) -> None:
    answer = idp.patch(
        f"/Users/{ada}",
        {"op": "replace", "path": f"{URN}:colour", "value": "blue"},
        {"op": "add", "path": f"{URN}:doors", "value": ["West"]},
        {"op": "replace", "path": f'{URN}:grants[value eq "a"].weight', "value": 2},
        {"op": "remove", "path": f"{URN}:number"},
    ).json()

    assert answer[URN] == {
        "colour": "blue",
        "since": BADGE["since"],
        "doors": ["North", "South", "West"],
        "grants": [{"value": "a", "weight": 2}],
    }
    assert idp.get(f"/Users/{ada}", attributes=f"{URN}:colour").json()[URN] == {"colour": "blue"}
    error_of(idp.patch(f"/Users/{ada}", {"op": "add", "path": f"{URN}:since", "value": "soon"}), 400, "invalidValue")


def test_another_connection_does_not_know_it(ada: str, other_idp: Idp) -> None:
    theirs = other_idp.create_user("eve", **{URN: BADGE})

    assert URN not in other_idp.get(f"/Users/{theirs}").json()
    error_of(other_idp.get("/Users", filter=f"{URN}:number gt 6"), 400, "invalidFilter")


@pytest.mark.usefixtures("idp")
@pytest.mark.parametrize(
    "schema",
    [
        {"id": "urn:ietf:params:scim:schemas:core:2.0:User"},
        {"id": "badge"},
        {"attributes": []},
        {"attributes": [{"name": "a b", "type": "string"}]},
        {"attributes": [{"name": "a", "type": "colour"}]},
        {"attributes": [{"name": "a", "type": "complex"}]},
        {"attributes": [{"name": "a", "type": "string", "mutability": "sometimes"}]},
        {"attributes": [{"name": "a", "type": "string", "multivalue": True}]},
        {"attributes": [{"type": "string"}]},
    ],
)
def test_an_invalid_schema_is_rejected(tmp_path: Path, schema: dict[str, Any]) -> None:
    with pytest.raises(CommandError, match="--extension-schemas"):
        update(tmp_path, **schema)


@pytest.mark.usefixtures("idp")
def test_an_error_says_where_the_mistake_is(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"`str`, got `int` - at `\$\.attributes\[0\]\.name`"):
        update(tmp_path, attributes=[{"name": 1, "type": "string"}])


def test_it_is_published_with_its_defaults(idp: Idp, tmp_path: Path) -> None:
    update(tmp_path, meta={"resourceType": "Schema", "location": "https://elsewhere.example/Schemas/x"})

    published = idp.get(f"/Schemas/{URN}").json()

    assert Schema.model_validate(published, scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    assert published["attributes"][0] == {
        "name": "number",
        "type": "integer",
        "multiValued": False,
        "required": False,
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    }
    assert published["meta"]["location"].endswith(f"{idp.base}/Schemas/{URN}")
