"""Several operations in one request (RFC 7644, 3.7): each whole by itself, in an order in which references resolve."""

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
    """One operation, as it was sent, with its names in lower case (RFC 7643, 2.1)."""

    sent: Mapping[str, Any]

    @property
    def method(self) -> str:
        """What is done; "" where it cannot be read."""
        return str(self.sent.get("method", "")).upper()

    @property
    def bulk_id(self) -> str:
        """What other operations call the resource that is created."""
        return str(self.sent.get("bulkid") or "") if self.method == "POST" else ""

    @cached_property
    def references(self) -> frozenset[str]:
        """The bulkIds in the path and in the data."""
        values = [self.sent.get("path"), self.sent.get("data")]
        # Most have none, which is seen sooner in one text than in each value.
        return frozenset(_references(values)) if _REFERENCE in str(values) else frozenset()

    def target(self) -> tuple[ResourceType, str]:
        """Return the kind and the resource that the path names. Raises InvalidSyntax, ResourceNotFound."""
        if self.method not in _METHODS:
            raise InvalidSyntax('"method" must be POST, PUT, PATCH or DELETE.')
        endpoint, _, resource_id = str(self.sent.get("path", "")).strip("/").partition("/")
        if bool(resource_id) is (self.method == "POST"):
            raise InvalidSyntax(
                '"path" must be /Users or /Groups for POST, and end with the id of a resource otherwise.'
            )
        return resource_type_at(f"/{endpoint}"), resource_id

    def data(self) -> Document:
        """Return the body. Raises InvalidSyntax."""
        data = self.sent.get("data")
        if not isinstance(data, dict):
            raise InvalidSyntax('"data" must be an object.')
        return data


def run_bulk(client: ScimClient, body: Document) -> Document:
    """Carry out a BulkRequest and return the BulkResponse. Raises InvalidSyntax, TooLarge."""
    require_schema(body, BULK_REQUEST)
    operations = get_field(body, "operations")
    if not isinstance(operations, list) or not all(isinstance(one, dict) for one in operations):
        raise InvalidSyntax('"Operations" must be a list of objects.')
    if len(operations) > settings.SCIM_MAX_OPERATIONS:
        raise TooLarge(
            f"The request has more than {settings.SCIM_MAX_OPERATIONS} operations, the value of maxOperations."
        )
    most_errors = get_field(body, "failonerrors") or 0
    if not isinstance(most_errors, int) or most_errors < 0:
        raise InvalidSyntax('"failOnErrors" must be a whole number.')
    bulk = _Bulk(
        client, [BulkOperation({name.lower(): value for name, value in one.items()}) for one in operations], most_errors
    )
    bulk.run()
    return {"schemas": [BULK_RESPONSE], "Operations": [bulk.results[at] for at in sorted(bulk.results)]}


class _Bulk:
    """A bulk request while it runs."""

    def __init__(self, client: ScimClient, operations: list[BulkOperation], most_errors: int) -> None:
        self.results: dict[int, Document] = {}
        self._client, self._operations, self._most_errors = client, operations, most_errors
        self._waiting = list(range(len(operations)))
        self._ids: dict[str, str] = {}
        self._errors = 0

    def run(self) -> None:
        """Carry out what is ready until nothing waits, or too much has failed."""
        circular: list[tuple[int, Row]] = []
        while self._waiting and not self._is_over():
            created_later = self._created_later()
            ready = [at for at in self._waiting if not self._operations[at].references & created_later]
            if ready:
                self._run_all(ready)
            elif row := self._break_circle():
                circular.append(row)
        for at, row in circular:
            self._complete(at, row)

    def _is_over(self) -> bool:
        return 0 < self._most_errors <= self._errors

    def _created_later(self) -> set[str]:
        """Return what the operations that wait have yet to create."""
        return {self._operations[at].bulk_id for at in self._waiting} - {""}

    def _run_all(self, ready: list[int]) -> None:
        if self._most_errors == 0:
            ready = self._create_people(ready)
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
        kind, resource_id = operation.target()
        resource_id, if_match = self._resolved(resource_id), str(operation.sent.get("version") or "")
        match operation.method:
            case "POST":
                return kind, kind.create(self._client, self._resolved(operation.data()))
            case "PUT":
                return kind, kind.replace(self._client, resource_id, self._resolved(operation.data()), if_match)
            case "PATCH":
                return kind, kind.patch(self._client, resource_id, self._resolved(operation.data()), if_match)
            case _:
                kind.delete(self._client, resource_id, if_match)
                return kind, None

    def _create_people(self, ready: list[int]) -> list[int]:
        """Create the people at the start of what is ready in one go, and return what is left."""
        number = next((n for n, at in enumerate(ready) if not self._is_plain_person(at)), len(ready))
        people, rest = ready[:number], ready[number:]
        created = create_users(self._client, [self._operations[at].data() for at in people])
        for at, one in zip(people, created, strict=True):
            self._waiting.remove(at)
            if isinstance(one, ScimError):
                self._fail(at, one)
            else:
                self._succeed(at, USERS, one)
        return rest

    def _is_plain_person(self, at: int) -> bool:
        operation = self._operations[at]
        is_post = operation.method == "POST" and operation.sent.get("path") == USERS.endpoint
        return is_post and not operation.references and isinstance(operation.sent.get("data"), dict)

    def _break_circle(self) -> tuple[int, Row] | None:
        """Create the first resource that waits without what is not there yet; it is completed at the end."""
        at = next((at for at in self._waiting if self._operations[at].method == "POST"), self._waiting[0])
        operation = self._operations[at]
        pending = set(operation.references & self._created_later())
        self._waiting.remove(at)
        try:
            kind, _ = operation.target()
            row = kind.create(self._client, self._resolved(_without(operation.data(), pending)))
        except ScimError as error:
            self._fail(at, error)
            return None
        self._succeed(at, kind, row)
        return at, row

    def _complete(self, at: int, row: Row) -> None:
        """Add what was left out; where that is impossible, nothing of the operation remains."""
        operation = self._operations[at]
        kind, _ = operation.target()
        key = kind.public_id(row.pk)
        try:
            self._succeed(at, kind, kind.replace(self._client, key, self._resolved(operation.data()), ""))
        except ScimError as error:
            kind.delete(self._client, key, "")
            self._fail(at, error)

    def _succeed(self, at: int, kind: ResourceType, row: Row | None) -> None:
        operation = self._operations[at]
        result = self._result(operation, {"POST": "201", "DELETE": "204"}.get(operation.method, "200"))
        if row is None:
            result["location"] = f"{self._client.base_url}/{str(operation.sent['path']).strip('/')}"
        else:
            result |= {"location": kind.location(self._client, row), "version": etag(row)}
        if operation.bulk_id and row is not None:
            self._ids[operation.bulk_id] = kind.public_id(row.pk)
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
        """Return a value with ids in the place of references. Raises BadReference."""
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
        # In a path the reference is its last part.
        _, found, bulk_id = value.partition(_REFERENCE)
        if found:
            yield bulk_id


def _without(value: Any, pending: set[str]) -> Any:
    """Return a document without the elements and attributes that refer to what is not there yet."""
    if isinstance(value, dict):
        kept = {name: one for name, one in value.items() if not (isinstance(one, str) and _refers(one, pending))}
        return {name: _without(one, pending) for name, one in kept.items()}
    if isinstance(value, list):
        return [_without(one, pending) for one in value if not pending.intersection(_references(one))]
    return value


def _refers(text: str, pending: set[str]) -> bool:
    return text.startswith(_REFERENCE) and text.removeprefix(_REFERENCE) in pending
