"""The SCIM endpoints below each connection's address. A slash too much is tolerated, at the end or after the base URL."""

from collections.abc import Callable, Iterator

from django.http import HttpResponse
from django.urls import URLPattern, register_converter
from django.urls.converters import PathConverter, StringConverter

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.scim_server import endpoints

app_name = "provisioning"


class ConnectionId(StringConverter):
    """The id of a connection, wherever it stands."""

    regex = "scim-connection-(?:live|test)-[0-9a-f-]{36}"


class PlaceOfConnection(StringConverter):
    """What is in the place of a connection's id, with the slashes after a base URL that was pasted with one."""

    regex = "[^/]+/*"

    def to_python(self, value: str) -> str:
        """Return the id alone."""
        return value.rstrip("/")


class Elsewhere(StringConverter):
    """What stands before a connection's id in a wrong address; the portal's own pages and the API are none."""

    regex = "(?!o/|sdk/|v1/b2b/scim/[^/]+/connection/).+?"


class NoMethod(PathConverter):
    """What is not an endpoint of SCIM below a connection's address; Stytch's API has methods of the same form."""

    regex = "(?!connection(?:/|$)).+"


register_converter(ConnectionId, "scim_connection")
register_converter(PlaceOfConnection, "place_of_connection")
register_converter(Elsewhere, "elsewhere")
register_converter(NoMethod, "no_method")

_BASE = "v1/b2b/scim/<place_of_connection:connection_id>"
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
    # The name in Microsoft's reference code and its collection of requests.
    ("/serviceConfiguration", endpoints.service_provider_config, _READ),
    ("/ResourceTypes", endpoints.resource_types, _READ),
    ("/ResourceTypes/<str:resource_id>", endpoints.resource_type, _READ),
    ("/Schemas", endpoints.schemas, _READ),
    ("/Schemas/<str:resource_id>", endpoints.schema, _READ),
    ("", endpoints.nothing, _ALL),
    ("/<no_method:endpoint>", endpoints.nothing, _ALL),
)


def _routes() -> Iterator[URLPattern]:
    for endpoint, view, methods in _ENDPOINTS:
        for slash in ("", "/"):
            name = view.__name__.replace("_", "-")
            yield route(f"{_BASE}{endpoint}{slash}", view, name=name, allow=Audience.SCIM_CLIENT, methods=methods)


def _wrong_addresses() -> Iterator[URLPattern]:
    """Yield what names a connection in the wrong place, so that it gets a SCIM error that says so, and is in the log."""
    for before in ("", "<elsewhere:before>/"):
        for behind in ("", "/<path:endpoint>"):
            path = f"{before}<scim_connection:connection_id>{behind}"
            yield route(path, endpoints.elsewhere, name="elsewhere", allow=Audience.SCIM_CLIENT, methods=_ALL)


# Last, as they are the least wanted.
urlpatterns = [*_routes(), *_wrong_addresses()]
