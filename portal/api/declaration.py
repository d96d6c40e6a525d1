"""`endpoint()` declares a method of the API. An endpoint is data and one function; `dispatch` does the rest."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

import msgspec

from portal.api.caller import Caller
from portal.api.rights import Rights

BACKEND, BROWSER = "v1/b2b/", "sdk/v1/"

Request = TypeVar("Request", bound=msgspec.Struct)
Response = TypeVar("Response", bound=msgspec.Struct)
Function = Callable[[Caller, Request], Response]


@dataclass(frozen=True, slots=True)
class BrowserRoute:
    """The route of a method for pages in a browser; its path is below /sdk/v1/."""

    verb: str
    path: str
    # Without a session no one is signed in, and the directory rejects anything that needs a permission.
    needs_session: bool = True
    # If it doesn't need one, whether it uses the session of a request that has one.
    takes_session: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of the API: `name` is Stytch's, `path` is below /v1/b2b/, or "" if backends have no such method.

    With `is_ours`, Stytch has no such method, and its SDKs can't call it.

    With `of_organization`, `organization_id` comes from the path or the body and is opened first; it may also be a slug or
    an external ID. `is_open` asks for no credentials. `ignores_body` doesn't read the body.
    """

    name: str
    verb: str
    path: str
    function: Callable[[Caller, Any], msgspec.Struct]
    request: type[msgspec.Struct]
    response: type[msgspec.Struct]
    rights: Rights | None
    browser_routes: tuple[BrowserRoute, ...] = ()
    of_organization: bool = True
    is_open: bool = False
    ignores_body: bool = False
    is_ours: bool = False
    summary: str = field(default="", compare=False)


ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(  # noqa: PLR0913 -- each is one property of the method
    name: str,
    backend: str = "",
    *,
    browser: Sequence[BrowserRoute] = (),
    rights: Rights | None,
    of_organization: bool = True,
    is_open: bool = False,
    ignores_body: bool = False,
    is_ours: bool = False,
) -> Callable[[Function[Request, Response]], Function[Request, Response]]:
    """Declare a function as a method; `backend` is "VERB path". Annotations give the types of request and response.

    `rights` has no default: None means that the function needs no permission or checks it itself. Raise ValueError for a
    name that is already declared.
    """
    verb, _, path = backend.partition(" ")

    def declare(function: Function[Request, Response]) -> Function[Request, Response]:
        if name in ENDPOINTS:
            raise ValueError(f"{name} is declared twice.")
        hints = list(get_type_hints(function).values())
        ENDPOINTS[name] = Endpoint(
            name=name,
            verb=verb,
            path=path,
            function=function,
            request=hints[1],
            response=hints[-1],
            rights=rights,
            browser_routes=tuple(browser),
            of_organization=of_organization,
            is_open=is_open,
            ignores_body=ignores_body,
            is_ours=is_ours,
            summary=(function.__doc__ or "").strip(),
        )
        return function

    return declare


def by_path(endpoints: Iterable[Endpoint]) -> Mapping[str, Mapping[str, tuple[Endpoint, BrowserRoute | None]]]:
    """Return endpoints by path and verb, with the browser route of a path below /sdk/v1/."""
    found: dict[str, dict[str, tuple[Endpoint, BrowserRoute | None]]] = {}
    for one in endpoints:
        if one.path:
            found.setdefault(BACKEND + one.path, {})[one.verb] = (one, None)
        for route in one.browser_routes:
            found.setdefault(BROWSER + route.path, {})[route.verb] = (one, route)
    return found
