"""Filters see every published attribute as it is answered: none is asked of something that lacks it."""

import json
from collections.abc import Iterator
from typing import Any

from portal.embedded.scim.protocol.schemas import GROUP, USER, Attribute, ResourceSchema
from tests.scim_server.conftest import Idp

VALUES: dict[str, Any] = {
    "string": "Text",
    "reference": "https://idp.example/x",
    "boolean": True,
    "binary": "QQ==",
    "dateTime": "2026-01-31T08:00:00Z",
}


def sample(attribute: Attribute) -> Any:
    """Return a value that a client may send."""
    one = VALUES.get(attribute.type)
    if attribute.type == "complex":
        one = {name: sample(sub) for sub in attribute.sub_attributes.values() if (name := sub.name)}
    return [one] if attribute.multi_valued else one


def body_of(schema: ResourceSchema) -> dict[str, Any]:
    attributes = (*schema.core.values(), *schema.extensions.values())
    return {one.name: sample(one) for one in attributes if one.mutability != "readOnly" and one.name != "members"}


def paths(schema: ResourceSchema) -> Iterator[tuple[str, Attribute, tuple[str, ...]]]:
    """Yield every attribute and sub-attribute as filters name it, with where it is in a document."""
    for attribute in schema.core.values():
        yield from _paths(attribute.name, attribute, (attribute.name,))
    for extension in schema.extensions.values():
        for attribute in extension.sub_attributes.values():
            yield from _paths(f"{extension.name}:{attribute.name}", attribute, (extension.name, attribute.name))


def _paths(path: str, attribute: Attribute, place: tuple[str, ...]) -> Iterator[tuple[str, Attribute, tuple[str, ...]]]:
    yield path, attribute, place
    for sub in attribute.sub_attributes.values():
        yield f"{path}.{sub.name}", sub, (*place, sub.name)


def answered(value: Any, place: tuple[str, ...]) -> list[Any]:
    """Return the values at a place: several where an attribute on the way has several."""
    if isinstance(value, list):
        return [found for one in value for found in answered(one, place)]
    if not place:
        return [value]
    return answered(value[place[0]], place[1:]) if place[0] in value else []


def check(idp: Idp, schema: ResourceSchema, resource: str) -> int:
    """Ask for each attribute of a resource beside which there is another one; return how many were answered."""
    names = ",".join(f"members.{sub.name}" for sub in GROUP.core["members"].sub_attributes.values())
    document = idp.get(f"{schema.endpoint}/{resource}").json()
    if schema is GROUP:
        document |= idp.get(f"{schema.endpoint}/{resource}", attributes=names).json()

    def found(text: str) -> list[str]:
        response = idp.get(schema.endpoint, filter=text, attributes="id")
        assert response.status_code == 200, (text, response.content)
        return [one["id"] for one in response.json()["Resources"]]

    shown = 0
    for path, attribute, place in paths(schema):
        values = answered(document, place)
        assert (resource in found(f"{path} pr")) is bool(values), path
        for value in values if attribute.type != "complex" else ():
            shown += 1
            assert resource in found(f"{path} eq {json.dumps(value)}"), (path, value)
            assert resource not in found(f"{path} ne {json.dumps(value)}"), (path, value)
    return shown


def test_every_attribute_of_a_user(idp: Idp) -> None:
    idp.create_user("other")
    user = idp.create_user(**{"user_name": "kim"} | body_of(USER) | {"userName": "kim"})
    idp.create_group("Outer", [idp.create_group("Inner", [user])])

    assert check(idp, USER, user) > 75


def test_every_attribute_of_a_group(idp: Idp) -> None:
    idp.create_group("Other")
    inner = idp.create_group("Inner")
    response = idp.send(
        "POST", "/Groups", body_of(GROUP) | {"members": [{"value": inner}, {"value": idp.create_user("kim")}]}
    )

    assert check(idp, GROUP, response.json()["id"]) > 12
