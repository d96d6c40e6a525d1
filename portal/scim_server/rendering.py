"""Resources and lists as SCIM documents (RFC 7643, 3; RFC 7644, 3.4.2 and 3.9)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpResponse

from portal.directory.ids import id_prefix
from portal.embedded import models
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import InvalidValue, ScimError
from portal.embedded.scim.protocol.etags import etag
from portal.embedded.scim.protocol.groups import group_id
from portal.embedded.scim.protocol.membership import GROUP_MEMBER, USER_MEMBER, GroupMember, MemberType
from portal.embedded.scim.protocol.pagination import ResultPage
from portal.embedded.scim.protocol.payload import Document
from portal.embedded.scim.protocol.schemas import ResourceSchema
from portal.embedded.scim.protocol.user_groups import UserGroup
from portal.embedded.scim.protocol.users import user_id

LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MEDIA_TYPE = "application/scim+json"
_ALWAYS = frozenset({"schemas", "id"})
_BATCH = 100  # members that are in memory at a time
_BRACKETS = re.compile(r"\[[^\]]*\]")


def user_document(client: ScimClient, row: models.ScimUserRow, groups: Sequence[UserGroup]) -> Document:
    """Return a user with the groups that they are in."""
    tag = etag(row, ((group.key, group.display, group.is_direct) for group in groups))
    document = _document(client, client.user_schema, user_id(row.pk), row, tag)
    if groups:
        document["groups"] = [
            {
                "value": (key := group_id(group.key)),
                "$ref": f"{client.base_url}/Groups/{key}",
                "display": group.display,
                "type": "direct" if group.is_direct else "indirect",
            }
            for group in groups
        ]
    return document


def group_document(
    client: ScimClient, row: models.ScimGroupRow, members: Sequence[GroupMember], *, names_members: bool = False
) -> Document:
    """Return a group with its members, and with their names if these are requested."""
    tag = etag(row, ((member.key, member.display) for member in members) if names_members else ())
    document = _document(client, client.group_schema, group_id(row.pk), row, tag)
    if members:
        document["members"] = MemberDocuments(client.base_url, members, names_members=names_members)
    return document


class MemberDocuments:
    """The `members` of a group, created in batches: all at once they would take twice the memory of the response."""

    def __init__(self, base_url: str, members: Sequence[GroupMember], *, names_members: bool) -> None:
        self._members, self._names_members = members, names_members
        self._forms = {
            kind: (id_prefix(kind.noun), f"{base_url}/{kind.resource_type}s/", kind.resource_type)
            for kind in (USER_MEMBER, GROUP_MEMBER)
        }

    def batches(self) -> Iterator[list[Document]]:
        """Yield the elements in order."""
        for start in range(0, len(self._members), _BATCH):
            yield [self._document(*member) for member in self._members[start : start + _BATCH]]

    def __iter__(self) -> Iterator[Document]:
        for batch in self.batches():
            yield from batch

    def _document(self, kind: MemberType, uuid: UUID, display: str) -> Document:
        prefix, address, name = self._forms[kind]
        key = f"{prefix}{uuid}"
        document = {"value": key, "$ref": address + key, "type": name}
        return document | {"display": display} if self._names_members else document


def encoded(document: Any) -> bytes:
    """Return a document as JSON. The members of a single group are encoded in batches."""
    members = document.get("members") if isinstance(document, dict) else None
    if not isinstance(members, MemberDocuments):
        return _ENCODER.encode(document)
    written = BytesIO()
    rest = {name: value for name, value in document.items() if name != "members"}
    written.write(_ENCODER.encode(rest)[:-1] + b',"members":[')
    for number, batch in enumerate(members.batches()):
        written.write((b"," if number else b"") + _ENCODER.encode(batch)[1:-1])
    written.write(b"]}")
    return written.getvalue()


def _listed(value: Any) -> Any:
    if isinstance(value, MemberDocuments):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON.")


_ENCODER = msgspec.json.Encoder(enc_hook=_listed)


def list_document(resources: Sequence[Any], page: ResultPage[Any]) -> Document:
    """Return a list response."""
    document: Document = {"schemas": [LIST_RESPONSE]}
    if page.total_results is not None:
        document["totalResults"] = page.total_results
    if page.start_index is not None:
        document["startIndex"] = page.start_index
    document["itemsPerPage"] = len(resources)
    if page.next_cursor:
        document["nextCursor"] = page.next_cursor
    return document | {"Resources": list(resources)}


def json_response(document: Any, /, status: int = 200, **headers: str) -> HttpResponse:
    """Return a response with a SCIM document. "_" in the name of a header means "-"."""
    response = HttpResponse(encoded(document), status=status, content_type=MEDIA_TYPE)
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response


def error_response(error: ScimError) -> HttpResponse:
    """Return a response with a SCIM error."""
    return json_response(error_document(error), error.status, **error.headers)


def error_document(error: ScimError) -> Document:
    """Return an error response (RFC 7644, 3.12)."""
    document = {"schemas": [ERROR], "status": str(error.status), "detail": error.detail}
    return document | ({"scimType": error.scim_type} if error.scim_type else {})


class Projection:
    """The attributes to return, by `attributes` or `excludedAttributes` (RFC 7644, 3.9). Raise InvalidValue for both."""

    def __init__(self, schema: ResourceSchema, parameters: Mapping[str, str]) -> None:
        # If all names are unknown, return only the attributes that are always returned.
        self._chosen = bool(parameters.get("attributes", "").strip())
        self._wanted = _paths(schema, parameters.get("attributes", ""))
        self._unwanted = _paths(schema, parameters.get("excludedAttributes", ""))
        if self._chosen and self._unwanted:
            raise InvalidValue('Use either "attributes" or "excludedAttributes", not both.')

    def holds(self, name: str) -> bool:
        """Say whether a top-level attribute is returned. If not, it need not be read."""
        if self._chosen:
            return any(path[0] == name for path in self._wanted)
        return (name,) not in self._unwanted

    def names(self, *path: str) -> bool:
        """Say whether an attribute that is only returned on request is requested."""
        return path in self._wanted

    def _looks_into(self, name: str) -> bool:
        return any(path[0] == name and len(path) > 1 for path in (*self._wanted, *self._unwanted))

    def apply(self, document: Document) -> Document:
        """Return the document with only the attributes to return."""
        members = document.get("members")
        if isinstance(members, MemberDocuments) and self._looks_into("members"):
            document["members"] = list(members)
        if self._chosen:
            kept: Document = {name: value for name, value in document.items() if name in _ALWAYS}
            for path in self._wanted:
                _copy(document, kept, path)
            return kept
        for path in self._unwanted:
            if path[0] not in _ALWAYS:
                _drop(document, path)
        return document


def _document(
    client: ScimClient,
    schema: ResourceSchema,
    resource_id: str,
    row: models.ScimUserRow | models.ScimGroupRow,
    tag: str,
) -> Document:
    extensions = [extension.name for extension in schema.extensions.values() if extension.name in row.document]
    return {
        "schemas": [schema.urn, *extensions],
        "id": resource_id,
        **row.document,
        "meta": {
            "resourceType": schema.name,
            "created": _instant(row.created_at),
            "lastModified": _instant(row.updated_at),
            "location": f"{client.base_url}{schema.endpoint}/{resource_id}",
            "version": tag,
        },
    }


def _instant(value: datetime) -> str:
    return f"{value.astimezone(UTC).isoformat(timespec='milliseconds')[:23]}Z"


def _paths(schema: ResourceSchema, text: str) -> tuple[tuple[str, ...], ...]:
    """Return the attribute names along each path, without unknown attributes.

    Filters in brackets are ignored (RFC 7644, 3.10 does not allow them): Microsoft's collection of requests has some.
    """
    if not text:
        return ()
    plain = _BRACKETS.sub("", text)
    names = (tuple(attribute.name for attribute in schema.resolve(path.strip())) for path in plain.split(","))
    return tuple(path for path in names if path)


def _copy(source: Any, target: Document, path: Iterable[str]) -> None:
    name, *rest = path
    if name not in source:
        return
    value = source[name]
    if not rest:
        target[name] = value
    elif isinstance(value, dict):
        _copy(value, target.setdefault(name, {}), rest)
    elif isinstance(value, list):
        elements = target.setdefault(name, [{} for _ in value])
        for element, kept in zip(value, elements, strict=True):
            _copy(element, kept, rest)


def _drop(document: Any, path: Iterable[str]) -> None:
    name, *rest = path
    value = document.get(name)
    if not rest:
        document.pop(name, None)
    for element in value if isinstance(value, list) else [value]:
        if rest and isinstance(element, dict):
            _drop(element, rest)
