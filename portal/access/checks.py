"""System checks of the URL configuration."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from portal.access.audiences import MACHINES
from portal.access.routing import iter_routes, machine_of


@register
def every_url_is_declared(**_: Any) -> list[CheckMessage]:
    """Report URLs that weren't declared with `route()`; the gate blocks them at run time, too."""
    return [
        Error(
            f"The URL {route.path!r} doesn't declare who may use it.",
            hint="Declare it with portal.access.routing.route().",
            id="portal.E001",
        )
        for route in iter_routes()
        if route.access is None
    ]


@register
def every_endpoint_for_machines_authenticates(**_: Any) -> list[CheckMessage]:
    """Report endpoints for machines that don't authenticate requests; the gate blocks them, too."""
    return [
        Error(
            f"The endpoint {route.path!r} doesn't authenticate requests.",
            hint="Create its view with portal.scim_server.endpoints.scim_view or portal.api.dispatch.api_view.",
            id="portal.E002",
        )
        for route in iter_routes()
        if route.access and route.access.allow in MACHINES and machine_of(route.view) is not route.access.allow
    ]
