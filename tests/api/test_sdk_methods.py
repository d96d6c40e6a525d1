"""Each method of Stytch's SDKs is here, or says in Stytch's form that it isn't."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stytch
from django.test import Client

from portal.api.declaration import by_path
from portal.api.endpoints import ENDPOINTS
from portal.api.sdk_methods import SdkMethod, missing_methods, sdk_methods
from tests.api.conftest import PAGE
from tests.conftest import JAVASCRIPT

OF_STYTCH = [one for one in ENDPOINTS.values() if not one.is_ours]
HERE = {(verb, f"/{path}") for path, verbs in by_path(OF_STYTCH).items() for verb in verbs}
ERROR = {"status_code", "request_id", "error_type", "error_message", "error_url"}
# Of Stytch's API for consumers, whose source the SDKs share.
OF_CONSUMERS = re.compile(
    r"/v1/(?:idp|rules|fingerprint|email|verdict_reasons)/|/sdk/v1/(?!b2b/|idp/b2b/|projects/|events)"
)


def shape(verb: str, path: str) -> tuple[str, str]:
    return verb, re.sub(r"\{[^}]*\}", "{}", path)


LISTED = {shape(one.verb, one.path) for one in sdk_methods()}


def url_of(one: SdkMethod) -> str:
    return re.sub(r"{\w+}", "none", one.path)


@pytest.mark.django_db
@pytest.mark.parametrize("one", sdk_methods(), ids=lambda one: f"{one.verb} {one.path}")
def test_a_method_is_declared_or_says_that_it_is_not_here(one: SdkMethod, settings: Any) -> None:
    settings.SDK_ALLOWED_ORIGINS = frozenset({PAGE})
    headers = {"Accept": "application/json, text/plain, */*", "Origin": PAGE}
    response = Client().generic(one.verb, url_of(one), b"{}", content_type="application/json", headers=headers)
    is_here = shape(one.verb, one.path) in {shape(*address) for address in HERE}

    assert (response.status_code == 501) is not is_here
    assert response.status_code not in {405, 500}
    if not is_here:
        body = response.json()
        assert (set(body), body["error_type"]) == (ERROR, "not_offered")
        assert body["error_message"].endswith("is not available here yet.")
        assert one.name in missing_methods()
    if one.path.startswith("/sdk/"):
        assert response["Access-Control-Allow-Origin"] == PAGE


@pytest.mark.parametrize("address", sorted(HERE), ids=" ".join)
def test_an_address_that_is_here_is_one_of_stytchs(address: tuple[str, str]) -> None:
    assert shape(*address) in LISTED


@pytest.mark.parametrize(
    "one", [one for one in sdk_methods() if one.path.startswith("/sdk/")], ids=lambda one: one.path
)
def test_people_read_no_method_names(one: SdkMethod) -> None:
    response = Client().generic(one.verb, url_of(one), b"{}", content_type="application/json")

    if response.status_code == 501:
        assert response.json()["error_message"] == "This is not available here yet."


@pytest.mark.django_db
@pytest.mark.parametrize("one", [one for one in sdk_methods() if one.is_redirect], ids=lambda one: one.path)
def test_a_person_who_is_sent_to_what_is_not_here_gets_a_page(one: SdkMethod) -> None:
    response = Client().get(url_of(one), headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})

    page = response.content.decode()
    assert response.status_code == 501
    assert "This isn&#x27;t available here yet" in page
    assert one.name not in page
    assert "default-src" in response["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/v1/none", "/v1/b2b/none", "/sdk/v1/none", "/v1/public/none"])
def test_what_no_sdk_has_is_not_found_in_stytchs_form(path: str) -> None:
    response = Client().post(path, {}, content_type="application/json")

    assert (response.status_code, set(response.json())) == (404, ERROR)
    assert response.json()["error_type"] == "route_not_found"
    assert response["Cache-Control"] == "no-store"


def of_python() -> Iterator[tuple[str, str]]:
    """Yield the addresses that Stytch's Python SDK requests for B2B."""
    root = Path(str(stytch.__file__)).parent
    shared = ("connected_apps", "debug", "m2m", "project")
    sources = [*root.glob("b2b/api/*.py"), *(one for name in shared for one in root.glob(f"consumer/api/{name}*.py"))]
    for source in sources:
        found = re.findall(
            r'url_for\(\s*f?"(/v1/[^"]+)".*?client\.(get|post|put|delete)', source.read_text(), re.DOTALL
        )
        yield from (shape(verb.upper(), path) for path, verb in found)


def of_browsers() -> Iterator[tuple[str, str]]:
    """Yield the addresses that Stytch's SDK for browsers requests for B2B, from the sources in its source maps."""
    requests = re.compile(r"url: [`'](?P<url>[^`']+)[`'],\s*(?:body,\s*)?method: '(?P<verb>\w+)'")
    for source_map in (JAVASCRIPT / "node_modules/@stytch/vanilla-js/dist/esm").rglob("*.mjs.map"):
        for source in json.loads(source_map.read_bytes()).get("sourcesContent") or ():
            for found in requests.finditer(source or ""):
                path = "/sdk/v1/" + found["url"].removeprefix("/").partition("?")[0]
                yield shape(found["verb"], re.sub(r"\$\{", "{", path))


def unlisted(requested: Iterator[tuple[str, str]]) -> set[tuple[str, str]]:
    addresses = set(requested)
    assert len(addresses) > 60
    return {(verb, path) for verb, path in addresses - LISTED if not OF_CONSUMERS.match(path)}


def test_every_address_of_the_python_sdk_is_listed() -> None:
    assert unlisted(of_python()) == set()


@pytest.mark.node
def test_every_address_of_the_browser_sdk_is_listed() -> None:
    assert unlisted(of_browsers()) == set()


def test_every_endpoint_has_the_name_of_an_sdk_method() -> None:
    # Only browsers have it, as session.revokeForMember. Here its name follows those of the backend's methods.
    assert {one.name for one in OF_STYTCH} - {one.name for one in sdk_methods()} == {"sessions.revoke_for_member"}


def test_our_own_methods_have_no_address_of_stytchs() -> None:
    ours = [one for one in ENDPOINTS.values() if one.is_ours]

    assert len(ours) == 6
    assert {shape(one.verb, f"/v1/b2b/{one.path}") for one in ours} & LISTED == set()
    assert [one.name for one in ours if one.browser_routes] == []
