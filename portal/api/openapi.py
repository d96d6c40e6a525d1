"""The OpenAPI 3.1 document of the API, generated from the declarations of its endpoints."""

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from django.conf import settings

from portal.api.declaration import BrowserRoute, Endpoint, by_path
from portal.api.endpoints import ENDPOINTS
from portal.api.errors.types import ERROR_TYPES
from portal.api.sdk_methods import name_at

_Document = dict[str, Any]
_REFERENCE = "#/components/schemas/{name}"
_PARAMETER = re.compile(r"{(\w+)}")
_TEXT: _Document = {"type": "string"}


class Error(msgspec.Struct):
    """The body of every error response."""

    status_code: int
    request_id: str
    error_type: str
    error_message: str
    error_url: str


@cache
def openapi_document() -> bytes:
    """Return the document as JSON."""
    structs = [struct for one in ENDPOINTS.values() for struct in (one.request, one.response)]
    schemas, components = msgspec.json.schema_components([*structs, Error], ref_template=_REFERENCE)
    schema_of = dict(zip([*structs, Error], schemas, strict=True))
    paths = {
        f"/{path}": dict(_operations(path, verbs, schema_of))
        for path, verbs in sorted(by_path(ENDPOINTS.values()).items())
    }
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Gatehouse",
            "version": "1",
            "description": "The methods of Stytch's B2B API that Gatehouse offers.",
        },
        "servers": [{"url": settings.PUBLIC_URL}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "secret": {"type": "http", "scheme": "basic", "description": "Project ID and secret."},
                "session": {"type": "http", "scheme": "basic", "description": "Public token and session token."},
            },
        },
    }
    return msgspec.json.encode(document)


def _operations(
    path: str, verbs: dict[str, tuple[Endpoint, BrowserRoute | None]] | Any, schema_of: dict[Any, _Document]
) -> Iterator[tuple[str, _Document]]:
    for verb, (one, browser_route) in sorted(verbs.items()):
        yield verb.lower(), _operation(path, verb, one, browser_route, schema_of)


def _operation(
    path: str, verb: str, one: Endpoint, browser_route: BrowserRoute | None, schema_of: dict[Any, _Document]
) -> _Document:
    in_path = _PARAMETER.findall(path)
    operation: _Document = {
        "operationId": f"{'browser' if browser_route else 'backend'}.{one.name if one.is_ours else name_at(verb, f'/{path}')}",
        "summary": one.summary,
        "tags": [one.name.partition(".")[0]],
        "security": [] if one.is_open else [{"session" if browser_route else "secret": []}],
        "parameters": [{"name": name, "in": "path", "required": True, "schema": _TEXT} for name in in_path],
        "responses": {
            "200": _success(schema_of[one.response], is_wrapped=browser_route is not None),
            **_errors(schema_of),
        },
    }
    if verb in {"POST", "PUT"}:
        operation["requestBody"] = {"content": {"application/json": {"schema": schema_of[one.request]}}}
    else:
        operation["parameters"] += list(_in_query(one, in_path))
    return operation


def _in_query(one: Endpoint, in_path: list[str]) -> Iterator[_Document]:
    for field in msgspec.structs.fields(one.request):
        if field.encode_name not in in_path:
            schema = msgspec.json.schema(field.type)
            yield {"name": field.encode_name, "in": "query", "required": field.required, "schema": schema}


def _success(result: _Document, *, is_wrapped: bool) -> _Document:
    status: _Document = {
        "type": "object",
        "properties": {"status_code": {"type": "integer"}, "request_id": _TEXT},
        "required": ["status_code", "request_id"],
    }
    both: _Document = {"allOf": [status, result]}
    wrapped: _Document = {"type": "object", "properties": {"data": both}, "required": ["data"]}
    schema = wrapped if is_wrapped else both
    return {"description": "Success.", "content": {"application/json": {"schema": schema}}}


def _errors(schema_of: dict[Any, _Document]) -> _Document:
    content = {"application/json": {"schema": schema_of[Error]}}
    statuses = sorted({kind.status for kind in ERROR_TYPES.values()})
    return {str(int(status)): {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}
