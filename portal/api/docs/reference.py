"""The list of methods for the documentation pages, with their routes, permissions and fields."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from portal.api.declaration import BACKEND, BROWSER, Endpoint
from portal.api.endpoints import ENDPOINTS


@dataclass(frozen=True, slots=True)
class MethodRoute:
    """A route of a method: for backends or browsers, with verb and path."""

    audience: str
    verb: str
    path: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method with the names of its fields: required and optional ones of the request, and those of the response."""

    name: str
    summary: str
    routes: tuple[MethodRoute, ...]
    permissions: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    returned: tuple[str, ...]
    is_ours: bool


def nouns() -> Mapping[str, Iterable[Method]]:
    """Return all methods by noun, in order of declaration."""
    found: dict[str, list[Method]] = {}
    for one in ENDPOINTS.values():
        found.setdefault(one.name.partition(".")[0], []).append(_method(one))
    return found


def _method(one: Endpoint) -> Method:
    fields = msgspec.structs.fields(one.request)
    required = [field.encode_name for field in fields if field.required]
    return Method(
        name=one.name,
        summary=one.summary,
        routes=tuple(_routes(one)),
        permissions=one.rights.always if one.rights else (),
        required=tuple(required),
        optional=tuple(field.encode_name for field in fields if not field.required),
        returned=tuple(field.encode_name for field in msgspec.structs.fields(one.response)),
        is_ours=one.is_ours,
    )


def _routes(one: Endpoint) -> Iterable[MethodRoute]:
    if one.path:
        yield MethodRoute("Backend", one.verb, f"/{BACKEND}{one.path}")
    for route in one.browser_routes:
        yield MethodRoute("Browser", route.verb, f"/{BROWSER}{route.path}")
