"""Discovery: the service configuration, resource types and schemas (RFC 7643, 5 to 7; RFC 7644, 4)."""

from typing import Any

from django.conf import settings

from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.pagination import CURSOR_SECONDS, DEFAULT_RESULTS, MAX_RESULTS
from portal.embedded.scim.protocol.schemas import ResourceSchema

_CORE = "urn:ietf:params:scim:schemas:core:2.0"
# RFC 9865, 4.
_PAGINATION = {
    "cursor": True,
    "index": True,
    "defaultPaginationMethod": "index",
    "defaultPageSize": DEFAULT_RESULTS,
    "maxPageSize": MAX_RESULTS,
    "cursorTimeout": CURSOR_SECONDS,
}


def service_provider_config(base_url: str) -> dict[str, Any]:
    """Return the service provider configuration."""
    return {
        "schemas": [f"{_CORE}:ServiceProviderConfig"],
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": settings.SCIM_MAX_OPERATIONS,
            "maxPayloadSize": settings.SCIM_MAX_BODY_BYTES,
        },
        "filter": {"supported": True, "maxResults": MAX_RESULTS},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "The token of the SCIM connection, in the Authorization header.",
                "primary": True,
            }
        ],
        "pagination": _PAGINATION,
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base_url}/ServiceProviderConfig"},
    }


def resource_types(client: ScimClient) -> list[dict[str, Any]]:
    """Return the resource types."""
    return [_resource_type(schema, client.base_url) for schema in _resources(client)]


def schemas(client: ScimClient) -> list[dict[str, Any]]:
    """Return the schemas of the resource types and their extensions."""
    return [
        document | {"meta": {"resourceType": "Schema", "location": f"{client.base_url}/Schemas/{document['id']}"}}
        for schema in _resources(client)
        for document in schema.published
    ]


def _resources(client: ScimClient) -> tuple[ResourceSchema, ...]:
    return client.user_schema, client.group_schema


def _resource_type(schema: ResourceSchema, base_url: str) -> dict[str, Any]:
    extensions = [{"schema": extension.name, "required": False} for extension in schema.extensions.values()]
    return {
        "schemas": [f"{_CORE}:ResourceType"],
        "id": schema.name,
        "name": schema.name,
        "description": schema.published[0]["description"],
        "endpoint": schema.endpoint,
        "schema": schema.urn,
        **({"schemaExtensions": extensions} if extensions else {}),
        "meta": {"resourceType": "ResourceType", "location": f"{base_url}/ResourceTypes/{schema.name}"},
    }
