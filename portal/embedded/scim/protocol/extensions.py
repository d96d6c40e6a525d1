"""Validation of a connection's own extension schemas (RFC 7643, 3.3 and 7)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from portal.directory.errors import Invalid
from portal.embedded.scim.protocol.schemas import GROUP, USER

_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:[A-Za-z0-9:._-]{1,150}")
_NAME = re.compile(r"[A-Za-z][\w-]{0,99}")
_SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
_FIELD = "extension_schemas"
_MAX_SCHEMAS = 10


class _Attribute(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An attribute with its characteristics and their defaults (RFC 7643, 7 and 2.2)."""

    name: str
    type: Literal["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"]
    multi_valued: bool = False
    description: str | UnsetType = UNSET
    required: bool = False
    canonical_values: list[str] | UnsetType = UNSET
    case_exact: bool = False
    mutability: Literal["readOnly", "readWrite", "immutable", "writeOnly"] = "readWrite"
    returned: Literal["always", "never", "default", "request"] = "default"
    uniqueness: Literal["none", "server", "global"] = "none"
    reference_types: list[str] | UnsetType = UNSET
    sub_attributes: "list[_Attribute] | UnsetType" = UNSET


class _Schema(msgspec.Struct, forbid_unknown_fields=True):
    """A schema (RFC 7643, 7)."""

    id: str
    attributes: list[_Attribute]
    schemas: list[str] | UnsetType = UNSET
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    meta: dict[str, Any] | UnsetType = UNSET


def read_extension_schemas(sent: Any) -> list[dict[str, Any]]:
    """Return extension schemas as they are stored: `[{"resourceType": "User", "schema": {…}}]`. Raise Invalid for others."""
    if not isinstance(sent, list) or len(sent) > _MAX_SCHEMAS:
        raise Invalid(f"Give a list of at most {_MAX_SCHEMAS} schemas.", field=_FIELD)
    found = [_read(one) for one in sent]
    urns = [one["schema"]["id"].lower() for one in found]
    taken = {USER.urn.lower(), GROUP.urn.lower(), *USER.extensions}
    for urn in urns:
        if urn in taken or urns.count(urn) > 1:
            raise Invalid(f'"{urn}" is the id of another schema.', field=_FIELD)
    return found


def _read(sent: Any) -> dict[str, Any]:
    if not isinstance(sent, Mapping) or sent.get("resourceType") not in {USER.name, GROUP.name}:
        raise Invalid('Each needs a "resourceType", User or Group, and a "schema".', field=_FIELD)
    try:
        schema = msgspec.convert(sent.get("schema"), _Schema)
    except msgspec.ValidationError as error:
        raise Invalid(f"The schema isn't valid (RFC 7643, 7): {error}.", field=_FIELD) from None
    if not _URN.fullmatch(schema.id):
        raise Invalid(f'"{schema.id}" isn\'t a valid id. Use a URN such as urn:acme:scim:2.0:User.', field=_FIELD)
    _check_attributes(schema.attributes, may_be_complex=True)
    # Its own "meta" would describe the place that it was copied from.
    schema.schemas, schema.meta = [_SCHEMA], UNSET
    return {"resourceType": sent["resourceType"], "schema": msgspec.to_builtins(schema)}


def _check_attributes(attributes: Sequence[_Attribute], *, may_be_complex: bool) -> None:
    if not attributes:
        raise Invalid("A schema and a complex attribute need attributes.", field=_FIELD)
    for attribute in attributes:
        if not _NAME.fullmatch(attribute.name):
            raise Invalid(
                f'"{attribute.name}" isn\'t a valid attribute name. Use letters, digits, _ and -.', field=_FIELD
            )
        if attribute.type == "complex":
            if not may_be_complex:
                raise Invalid(f'"{attribute.name}" cannot be of the type "complex" here.', field=_FIELD)
            _check_attributes(attribute.sub_attributes or (), may_be_complex=False)
