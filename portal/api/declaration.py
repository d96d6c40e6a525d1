"""`endpoint()`: the one way to declare a method of the API. An endpoint is data and one function; the edge does the rest."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_type_hints

import msgspec

from portal.api.caller import Call
from portal.api.rights import Rights

BACKEND, BROWSER = "v1/b2b/", "sdk/v1/"

Request = TypeVar("Request", bound=msgspec.Struct)
Response = TypeVar("Response", bound=msgspec.Struct)
Function = Callable[[Call, Request], Response]


@dataclass(frozen=True, slots=True)
class Twin:
    """The same method for pages in a browser; its path is below /sdk/v1/."""

    verb: str
    path: str
    # Without one, nobody is signed in, and the directory refuses whatever needs a right.
    needs_session: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A method of the API: `name` is Stytch's, `path` is below /v1/b2b/ and "" where a backend has no such method.

    With `of_organization`, `organization_id` comes from path or body and is opened before; it may be a slug or an external
    id. `is_open` asks for no credentials at all, and `ignores_body` reads nothing of what is sent.
    """

    name: str
    verb: str
    path: str
    call: Callable[[Call, Any], msgspec.Struct]
    request: type[msgspec.Struct]
    response: type[msgspec.Struct]
    rights: Rights | None
    twins: tuple[Twin, ...] = ()
    of_organization: bool = True
    is_open: bool = False
    ignores_body: bool = False
    summary: str = field(default="", compare=False)


ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(  # noqa: PLR0913 -- each says one thing of the method
    name: str,
    backend: str = "",
    *,
    sdk: Sequence[Twin] = (),
    rights: Rights | None,
    of_organization: bool = True,
    is_open: bool = False,
    ignores_body: bool = False,
) -> Callable[[Function[Request, Response]], Function[Request, Response]]:
    """Declare a function as a method; `backend` is "VERB path", the request's and the answer's types are its annotations.

    `rights` has no default: None says that whoever is signed in may call it for themselves. Raises
    ValueError for a name that is declared twice.
    """
    verb, _, path = backend.partition(" ")

    def declare(function: Function[Request, Response]) -> Function[Request, Response]:
        if name in ENDPOINTS:
            raise ValueError(f"{name} is declared twice.")
        hints = get_type_hints(function)
        ENDPOINTS[name] = Endpoint(
            name=name,
            verb=verb,
            path=path,
            call=function,
            request=hints["request"],
            response=hints["return"],
            rights=rights,
            twins=tuple(sdk),
            of_organization=of_organization,
            is_open=is_open,
            ignores_body=ignores_body,
            summary=(function.__doc__ or "").strip(),
        )
        return function

    return declare


def by_address(endpoints: Iterable[Endpoint]) -> Mapping[str, Mapping[str, tuple[Endpoint, Twin | None]]]:
    """Return endpoints by address and verb, with the twin that an address below /sdk/v1/ is of."""
    found: dict[str, dict[str, tuple[Endpoint, Twin | None]]] = {}
    for one in endpoints:
        if one.path:
            found.setdefault(BACKEND + one.path, {})[one.verb] = (one, None)
        for twin in one.twins:
            found.setdefault(BROWSER + twin.path, {})[twin.verb] = (one, twin)
    return found
