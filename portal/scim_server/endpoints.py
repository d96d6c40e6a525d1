"""The SCIM 2.0 endpoints (RFC 7644, 3). Every error is sent as a SCIM error (RFC 7644, 3.12)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, cast

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from portal.access.audiences import Audience
from portal.access.routing import access_of, edge_for
from portal.directory.ids import id_prefix
from portal.directory.scim.log import ScimRejection
from portal.embedded.scim.log.entries import OpenRequest, ResponseSummary, record_request
from portal.embedded.scim.protocol.client import ScimClient, has_entra_flag
from portal.embedded.scim.protocol.errors import (
    Forbidden,
    NotOffered,
    RequestRejected,
    ResourceNotFound,
    ScimError,
)
from portal.embedded.scim.protocol.etags import etag, matches_etag
from portal.embedded.scim.protocol.pagination import ResultPage
from portal.outages import TEMPORARY, reason
from portal.scim_server import discovery
from portal.scim_server.authentication import admit, authorization, bearer_token
from portal.scim_server.body import Body, read_body
from portal.scim_server.bulk import run_bulk
from portal.scim_server.outcomes import count_request
from portal.scim_server.rendering import Projection, error_response, json_response, list_document
from portal.scim_server.resources import GROUPS, USERS, ResourceType, Row
from portal.scim_server.search import find_everything, list_query, search_parameters
from portal.web.request import PortalRequest

log = structlog.get_logger("gatehouse.scim")

_BASE_PATH = "/v1/b2b/scim/"
_RETRY_SECONDS = "5"
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class IdpRequest:
    """An admitted request of an identity provider."""

    client: ScimClient
    method: str
    parameters: dict[str, str]
    body: Body
    if_match: str = ""
    if_none_match: str = ""


def scim_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Authenticate and log requests to a view, and turn every exception into a SCIM error."""

    @csrf_exempt  # browsers don't send bearer tokens by themselves
    @wraps(view)
    def edge(request: HttpRequest, connection_id: str, **arguments: str) -> HttpResponse:
        open_request = _open(cast("PortalRequest", request), connection_id)
        error = None
        try:
            response = view(_read_request(request, connection_id, open_request), **arguments)
            summary = ResponseSummary(response.status_code, location=response.get("Location", ""))
        except Exception as exception:  # noqa: BLE001 -- identity providers need a SCIM error, not an HTML page
            error = _scim_error(exception)
            response, summary = error_response(error), ResponseSummary(error.status, error.scim_type, error.detail)
        response["Cache-Control"] = "no-store"
        vars(response)["is_in_request_log"] = record_request(open_request, summary)
        count_request(open_request, summary, error)
        return response

    return edge_for(Audience.SCIM_CLIENT)(edge)


def _scim_error(exception: Exception) -> ScimError:
    """Return the error to send. Log the exception unless it already is a ScimError."""
    if isinstance(exception, ScimError):
        return exception
    if isinstance(exception, TEMPORARY):
        log.warning("scim_unavailable", **reason(exception))
        return RequestRejected(503, "The service is not available right now. Try again.", Retry_After=_RETRY_SECONDS)
    log.error("scim_failed", exc_info=exception)
    return RequestRejected(500, "The request failed on the server. Its request ID is in the header X-Request-ID.")


def _open(request: PortalRequest, connection_id: str) -> OpenRequest:
    """Return the first part of the request's log entry."""
    token, rejection = bearer_token(request), None
    if not token:
        rejection = ScimRejection.NO_BEARER if authorization(request) else ScimRejection.NO_TOKEN
    # The path below the connection's base URL. A URL that doesn't begin like one is logged whole.
    base, _, path = request.path.partition(connection_id)
    has_base = base == _BASE_PATH and connection_id.startswith(id_prefix("scim-connection"))
    return OpenRequest(
        method=str(request.method),
        path=path if has_base else request.path,
        query=request.META.get("QUERY_STRING", ""),
        origin=request.origin,
        bearer_token=token,
        rejection=rejection,
    )


def _read_request(request: HttpRequest, connection_id: str, open_request: OpenRequest) -> IdpRequest:
    """Return the request with its body. Raise ScimError if it isn't admitted, or can't be read."""
    client = admit(request, connection_id, open_request)
    method = str(request.method)
    access = access_of(request.resolver_match.func) if request.resolver_match else None
    if access is None or method not in access.methods:
        allowed = ", ".join(sorted(access.methods)) if access else ""
        raise RequestRejected(405, f"{method} is not supported at this URL. Use {allowed}.", Allow=allowed)
    body = read_body(request) if method in _WITH_BODY else {}
    open_request.body, open_request.has_used_token = body, True
    if has_entra_flag(request.GET):
        client = replace(client, has_entra_flag=True)
    headers = request.META  # not `request.headers`, which copies all headers into a dictionary
    return IdpRequest(
        client,
        method,
        request.GET.dict(),
        body,
        if_match=headers.get("HTTP_IF_MATCH", ""),
        if_none_match=headers.get("HTTP_IF_NONE_MATCH", ""),
    )


@scim_view
def users(request: IdpRequest) -> HttpResponse:
    """List users, or create one."""
    return _collection(request, USERS)


@scim_view
def user(request: IdpRequest, resource_id: str) -> HttpResponse:
    """Return, replace, patch or delete a user."""
    return _resource(request, USERS, resource_id)


@scim_view
def groups(request: IdpRequest) -> HttpResponse:
    """List groups, or create one."""
    return _collection(request, GROUPS)


@scim_view
def group(request: IdpRequest, resource_id: str) -> HttpResponse:
    """Return, replace, patch or delete a group."""
    return _resource(request, GROUPS, resource_id)


