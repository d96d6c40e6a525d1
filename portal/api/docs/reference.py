"""The methods as people read of them: what each is for, where it is, and what it takes and returns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from portal.api.declaration import BACKEND, BROWSER, Endpoint
from portal.api.endpoints.declared import ENDPOINTS


@dataclass(frozen=True, slots=True)
class Address:
    """Where a method is: for whom, and with which HTTP method."""

    audience: str
    verb: str
    path: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method, with the names of its fields; those that must be given stand in `required`."""

    name: str
    summary: str
    addresses: tuple[Address, ...]
    permissions: tuple[str, ...]
    required: tuple[str, ...]
    optional: tuple[str, ...]
    returned: tuple[str, ...]


def nouns() -> Mapping[str, Iterable[Method]]:
    """Return all methods by noun, in the order in which they are declared."""
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
        addresses=tuple(_addresses(one)),
        permissions=one.rights.always if one.rights else (),
        required=tuple(required),
        optional=tuple(field.encode_name for field in fields if not field.required),
        returned=tuple(field.encode_name for field in msgspec.structs.fields(one.response)),
    )


def _addresses(one: Endpoint) -> Iterable[Address]:
    if one.path:
        yield Address("Backend", one.verb, f"/{BACKEND}{one.path}")
    for twin in one.twins:
        yield Address("Browser", twin.verb, f"/{BROWSER}{twin.path}")
