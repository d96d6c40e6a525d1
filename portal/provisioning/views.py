"""The SCIM 2.0 endpoints (RFC 7644, 3)."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse

from portal.directory.embedded import models
from portal.directory.embedded.provisioning import groups as group_rules
from portal.directory.embedded.provisioning import users as user_rules
from portal.directory.embedded.provisioning.errors import InvalidValue, ResourceNotFound
from portal.directory.embedded.provisioning.filters import parse_filter
from portal.directory.embedded.provisioning.listing import DEFAULT_RESULTS, ListQuery
from portal.directory.embedded.provisioning.patch import read_operations
from portal.directory.embedded.provisioning.schemas import GROUP, USER
from portal.provisioning import discovery
from portal.provisioning.edge import Call, json_response, scim_view
from portal.provisioning.resources import Projection, group_document, list_document, user_document

# A change of one member must not cost the whole list of a large group: it is answered with 204.
_MOST_MEMBERS_ANSWERED = 200
_LARGEST_NUMBER = 10**9


@scim_view
def users(call: Call) -> HttpResponse:
    """List people, or provision one."""
    if call.method == "POST":
        return _created(_users(call, [user_rules.create_user(call.client, call.body)])[0])
    page = user_rules.find_users(call.client, _list_query(call))
    return json_response(list_document(_users(call, page.rows), page.total_results, page.start_index))


@scim_view
def user(call: Call, resource_id: str) -> HttpResponse:
    """Return, replace, change or forget a person."""
    match call.method:
        case "PUT":
            row = user_rules.replace_user(call.client, resource_id, call.body)
        case "PATCH":
            row = user_rules.patch_user(call.client, resource_id, read_operations(call.body))
        case "DELETE":
            user_rules.delete_user(call.client, resource_id)
            return HttpResponse(status=204)
        case _:
            row = user_rules.get_user(call.client, resource_id)
    return json_response(_users(call, [row])[0])


@scim_view
def groups(call: Call) -> HttpResponse:
    """List groups, or push one."""
    if call.method == "POST":
        return _created(_groups(call, [group_rules.create_group(call.client, call.body)])[0])
    page = group_rules.find_groups(call.client, _list_query(call))
    return json_response(list_document(_groups(call, page.rows), page.total_results, page.start_index))


@scim_view
def group(call: Call, resource_id: str) -> HttpResponse:
    """Return, replace, change or forget a group."""
    match call.method:
        case "PUT":
            row = group_rules.replace_group(call.client, resource_id, call.body)
        case "PATCH":
            row = group_rules.patch_group(call.client, resource_id, read_operations(call.body))
            if row.member_count > _MOST_MEMBERS_ANSWERED and "attributes" not in call.parameters:
                return HttpResponse(status=204)
        case "DELETE":
            group_rules.delete_group(call.client, resource_id)
            return HttpResponse(status=204)
        case _:
            row = group_rules.get_group(call.client, resource_id)
    return json_response(_groups(call, [row])[0])


@scim_view
def service_provider_config(call: Call) -> HttpResponse:
    """Say what the service can do."""
    return json_response(discovery.service_provider_config(call.client.base_url))


@scim_view
def resource_types(call: Call) -> HttpResponse:
    """Say which kinds of resources there are."""
    return _whole_list(discovery.resource_types(call.client.base_url))


@scim_view
def resource_type(call: Call, resource_id: str) -> HttpResponse:
    """Describe one kind of resource."""
    return _one_of(discovery.resource_types(call.client.base_url), resource_id)


@scim_view
def schemas(call: Call) -> HttpResponse:
    """Say which attributes resources have."""
    return _whole_list(discovery.schemas(call.client.base_url))


@scim_view
def schema(call: Call, resource_id: str) -> HttpResponse:
    """Describe one schema."""
    return _one_of(discovery.schemas(call.client.base_url), resource_id)


@scim_view
def nothing(_: Call, endpoint: str = "") -> HttpResponse:
    """Refuse every other address below a connection."""
    raise ResourceNotFound(f'There is no endpoint "{endpoint[:200]}". Users are at /Users, groups at /Groups.')


def _users(call: Call, rows: Sequence[models.ScimUser]) -> list[dict[str, Any]]:
    projection = Projection(USER, call.parameters)
    groups_of = group_rules.groups_of(rows) if rows and projection.holds("groups") else {}
    return [projection.apply(user_document(call.client, row, groups_of.get(row.pk, ()))) for row in rows]


def _groups(call: Call, rows: Sequence[models.ScimGroup]) -> list[dict[str, Any]]:
    projection = Projection(GROUP, call.parameters)
    members_of = group_rules.members_of(rows) if rows and projection.holds("members") else {}
    return [projection.apply(group_document(call.client, row, members_of.get(row.pk, ()))) for row in rows]


def _created(document: dict[str, Any]) -> HttpResponse:
    location = document.get("meta", {}).get("location")
    return json_response(document, 201, **({"Location": location} if location else {}))


def _list_query(call: Call) -> ListQuery:
    text = call.parameters.get("filter", "")
    return ListQuery(
        filter=parse_filter(text) if text.strip() else None,
        start_index=_number(call, "startIndex", 1),
        count=_number(call, "count", DEFAULT_RESULTS),
    )


def _number(call: Call, name: str, default: int) -> int:
    text = call.parameters.get(name, "")
    if not text:
        return default
    try:
        return max(-_LARGEST_NUMBER, min(int(text[:12]), _LARGEST_NUMBER))
    except ValueError:
        raise InvalidValue(f'"{name}" must be a whole number.') from None


def _whole_list(documents: list[dict[str, Any]]) -> HttpResponse:
    return json_response(list_document(documents, len(documents), 1))


def _one_of(documents: list[dict[str, Any]], resource_id: str) -> HttpResponse:
    for document in documents:
        if document["id"].lower() == resource_id.lower():
            return json_response(document)
    raise ResourceNotFound(f'There is no "{resource_id[:200]}".')