@scim_view
def search_users(request: IdpRequest) -> HttpResponse:
    """List users by a POST, which keeps personal data out of the URL (RFC 7644, 3.4.3)."""
    return _list(request, USERS, search_parameters(request.client, request.body))


@scim_view
def search_groups(request: IdpRequest) -> HttpResponse:
    """List groups by a POST."""
    return _list(request, GROUPS, search_parameters(request.client, request.body))


@scim_view
def search(request: IdpRequest) -> HttpResponse:
    """List users and groups together."""
    parameters = search_parameters(request.client, request.body)
    page = find_everything(request.client, list_query(request.client, parameters), parameters)
    return json_response(list_document(page.rows, page))


@scim_view
def bulk(request: IdpRequest) -> HttpResponse:
    """Run several operations."""
    return json_response(run_bulk(request.client, request.body))


@scim_view
def me(_: IdpRequest) -> HttpResponse:
    """Reject requests for the authenticated user: a connection is not a user (RFC 7644, 3.11)."""
    raise NotOffered("/Me is not supported: the token belongs to a connection, not to a user. Use /Users.")


@scim_view
def service_provider_config(request: IdpRequest) -> HttpResponse:
    """Return the service provider configuration."""
    _reject_filter(request)
    return json_response(discovery.service_provider_config(request.client.base_url))


@scim_view
def resource_types(request: IdpRequest) -> HttpResponse:
    """List the resource types."""
    return _whole_list(request, discovery.resource_types(request.client))


@scim_view
def resource_type(request: IdpRequest, resource_id: str) -> HttpResponse:
    """Return one resource type."""
    return _one_of(discovery.resource_types(request.client), resource_id)


@scim_view
def schemas(request: IdpRequest) -> HttpResponse:
    """List the schemas."""
    return _whole_list(request, discovery.schemas(request.client))


@scim_view
def schema(request: IdpRequest, resource_id: str) -> HttpResponse:
    """Return one schema."""
    return _one_of(discovery.schemas(request.client), resource_id)


@scim_view
def unknown_endpoint(_: IdpRequest, endpoint: str = "") -> HttpResponse:
    """Reject any other path below a connection's base URL."""
    raise ResourceNotFound(f'There is no endpoint "{endpoint[:200]}". Users are at /Users, groups at /Groups.')


@scim_view
def wrong_base_url(request: IdpRequest, **_: str) -> HttpResponse:
    """Reject a URL with the connection's ID in the wrong place."""
    raise ResourceNotFound(f"There is no SCIM service at this URL. The base URL is {request.client.base_url}.")


def _collection(request: IdpRequest, of: ResourceType) -> HttpResponse:
    if request.method == "POST":
        projection = Projection(of.schema(request.client), request.parameters)
        return _resource_response(request, of, of.create(request.client, request.body), projection, is_new=True)
    return _list(request, of, request.parameters)


def _resource(request: IdpRequest, of: ResourceType, resource_id: str) -> HttpResponse:
    projection = Projection(of.schema(request.client), request.parameters)
    match request.method:
        case "PUT":
            row = of.replace(request.client, resource_id, request.body, request.if_match)
        case "PATCH":
            row = of.patch(request.client, resource_id, request.body, request.if_match)
            if of is GROUPS and _omits_group(request, row):
                return HttpResponse(status=204, headers={"ETag": etag(row)})
        case "DELETE":
            of.delete(request.client, resource_id, request.if_match)
            return HttpResponse(status=204)
        case _:
            row = of.get(request.client, resource_id)
            if not of.shows_others(projection) and matches_etag(request.if_none_match, etag(row)):
                return HttpResponse(status=304, headers={"ETag": etag(row)})
    return _resource_response(request, of, row, projection)


def _omits_group(request: IdpRequest, row: Row) -> bool:
    """Say whether the response to a PATCH leaves the group out: for large groups, and for Entra, which expects that."""
    is_brief = request.client.is_entra or row.member_count > settings.SCIM_MEMBERS_IN_PATCH_ANSWER
    return is_brief and "attributes" not in request.parameters


def _resource_response(
    request: IdpRequest, of: ResourceType, row: Row, projection: Projection, *, is_new: bool = False
) -> HttpResponse:
    if is_new:
        document = of.new_document(request.client, row, projection)
    else:
        (document,) = of.documents(request.client, [row], projection)
    tag = document["meta"]["version"]
    if request.method == "GET" and matches_etag(request.if_none_match, tag):
        return HttpResponse(status=304, headers={"ETag": tag})
    location = of.location(request.client, row)
    status = 201 if is_new else 200
    response = json_response(projection.apply(document), status, Content_Location=location, ETag=tag)
    if is_new:
        response["Location"] = location
    return response


def _list(request: IdpRequest, of: ResourceType, parameters: Mapping[str, str]) -> HttpResponse:
    projection = Projection(of.schema(request.client), parameters)
    page = of.find(request.client, list_query(request.client, parameters))
    documents = map(projection.apply, of.documents(request.client, page.rows, projection))
    return json_response(list_document(list(documents), page))


def _whole_list(request: IdpRequest, documents: list[dict[str, Any]]) -> HttpResponse:
    _reject_filter(request)
    return json_response(list_document(documents, ResultPage(documents, len(documents), 1)))


def _reject_filter(request: IdpRequest) -> None:
    if "filter" in request.parameters:
        # RFC 7644, 4: a filtered list would look as if the rest didn't exist.
        raise Forbidden("Schemas, resource types and the service configuration cannot be filtered.")


def _one_of(documents: list[dict[str, Any]], resource_id: str) -> HttpResponse:
    for document in documents:
        if document["id"].lower() == resource_id.lower():
            return json_response(document)
    raise ResourceNotFound(f'There is no "{resource_id[:200]}".')
