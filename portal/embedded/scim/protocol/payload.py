"""Reading what a client sends: tolerantly, as identity providers need it, or to the letter where a connection says so."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from portal.embedded.scim.protocol.attribute_values import Document, get_field, read_document
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import InvalidPath, InvalidSyntax, InvalidValue
from portal.embedded.scim.protocol.patch import Operation, parse_path, read_patch_operations
from portal.embedded.scim.protocol.schemas import Attribute, ResourceSchema

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_PLAIN_NAME = re.compile(r"[A-Za-z$][\w$-]*")


def read_payload(client: ScimClient, schema: ResourceSchema, payload: Document) -> Document:
    """Return what is kept of a resource. Raises InvalidValue, and InvalidSyntax on a strict connection."""
    if client.connection.is_strict:
        require_schema(payload, schema.urn)
        _check_attributes(schema, payload)
    return read_document(schema, payload)


def read_patch(client: ScimClient, schema: ResourceSchema, body: Mapping[str, Any]) -> list[Operation]:
    """Return the operations of a PatchOp body. Raises InvalidSyntax, and more on a strict connection."""
    if not client.connection.is_strict:
        return read_patch_operations(body, is_entra=client.reads_as_entra)
    require_schema(body, PATCH_OP)
    operations = read_patch_operations(body, may_be_none=False)
    for operation, document in zip(operations, get_field(body, "operations"), strict=True):
        _check_operation(client, schema, operation, str(get_field(document, "op")))
    return operations


def require_schema(body: Mapping[str, Any], *urns: str) -> None:
    """Raise InvalidSyntax unless `schemas` names one of these; URNs and names are the same in any case (RFC 7643, 2.1)."""
    schemas = get_field(body, "schemas")
    named = {str(one).lower() for one in schemas} if isinstance(schemas, list) else set()
    if named.isdisjoint(urn.lower() for urn in urns):
        raise InvalidSyntax(f'"schemas" must contain "{urns[0]}".')


def _check_operation(client: ScimClient, schema: ResourceSchema, operation: Operation, op: str) -> None:
    if op != operation.kind:
        raise InvalidSyntax('"op" must be add, replace or remove in lower case.')
    if operation.kind == "remove" and operation.value is not None:
        raise InvalidSyntax('The operation "remove" takes no "value". Select the elements with a filter in "path".')
    if not operation.path and isinstance(operation.value, Mapping):
        _check_attributes(schema, operation.value)
    elif operation.path and operation.kind != "remove" and operation.path.lower() not in schema.never_kept:
        client.budget.spend_on_path(operation.path)
        target = parse_path(schema, operation.path)
        attribute = target.sub_attribute or target.attributes[-1]
        if target.filter is not None and not target.sub_attribute:
            _check_single(attribute, operation.value)
        else:
            _check_value(attribute, operation.value)


def _check_attributes(schema: ResourceSchema, payload: Mapping[str, Any]) -> None:
    for name, value in payload.items():
        if name.lower() in schema.never_kept:
            continue
        attribute = schema.attribute(name)
        if attribute is None or not (_PLAIN_NAME.fullmatch(name) or name.lower() in schema.extensions):
            raise InvalidPath(f'A {schema.name} has no attribute "{name[:200]}".')
        if attribute.mutability != "readOnly":
            _check_value(attribute, value)


def _check_value(attribute: Attribute, value: Any) -> None:
    if not attribute.multi_valued or value is None:
        _check_single(attribute, value)
    elif isinstance(value, list):
        for element in value:
            _check_single(attribute, element)
        if sum(isinstance(one, dict) and one.get("primary") is True for one in value) > 1:
            raise InvalidValue(f'"{attribute.name}" must have at most one primary value.')
    else:
        raise InvalidValue(f'"{attribute.name}" must be a list.')


def _check_single(attribute: Attribute, value: Any) -> None:
    if value is None:
        return
    kinds: Mapping[str, type | Sequence[type]] = {"boolean": bool, "complex": dict, "integer": int, "decimal": float}
    wanted = kinds.get(attribute.type, str)
    is_number = attribute.type in {"integer", "decimal"} and isinstance(value, int) and not isinstance(value, bool)
    if not is_number and type(value) is not wanted:
        raise InvalidValue(f'"{attribute.name}" must be of the type {attribute.type}.')
    if isinstance(value, dict):
        _check_parts(attribute, value)


def _check_parts(attribute: Attribute, value: Mapping[str, Any]) -> None:
    for name, one in value.items():
        sub = attribute.sub_attribute(name)
        # An extension's object may say itself that it is one.
        if sub is None and not (name.lower() == "schemas" and attribute.name.lower().startswith("urn:")):
            raise InvalidPath(f'"{attribute.name}" has no sub-attribute "{name[:200]}".')
        if sub is not None:
            _check_value(sub, one)
