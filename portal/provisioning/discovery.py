"""What the service offers (RFC 7643, 5 to 7; RFC 7644, 4): as much as is true, and no more."""

from typing import Any

from django.conf import settings
from scim2_models import Context, Resource, ResourceType, ServiceProviderConfig

from portal.directory.embedded.provisioning.clients import ScimClient
from portal.directory.embedded.provisioning.cursors import CURSOR_SECONDS
from portal.directory.embedded.provisioning.listing import DEFAULT_RESULTS, MOST_RESULTS
from portal.directory.embedded.provisioning.schemas import ResourceSchema

# RFC 9865, 4.
_PAGINATION = {
    "cursor": True,
    "index": True,
    "defaultPaginationMethod": "index",
    "defaultPageSize": DEFAULT_RESULTS,
    "maxPageSize": MOST_RESULTS,
    "cursorTimeout": CURSOR_SECONDS,
}


def service_provider_config(base_url: str) -> dict[str, Any]:
    """Return the service's abilities."""
    config = ServiceProviderConfig.model_validate(
        {
            "patch": {"supported": True},
            "bulk": {
                "supported": True,
                "maxOperations": settings.SCIM_MAX_OPERATIONS,
                "maxPayloadSize": settings.SCIM_MAX_BODY_BYTES,
            },
            "filter": {"supported": True, "maxResults": MOST_RESULTS},
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
        }
    )
    document = _dump(config, "ServiceProviderConfig", f"{base_url}/ServiceProviderConfig")
    return document | {"pagination": _PAGINATION}


def resource_types(client: ScimClient) -> list[dict[str, Any]]:
    """Return the kinds of resources."""
    return [
        _dump(_resource_type(schema), "ResourceType", f"{client.base_url}/ResourceTypes/{schema.name}")
        for schema in _resources(client)
    ]


def schemas(client: ScimClient) -> list[dict[str, Any]]:
    """Return the attributes of each kind and extension."""
    return [
        document | {"meta": {"resourceType": "Schema", "location": f"{client.base_url}/Schemas/{document['id']}"}}
        for schema in _resources(client)
        for document in schema.published
    ]


def _resources(client: ScimClient) -> tuple[ResourceSchema, ...]:
    return client.user_schema, client.group_schema


def _resource_type(schema: ResourceSchema) -> ResourceType:
    extensions = [{"schema": extension.name, "required": False} for extension in schema.extensions.values()]
    return ResourceType.model_validate(
        {
            "id": schema.name,
            "name": schema.name,
            "endpoint": schema.endpoint,
            "schema": schema.urn,
            **({"schemaExtensions": extensions} if extensions else {}),
        }
    )


def _dump(resource: Resource[Any], kind: str, location: str) -> dict[str, Any]:
    document: dict[str, Any] = resource.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    return document | {"meta": {"resourceType": kind, "location": location}}
