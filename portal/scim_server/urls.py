"""The SCIM endpoints below each connection's base URL. An extra slash is tolerated, at the end or after the base URL."""

from collections.abc import Callable, Iterator

from django.http import HttpResponse
from django.urls import URLPattern, register_converter
from django.urls.converters import PathConverter, StringConverter

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.scim_server import endpoints

app_name = "provisioning"


class ConnectionId(StringConverter):
    """A connection's ID, anywhere in a URL."""

    regex = "scim-connection-(?:live|test)-[0-9a-f-]{36}"


class ConnectionSegment(StringConverter):
    """The segment for a connection's ID, with the slashes of a base URL that was pasted with one at its end."""

    regex = "[^/]+/*"

    def to_python(self, value: str) -> str:
        """Return the segment without slashes."""
        return value.rstrip("/")


class OtherPrefix(StringConverter):
    """The part of a URL before a misplaced connection ID, except the portal's own pages and the API."""

    regex = "(?!o/|sdk/|v1/b2b/scim/[^/]+/connection/).+?"


class UnknownEndpoint(PathConverter):
    """A path below a connection's base URL, except methods of Stytch's API, which look alike."""

    regex = "(?!connection(?:/|$)).+"


register_converter(ConnectionId, "scim_connection")
register_converter(ConnectionSegment, "connection_segment")
register_converter(OtherPrefix, "other_prefix")
register_converter(UnknownEndpoint, "unknown_endpoint")

_BASE = "v1/b2b/scim/<connection_segment:connection_id>"
_LIST = ("GET", "POST")
_RESOURCE = ("GET", "PUT", "PATCH", "DELETE")
_READ = ("GET",)
_POST = ("POST",)
_ALL = ("GET", "POST", "PUT", "PATCH", "DELETE")

_ENDPOINTS: tuple[tuple[str, Callable[..., HttpResponse], tuple[str, ...]], ...] = (
    ("/Users", endpoints.users, _LIST),
    ("/Users/.search", endpoints.search_users, _POST),
    ("/Users/<str:resource_id>", endpoints.user, _RESOURCE),
    ("/Groups", endpoints.groups, _LIST),
    ("/Groups/.search", endpoints.search_groups, _POST),
    ("/Groups/<str:resource_id>", endpoints.group, _RESOURCE),
    ("/.search", endpoints.search, _POST),
    ("/Bulk", endpoints.bulk, _POST),
    ("/Me", endpoints.me, _ALL),
    ("/ServiceProviderConfig", endpoints.service_provider_config, _READ),
    # The name in Microsoft's reference code and collection of requests.
    ("/serviceConfiguration", endpoints.service_provider_config, _READ),
    ("/ResourceTypes", endpoints.resource_types, _READ),
    ("/ResourceTypes/<str:resource_id>", endpoints.resource_type, _READ),
    ("/Schemas", endpoints.schemas, _READ),
    ("/Schemas/<str:resource_id>", endpoints.schema, _READ),
    ("", endpoints.unknown_endpoint, _ALL),
    ("/<unknown_endpoint:endpoint>", endpoints.unknown_endpoint, _ALL),
)


def _routes() -> Iterator[URLPattern]:
    for endpoint, view, methods in _ENDPOINTS:
        for slash in ("", "/"):
            name = view.__name__.replace("_", "-")
            yield route(f"{_BASE}{endpoint}{slash}", view, name=name, allow=Audience.SCIM_CLIENT, methods=methods)


def _wrong_base_urls() -> Iterator[URLPattern]:
    """Yield URLs with a misplaced connection ID, so that the request is logged and its error names the base URL."""
    for before in ("", "<other_prefix:before>/"):
        for after in ("", "/<path:endpoint>"):
            path = f"{before}<scim_connection:connection_id>{after}"
            yield route(path, endpoints.wrong_base_url, name="elsewhere", allow=Audience.SCIM_CLIENT, methods=_ALL)


# The wrong base URLs last: they match anything that contains a connection ID.
urlpatterns = [*_routes(), *_wrong_base_urls()]
