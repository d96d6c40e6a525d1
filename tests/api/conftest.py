"""A project and its callers: the official SDK in this process, a product's backend with plain requests, and its page in a browser."""

import asyncio
import base64
import json
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from inspect import iscoroutinefunction
from io import BytesIO
from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest
import requests
from aiohttp import BasicAuth, ClientSession
from django.test import Client
from requests.adapters import BaseAdapter
from stytch import B2BClient

from portal.directory.actor import Origin
from portal.embedded import models
from portal.embedded.project_secrets import NewProjectSecret, create_project_secret
from tests import factories

Result = TypeVar("Result")
PAGE = "https://app.example.com"


class InProcess(BaseAdapter):
    """Carries what `requests` sends to the application in this process, in the test's own transaction."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the application's answer."""
        headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
        body = request.body or b""
        answer = Client().generic(
            str(request.method),
            request.path_url,
            body if isinstance(body, bytes) else body.encode(),
            content_type=request.headers.get("Content-Type", "application/json"),
            **headers,  # type: ignore[arg-type]  # -- headers, which the stubs take for other arguments
        )
        response = requests.Response()
        response.status_code = answer.status_code
        response.raw = BytesIO(answer.content)
        response.headers.update(dict(answer.items()))
        response.request, response.url = request, str(request.url)
        return response

    def close(self) -> None:
        """Nothing is open."""


class AsyncInProcess:
    """The same for the SDK's asynchronous methods, in the place of what they send with."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session

    def __getattr__(self, verb: str) -> Any:
        async def send(url: str, *, auth: BasicAuth, **rest: Any) -> Any:
            response = self._session.request(verb, url, auth=(auth.login, auth.password), **rest)

            async def document() -> Any:
                return response.json()

            return SimpleNamespace(status=response.status_code, json=document)

        return send


def result_of(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that waits for nothing; a loop would have a connection to the database of its own."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("It waits for something.")


def in_a_loop(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine in a thread of its own: in this one, the browser's loop may be running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


class Awaiting:
    """The SDK with each method replaced by its asynchronous one, awaited: what is tested with one holds for the other."""

    def __init__(self, part: Any) -> None:
        self._part = part

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._part, f"{name}_async", None) or getattr(self._part, name)
        if iscoroutinefunction(value):
            return lambda *arguments, **more: result_of(value(*arguments, **more))
        return value if callable(value) else Awaiting(value)


@dataclass(frozen=True)
class Answer:
    """What came back: `fields` are those of the response, whether or not it was wrapped."""

    status: int
    fields: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def error_type(self) -> str:
        return str(self.fields.get("error_type", ""))

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]


@dataclass(frozen=True)
class Caller:
    """A client that sends plain requests."""

    user: str
    password: str
    prefix: str
    headers: Mapping[str, str]

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, None, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Answer:
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.call("DELETE", path, None, **headers)

    def call(self, verb: str, path: str, body: Any = None, **headers: str) -> Answer:
        credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        response = Client().generic(
            verb,
            self.prefix + path,
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode(),
            content_type="application/json",
            headers={"Authorization": f"Basic {credentials}", **self.headers, **headers},
        )
        document = json.loads(response.content) if response.content else {}
        is_wrapped = self.prefix.startswith("/sdk") and response.status_code == 200
        return Answer(response.status_code, document["data"] if is_wrapped else document, dict(response.items()))


@pytest.fixture
def project(db: None) -> NewProjectSecret:
    return create_project_secret(origin=Origin())


@pytest.fixture(params=["sync", "async"])
def sdk(request: pytest.FixtureRequest, project: NewProjectSecret) -> B2BClient:
    session = requests.Session()
    session.mount("http://", InProcess())
    client = B2BClient(
        project.project_id,
        project.secret,
        environment="http://testserver/",
        sync_session=session,
        async_session=cast("ClientSession", AsyncInProcess(session)),
        suppress_warnings=True,
    )
    return cast("B2BClient", Awaiting(client)) if request.param == "async" else client


@pytest.fixture
def backend(project: NewProjectSecret) -> Caller:
    return Caller(project.project_id, project.secret, "/v1/b2b/", {})


@pytest.fixture
def page_of(project: NewProjectSecret, settings: Any) -> Any:
    """Return what makes the caller of a page in which a member is signed in; None for nobody."""
    settings.SDK_ALLOWED_ORIGINS = frozenset({PAGE})

    def make(member: models.MemberRow | None) -> Caller:
        token = factories.product_session_token(member) if member else project.public_token
        return Caller(project.public_token, token, "/sdk/v1/", {"Origin": PAGE})

    return make


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)
