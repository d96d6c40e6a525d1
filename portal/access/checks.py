"""System checks of the URL configuration."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from portal.access.permissions import Audience
from portal.access.routing import authenticates_scim_client, iter_routes


@register
def every_url_is_declared(**_: Any) -> list[CheckMessage]:
    """Report URLs that were not made by `route()`; the gate refuses them at run time as well."""
    return [
        Error(
            f"The URL {route.path!r} says nothing about who may call it.",
            hint="Make it with portal.access.routing.route().",
            id="portal.E001",
        )
        for route in iter_routes()
        if route.access is None
    ]


@register
def every_scim_endpoint_authenticates(**_: Any) -> list[CheckMessage]:
    """Report endpoints for identity providers that do not check who calls; the gate refuses them as well."""
    return [
        Error(
            f"The SCIM endpoint {route.path!r} does not check the bearer token.",
            hint="Decorate its view with portal.provisioning.edge.scim_view.",
            id="portal.E002",
        )
        for route in iter_routes()
        if route.access and route.access.allow is Audience.SCIM_CLIENT and not authenticates_scim_client(route.view)
    ]
