"""Bulk requests (RFC 7644, 3.7): each operation is atomic, and they run in an order in which references resolve."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings

from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import BadReference, InvalidSyntax, ScimError, TooLarge
from portal.embedded.scim.protocol.etags import etag
from portal.embedded.scim.protocol.payload import Document, get_field, require_schema
from portal.embedded.scim.protocol.users import create_users
from portal.scim_server.rendering import error_document
from portal.scim_server.resources import USERS, ResourceType, Row, resource_type_at

BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"

_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_REFERENCE = "bulkId:"


@dataclass(frozen=True)
class BulkOperation:
    """One operation as it was sent, with names in lower case (RFC 7643, 2.1)."""

    sent: Mapping[str, Any]

    @property
    def method(self) -> str:
        """The HTTP method in capitals, or "" if there is none."""
        return str(self.sent.get("method", "")).upper()

    @property
    def bulk_id(self) -> str:
        """The name by which other operations refer to the created resource."""
        return str(self.sent.get("bulkid") or "") if self.method == "POST" else ""

    @cached_property
    def references(self) -> frozenset[str]:
        """The bulkIds in the path and in the data."""
        values = [self.sent.get("path"), self.sent.get("data")]
        # Most have none. Searching one text is faster than searching each value.
        return frozenset(_references(values)) if _REFERENCE in str(values) else frozenset()

    def target(self) -> tuple[ResourceType, str]:
        """Return the resource type and the id in the path. Raise InvalidSyntax or ResourceNotFound for an invalid one."""
        if self.method not in _METHODS:
            raise InvalidSyntax('"method" must be POST, PUT, PATCH or DELETE.')
        endpoint, _, resource_id = str(self.sent.get("path", "")).strip("/").partition("/")
        if bool(resource_id) is (self.method == "POST"):
            raise InvalidSyntax(
                '"path" must be /Users or /Groups for POST, and end with the id of a resource otherwise.'
            )
        return resource_type_at(f"/{endpoint}"), resource_id

    def data(self) -> Document:
        """Return the data. Raise InvalidSyntax unless it is an object."""
        data = self.sent.get("data")
        if not isinstance(data, dict):
            raise InvalidSyntax('"data" must be an object.')
        return data


def run_bulk(client: ScimClient, body: Document) -> Document:
    """Run a BulkRequest and return the BulkResponse. Raise InvalidSyntax for another body, TooLarge for too many operations."""
    require_schema(body, BULK_REQUEST)
    operations = get_field(body, "operations")
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise InvalidSyntax('"Operations" must be a list of objects.')
    if len(operations) > settings.SCIM_MAX_OPERATIONS:
        raise TooLarge(
            f"The request has more than {settings.SCIM_MAX_OPERATIONS} operations, the value of maxOperations."
        )
    max_errors = get_field(body, "failonerrors") or 0
    if not isinstance(max_errors, int) or max_errors < 0:
        raise InvalidSyntax('"failOnErrors" must be a whole number.')
    bulk = _Bulk(
        client, [BulkOperation({name.lower(): value for name, value in one.items()}) for one in operations], max_errors
    )
    bulk.run()
    return {"schemas": [BULK_RESPONSE], "Operations": [bulk.results[at] for at in sorted(bulk.results)]}


class _Bulk:
    """A bulk request while it runs."""

    def __init__(self, client: ScimClient, operations: list[BulkOperation], max_errors: int) -> None:
        self.results: dict[int, Document] = {}
        self._client, self._operations, self._max_errors = client, operations, max_errors
        self._waiting = list(range(len(operations)))
        self._ids: dict[str, str] = {}
        self._errors = 0

    def run(self) -> None:
        """Run operations as their references resolve, until all have run or too many have failed."""
        incomplete: list[tuple[int, Row]] = []
        while self._waiting and not self._is_over():
            created_later = self._created_later()
            ready = [at for at in self._waiting if not self._operations[at].references & created_later]
            if ready:
                self._run_all(ready)
            elif row := self._break_cycle():
                incomplete.append(row)
        for at, row in incomplete:
            self._complete(at, row)

    def _is_over(self) -> bool:
        return 0 < self._max_errors <= self._errors

    def _created_later(self) -> set[str]:
        """Return the bulkIds that waiting operations have yet to create."""
        return {self._operations[at].bulk_id for at in self._waiting} - {""}

    def _run_all(self, ready: list[int]) -> None:
        if self._max_errors == 0:
            ready = self._create_users(ready)
        for at in ready:
            if self._is_over():
                return
            self._waiting.remove(at)
            self._attempt(at)

    def _attempt(self, at: int) -> None:
        try:
            self._succeed(at, *self._carry_out(self._operations[at]))
        except ScimError as error:
            self._fail(at, error)

    def _carry_out(self, operation: BulkOperation) -> tuple[ResourceType, Row | None]:
        resource_type, resource_id = operation.target()
        resource_id, if_match = self._resolved(resource_id), str(operation.sent.get("version") or "")
        match operation.method:
            case "POST":
                return resource_type, resource_type.create(self._client, self._resolved(operation.data()))
            case "PUT":
                return resource_type, resource_type.replace(
                    self._client, resource_id, self._resolved(operation.data()), if_match
                )
            case "PATCH":
                return resource_type, resource_type.patch(
                    self._client, resource_id, self._resolved(operation.data()), if_match
                )
            case _:
                resource_type.delete(self._client, resource_id, if_match)
                return resource_type, None

    def _create_users(self, ready: list[int]) -> list[int]:
        """Create the users at the start of the ready operations together, and return the other operations."""
        number = next((n for n, at in enumerate(ready) if not self._is_plain_user(at)), len(ready))
        users, rest = ready[:number], ready[number:]
        created = create_users(self._client, [self._operations[at].data() for at in users])
        for at, one in zip(users, created, strict=True):
            self._waiting.remove(at)
            if isinstance(one, ScimError):
                self._fail(at, one)
            else:
                self._succeed(at, USERS, one)
        return rest

    def _is_plain_user(self, at: int) -> bool:
        operation = self._operations[at]
        is_post = operation.method == "POST" and operation.sent.get("path") == USERS.endpoint
        return is_post and not operation.references and isinstance(operation.sent.get("data"), dict)

    def _break_cycle(self) -> tuple[int, Row] | None:
        """Create a resource of a cycle without its unresolved references, which are added at the end."""
        at = next((at for at in self._waiting if self._operations[at].method == "POST"), self._waiting[0])
        operation = self._operations[at]
        pending = set(operation.references & self._created_later())
        self._waiting.remove(at)
        try:
            resource_type, _ = operation.target()
            row = resource_type.create(self._client, self._resolved(_without(operation.data(), pending)))
        except ScimError as error:
            self._fail(at, error)
            return None
        self._succeed(at, resource_type, row)
        return at, row

    def _complete(self, at: int, row: Row) -> None:
        """Add the omitted references. If that fails, delete the resource again."""
        operation = self._operations[at]
        resource_type, _ = operation.target()
        key = resource_type.public_id(row.pk)
        try:
            self._succeed(
                at, resource_type, resource_type.replace(self._client, key, self._resolved(operation.data()), "")
            )
        except ScimError as error:
            resource_type.delete(self._client, key, "")
            self._fail(at, error)

    def _succeed(self, at: int, resource_type: ResourceType, row: Row | None) -> None:
        operation = self._operations[at]
        result = self._result(operation, {"POST": "201", "DELETE": "204"}.get(operation.method, "200"))
        if row is None:
            result["location"] = f"{self._client.base_url}/{str(operation.sent['path']).strip('/')}"
        else:
            result |= {"location": resource_type.location(self._client, row), "version": etag(row)}
        if operation.bulk_id and row is not None:
            self._ids[operation.bulk_id] = resource_type.public_id(row.pk)
        self.results[at] = result

    def _fail(self, at: int, error: ScimError) -> None:
        operation = self._operations[at]
        result = self._result(operation, str(error.status)) | {"response": error_document(error)}
        if operation.method != "POST":
            result["location"] = f"{self._client.base_url}/{str(operation.sent.get('path', '')).strip('/')}"
        self._errors += 1
        self.results[at] = result

    @staticmethod
    def _result(operation: BulkOperation, status: str) -> Document:
        named = {"bulkId": operation.sent["bulkid"]} if "bulkid" in operation.sent else {}
        return {"method": operation.method, **named, "status": status}

    def _resolved(self, value: Any) -> Any:
        """Return a value with references replaced by ids. Raise BadReference for an unresolved one."""
        if isinstance(value, dict):
            return {name: self._resolved(one) for name, one in value.items()}
        if isinstance(value, list):
            return [self._resolved(one) for one in value]
        if isinstance(value, str) and value.startswith(_REFERENCE):
            bulk_id = value.removeprefix(_REFERENCE)
            if bulk_id not in self._ids:
                raise BadReference(f'No operation of this request created the bulkId "{bulk_id[:100]}".')
            return self._ids[bulk_id]
        return value


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _references(one)
    elif isinstance(value, str):
        # In a path, the reference is the last part.
        _, found, bulk_id = value.partition(_REFERENCE)
        if found:
            yield bulk_id


def _without(value: Any, pending: set[str]) -> Any:
    """Return a document without the elements and attributes that refer to pending resources."""
    if isinstance(value, dict):
        kept = {name: one for name, one in value.items() if not (isinstance(one, str) and _refers(one, pending))}
        return {name: _without(one, pending) for name, one in kept.items()}
    if isinstance(value, list):
        return [_without(one, pending) for one in value if not pending.intersection(_references(one))]
    return value


def _refers(text: str, pending: set[str]) -> bool:
    return text.startswith(_REFERENCE) and text.removeprefix(_REFERENCE) in pending
