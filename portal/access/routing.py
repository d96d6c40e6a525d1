"""`route()` declares a URL with who may use it, which makes each `urls.py` the access matrix of its area."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls import path as django_path

from portal.access.audiences import Audience
from portal.directory.permissions import READ_ACTIONS, Permission

View = Callable[..., HttpResponseBase]
AnyView = TypeVar("AnyView", bound=View)

READ_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use a URL, and with which methods."""

    allow: Permission | Audience
    methods: frozenset[str]
    # Whether its form only returns data, so that a frame that only shows accepts it.
    hands_out: bool = False
    # Whether a form there works only at the portal itself, not in a frame of a product's page.
    top_level: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A URL of the project, for system checks and tests."""

    path: str
    name: str
    access: Access | None
    view: Callable[..., Any]


def route(  # noqa: PLR0913 -- each is one property of the URL
    path: str,
    view: View,
    *,
    name: str,
    allow: Permission | Audience,
    methods: Sequence[str] = ("GET",),
    hands_out: bool = False,
    top_level: bool = False,
) -> URLPattern:
    """Declare a URL and who may use it. GET includes HEAD.

    Raise ValueError if a permission to read would allow a method that writes. With `hands_out`, POST is allowed, too: it
    only returns data that the permission covers, but is recorded, so no link and no other site must be able to trigger it.
    With `top_level`, its form isn't accepted in a frame, where the page around it could trick a member into a click. Changes
    that need a recent proof never are.
    """
    allowed = frozenset(methods) | ({"HEAD"} if "GET" in methods else set())
    reading = READ_METHODS | {"POST"} if hands_out else READ_METHODS
    if isinstance(allow, Permission) and _only_reads(allow) and not allowed <= reading:
        raise ValueError(f'{name}: "{allow}" is a permission to read and cannot allow {", ".join(methods)}')

    @wraps(view)
    def declared(*args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(*args, **kwargs)

    # wraps() copies the view's attributes, such as csrf_exempt; the declaration belongs to this URL only.
    vars(declared)["access"] = Access(allow, allowed, hands_out=hands_out, top_level=top_level)
    return django_path(path, declared, name=name)


def access_of(view: Callable[..., Any]) -> Access | None:
    """Return what `route()` declared, or None for any other view."""
    access = getattr(view, "access", None)
    return access if isinstance(access, Access) else None


def edge_for(audience: Audience) -> Callable[[AnyView], AnyView]:
    """Mark a view as one that authenticates requests of an audience of machines itself."""

    def mark(view: AnyView) -> AnyView:
        vars(view)["edge_for"] = audience
        return view

    return mark


def machine_of(view: Callable[..., Any]) -> Audience | None:
    """Return the audience that a view authenticates itself, or None if the gate does."""
    audience = getattr(view, "edge_for", None)
    return audience if isinstance(audience, Audience) else None


def iter_routes() -> Iterator[Route]:
    """Yield every URL of the project."""
    yield from _routes(get_resolver().url_patterns, "", "")


def _routes(patterns: Sequence[URLPattern | URLResolver], prefix: str, namespace: str) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _routes(pattern.url_patterns, path, inner)
        else:
            yield Route(path, f"{namespace}{pattern.name}", access_of(pattern.callback), pattern.callback)


def _only_reads(permission: Permission) -> bool:
    action = permission.partition(":")[2]
    return action.split(".")[0] in READ_ACTIONS
