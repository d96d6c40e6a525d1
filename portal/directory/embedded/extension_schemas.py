"""An organization's own extension schemas, checked before a connection has them (RFC 7643, 3.3 and 7)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from scim2_models import Context, Schema

from portal.directory.embedded.provisioning.schemas import GROUP, USER
from portal.directory.errors import Invalid

_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:[A-Za-z0-9:._-]{1,150}")
_NAME = re.compile(r"[A-Za-z][\w-]{0,99}")
_FIELD = "extension_schemas"
_MOST = 10
_TYPES = frozenset({"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"})


def read_extension_schemas(sent: Any) -> list[dict[str, Any]]:
    """Return extension schemas as they are stored: `[{"resourceType": "User", "schema": {…}}]`. Raises Invalid."""
    if not isinstance(sent, list) or len(sent) > _MOST:
        raise Invalid(f"Give a list of at most {_MOST} schemas.", field=_FIELD)
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
        schema = Schema.model_validate(sent.get("schema"))
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise Invalid(
            f'The schema is none (RFC 7643, 7): "{where}": {error.errors()[0]["msg"]}.', field=_FIELD
        ) from None
    if not _URN.fullmatch(str(schema.id)):
        raise Invalid(f'"{schema.id}" is no id: use a URN such as urn:acme:scim:2.0:User.', field=_FIELD)
    document: dict[str, Any] = schema.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    _check_attributes(document.get("attributes") or (), may_be_complex=True)
    return {"resourceType": sent["resourceType"], "schema": document}


def _check_attributes(attributes: Iterable[Mapping[str, Any]], *, may_be_complex: bool) -> None:
    attributes = list(attributes)
    if not attributes:
        raise Invalid("A schema and a complex attribute need attributes.", field=_FIELD)
    for attribute in attributes:
        name, kind = attribute.get("name", ""), attribute.get("type")
        if not _NAME.fullmatch(name):
            raise Invalid(f'"{name}" is no name of an attribute: use letters, digits, _ and -.', field=_FIELD)
        if kind not in _TYPES or (kind == "complex" and not may_be_complex):
            raise Invalid(f'"{name}" cannot be of the type "{kind}" here.', field=_FIELD)
        if kind == "complex":
            _check_attributes(attribute.get("subAttributes") or (), may_be_complex=False)
