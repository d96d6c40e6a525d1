"""Rules that every method of the API keeps, found by walking them all."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.test import Client

from portal.access.audiences import Audience
from portal.access.routing import Route, iter_routes
from portal.api.declaration import Endpoint
from portal.api.endpoints import ENDPOINTS
from portal.api.errors.types import ERROR_TYPES
from portal.api.rights import Rights
from portal.directory.policy import DEFAULT_POLICY

ROOT = Path(__file__).parents[2]
ROUTES = [r for r in iter_routes() if r.access and r.access.allow in {Audience.PROJECT, Audience.SDK}]
OPEN = [one for one in ENDPOINTS.values() if one.is_open]
OPEN_PATHS = {f"v1/b2b/{one.path}" for one in OPEN} | {
    f"sdk/v1/{route.path}" for one in OPEN for route in one.browser_routes
}
ALL_METHODS = [(r, method) for r in ROUTES if r.access for method in sorted(r.access.methods - {"HEAD", "OPTIONS"})]
# By HTTP method and path: the fields of Stytch's requests and answers, and whether its Python SDK requires them.
STYTCH_FIELDS: dict[str, Any] = {
    re.sub(r"{\w+}", "{}", address): fields
    for address, fields in json.loads((Path(__file__).parents[1] / "api/stytch_fields.json").read_bytes()).items()
}
OF_STYTCH = [one for one in ENDPOINTS.values() if one.path and not one.is_ours]
GUARDED = [one for one in ENDPOINTS.values() if one.rights]


def name_of(value: object) -> str:
    return value.name if isinstance(value, Route | Endpoint) else str(value)


def url_of(declared: Route) -> str:
    return "/" + re.sub(r"<\w+:\w+>", "none", declared.path)


def test_every_error_type_is_explained() -> None:
    sources = (source.read_text() for source in (ROOT / "portal").rglob("*.py") if "stytch" not in source.parts)
    named = {name for text in sources for name in re.findall(r'(?:error_type=|ApiError\(\s*)"(\w+)"', text)}

    # Another one would be answered as the general one of its class, without a page of its own.
    assert named - ERROR_TYPES.keys() == set()
    assert len(named) > 100
    assert [name for name, one in ERROR_TYPES.items() if not (one.cause and one.fix)] == []


@pytest.mark.django_db
@pytest.mark.parametrize(("declared", "method"), ALL_METHODS, ids=name_of)
def test_every_method_needs_credentials(declared: Route, method: str) -> None:
    response = Client().generic(method, url_of(declared), b"{}", content_type="application/json")

    is_open = re.sub(r"<\w+:(\w+)>", r"{\1}", declared.path) in OPEN_PATHS
    assert response.status_code in ({200, 400, 401, 404} if is_open else {401, 404, 501})
    if response.status_code >= 400:
        assert set(response.json()) == {"status_code", "request_id", "error_type", "error_message", "error_url"}


@pytest.mark.parametrize("declared", GUARDED, ids=name_of)
def test_every_action_exists_in_the_policy(declared: Endpoint) -> None:
    assert isinstance(declared.rights, Rights)
    wanted = {*declared.rights.fields.values(), *([declared.rights.action] if declared.rights.action else [])}
    assert wanted <= set(DEFAULT_POLICY.resources[declared.rights.resource].actions)


@pytest.mark.parametrize("declared", ENDPOINTS.values(), ids=name_of)
def test_every_guarded_field_is_one_of_the_request(declared: Endpoint) -> None:
    if declared.rights:
        assert {*declared.rights.fields, *declared.rights.never} <= set(declared.request.__struct_fields__)


@pytest.mark.parametrize("declared", OF_STYTCH, ids=name_of)
def test_a_response_has_the_fields_of_stytchs(declared: Endpoint) -> None:
    listed = STYTCH_FIELDS[re.sub(r"{\w+}", "{}", f"{declared.verb} {declared.path}")]
    fields = {one.encode_name: one for one in msgspec.structs.fields(declared.response)}

    assert {name for name, is_required in listed["answer"].items() if is_required} <= set(fields)
    assert set(fields) <= set(listed["answer"])


@pytest.mark.parametrize("declared", OF_STYTCH, ids=name_of)
def test_a_request_has_only_fields_of_stytchs(declared: Endpoint) -> None:
    listed = STYTCH_FIELDS[re.sub(r"{\w+}", "{}", f"{declared.verb} {declared.path}")]

    assert {one.encode_name for one in msgspec.structs.fields(declared.request)} <= set(listed["request"])
