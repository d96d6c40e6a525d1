"""The SCIM 2.0 endpoints (RFC 7644, 3)."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from portal.embedded.scim.protocol.errors import Forbidden, NotOffered, ResourceNotFound
from portal.embedded.scim.protocol.etags import etag, matches_etag
from portal.embedded.scim.protocol.pagination import ResultPage
from portal.scim_server import discovery
from portal.scim_server.bulk import run_bulk
from portal.scim_server.dispatch import IdpRequest, json_response, scim_view
from portal.scim_server.queries import list_query, search_parameters
from portal.scim_server.rendering import Projection, list_document
from portal.scim_server.resources import GROUPS, USERS, ResourceType, Row
from portal.scim_server.root_search import find_everything


@scim_view
def users(call: IdpRequest) -> HttpResponse:
    """List people, or provision one."""
    return _collection(call, USERS)


@scim_view
def user(call: IdpRequest, resource_id: str) -> HttpResponse:
    """Return, replace, change or forget a person."""
    return _resource(call, USERS, resource_id)


@scim_view
def groups(call: IdpRequest) -> HttpResponse:
    """List groups, or push one."""
    return _collection(call, GROUPS)


@scim_view
def group(call: IdpRequest, resource_id: str) -> HttpResponse:
    """Return, replace, change or forget a group."""
    return _resource(call, GROUPS, resource_id)


@scim_view
def search_users(call: IdpRequest) -> HttpResponse:
    """List people, asked for in a body, so that no personal data is in an address (RFC 7644, 3.4.3)."""
    return _list(call, USERS, search_parameters(call.client, call.body))


@scim_view
def search_groups(call: IdpRequest) -> HttpResponse:
    """List groups, asked for in a body."""
    return _list(call, GROUPS, search_parameters(call.client, call.body))


@scim_view
def search(call: IdpRequest) -> HttpResponse:
    """List people and groups together."""
    parameters = search_parameters(call.client, call.body)
    page = find_everything(call.client, list_query(call.client, parameters), parameters)
    return json_response(list_document(page.rows, page))


@scim_view
def bulk(call: IdpRequest) -> HttpResponse:
    """Carry out several operations."""
    return json_response(run_bulk(call.client, call.body))


@scim_view
def me(_: IdpRequest) -> HttpResponse:
    """Say that a connection is nobody (RFC 7644, 3.11)."""
    raise NotOffered("/Me is not offered: the token belongs to a connection, not to a person.")


@scim_view
def service_provider_config(call: IdpRequest) -> HttpResponse:
    """Say what the service can do."""
    _refuse_filter(call)
    return json_response(discovery.service_provider_config(call.client.base_url))


@scim_view
def resource_types(call: IdpRequest) -> HttpResponse:
    """Say which kinds of resources there are."""
    return _whole_list(call, discovery.resource_types(call.client))


@scim_view
def resource_type(call: IdpRequest, resource_id: str) -> HttpResponse:
    """Describe one kind of resource."""
    return _one_of(discovery.resource_types(call.client), resource_id)


@scim_view
def schemas(call: IdpRequest) -> HttpResponse:
    """Say which attributes resources have."""
    return _whole_list(call, discovery.schemas(call.client))


@scim_view
def schema(call: IdpRequest, resource_id: str) -> HttpResponse:
    """Describe one schema."""
    return _one_of(discovery.schemas(call.client), resource_id)


@scim_view
def nothing(_: IdpRequest, endpoint: str = "") -> HttpResponse:
    """Refuse every other address below a connection."""
    raise ResourceNotFound(f'There is no endpoint "{endpoint[:200]}". Users are at /Users, groups at /Groups.')


@scim_view
def elsewhere(call: IdpRequest, **_: str) -> HttpResponse:
    """Refuse an address that names the connection in the wrong place."""
    raise ResourceNotFound(f"There is no SCIM service at this address. The base URL is {call.client.base_url}.")


def _collection(call: IdpRequest, kind: ResourceType) -> HttpResponse:
    if call.method == "POST":
        projection = Projection(kind.schema(call.client), call.parameters)
        return _answer(call, kind, kind.create(call.client, call.body), projection, is_new=True)
    return _list(call, kind, call.parameters)


def _resource(call: IdpRequest, kind: ResourceType, resource_id: str) -> HttpResponse:
    projection = Projection(kind.schema(call.client), call.parameters)
    match call.method:
        case "PUT":
            row = kind.replace(call.client, resource_id, call.body, call.if_match)
        case "PATCH":
            row = kind.patch(call.client, resource_id, call.body, call.if_match)
            if kind is GROUPS and _is_answered_briefly(call, row):
                return HttpResponse(status=204, headers={"ETag": etag(row)})
        case "DELETE":
            kind.delete(call.client, resource_id, call.if_match)
            return HttpResponse(status=204)
        case _:
            row = kind.get(call.client, resource_id)
            if not kind.shows_others(projection) and matches_etag(call.if_none_match, etag(row)):
                return HttpResponse(status=304, headers={"ETag": etag(row)})
    return _answer(call, kind, row, projection)


def _is_answered_briefly(call: IdpRequest, row: Row) -> bool:
    """Say whether a change of a group is answered without it: where that is large, and to Entra, which expects it."""
    is_brief = call.client.is_entra or row.member_count > settings.SCIM_MEMBERS_IN_PATCH_ANSWER
    return is_brief and "attributes" not in call.parameters


def _answer(
    call: IdpRequest, kind: ResourceType, row: Row, projection: Projection, *, is_new: bool = False
) -> HttpResponse:
    if is_new:
        document = kind.new_document(call.client, row, projection)
    else:
        (document,) = kind.documents(call.client, [row], projection)
    tag = document["meta"]["version"]
    if call.method == "GET" and matches_etag(call.if_none_match, tag):
        return HttpResponse(status=304, headers={"ETag": tag})
    location = kind.location(call.client, row)
    status = 201 if is_new else 200
    response = json_response(projection.apply(document), status, Content_Location=location, ETag=tag)
    if is_new:
        response["Location"] = location
    return response


def _list(call: IdpRequest, kind: ResourceType, parameters: Mapping[str, str]) -> HttpResponse:
    projection = Projection(kind.schema(call.client), parameters)
    page = kind.find(call.client, list_query(call.client, parameters))
    documents = map(projection.apply, kind.documents(call.client, page.rows, projection))
    return json_response(list_document(list(documents), page))


def _whole_list(call: IdpRequest, documents: list[dict[str, Any]]) -> HttpResponse:
    _refuse_filter(call)
    return json_response(list_document(documents, ResultPage(documents, len(documents), 1)))


def _refuse_filter(call: IdpRequest) -> None:
    if "filter" in call.parameters:
        # RFC 7644, 4: who cannot see all of it must not be told that it is not there.
        raise Forbidden("What the service offers cannot be filtered.")


def _one_of(documents: list[dict[str, Any]], resource_id: str) -> HttpResponse:
    for document in documents:
        if document["id"].lower() == resource_id.lower():
            return json_response(document)
    raise ResourceNotFound(f'There is no "{resource_id[:200]}".')
