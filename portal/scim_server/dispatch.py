"""The way in for identity providers: who calls, what came, and every refusal in SCIM's own form (RFC 7644, 3.12)."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from math import isfinite
from typing import Any, cast

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from portal.access.audiences import Audience
from portal.access.hosts import is_allowed_host
from portal.access.rate_limits import wait_after_failed_authentication, wait_of_connection
from portal.access.routing import access_of, edge_for
from portal.directory.ids import id_prefix, public_id
from portal.directory.scim.log import ScimRejection
from portal.embedded.models.fields import is_storable
from portal.embedded.scim.log.entries import OpenRequest, ResponseSummary, record_request
from portal.embedded.scim.protocol.client import ScimClient, authenticate, has_entra_flag
from portal.embedded.scim.protocol.errors import InvalidSyntax, ScimError, TooLarge
from portal.outages import TEMPORARY, reason
from portal.scim_server.rendering import encoded, error_document
from portal.serving.bodies import BodyProblem, body_problem
from portal.serving.threads import RETRY_SECONDS, Share, claim, is_admitted
from portal.web.json_size import most_values
from portal.web.request import PortalRequest

log = structlog.get_logger("gatehouse.scim")

MEDIA_TYPE = "application/scim+json"
_CONTAINERS = (dict, list)
_ACCEPTED = frozenset({"", MEDIA_TYPE, "application/json"})
_ENCODINGS = frozenset({"", "identity"})
_BEFORE = "/v1/b2b/scim/"
_RETRY_SECONDS = "5"
_PAUSED_SECONDS = "600"
_PAUSED = (
    "An admin of the organization has paused this connection in the portal, and can resume it there. Try again later."
)

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class IdpRequest:
    """A request by a known identity provider, its body read."""

    client: ScimClient
    method: str
    parameters: dict[str, str]
    body: Body
    if_match: str = ""
    if_none_match: str = ""


class RequestRejected(ScimError):
    """A refusal of the request as such, before any resource is looked at."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status  # type: ignore[misc]  # -- each has its own
        self.headers = headers  # type: ignore[misc]  # -- as above


def scim_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Admit only a connection with its own token, and answer each refusal and failure as a SCIM error."""

    @csrf_exempt  # a bearer token is no cookie: a browser does not send it by itself
    @wraps(view)
    def edge(request: HttpRequest, connection_id: str, **arguments: str) -> HttpResponse:
        open_request = _begin(cast("PortalRequest", request), connection_id)
        answer = _attempt(lambda: view(_admit(request, connection_id, open_request), **arguments))
        response = error_response(answer) if isinstance(answer, ScimError) else answer
        response["Cache-Control"] = "no-store"
        vars(response)["is_in_request_log"] = record_request(open_request, _summary(response, answer))
        return response

    return edge_for(Audience.SCIM_CLIENT)(edge)


def _attempt(view: Callable[[], HttpResponse]) -> HttpResponse | ScimError:
    """Return the view's answer, or the refusal that says in SCIM's form what went wrong."""
    try:
        return view()
    except ScimError as error:
        error.aftermath()
        return error
    except TEMPORARY as error:
        log.warning("scim_unavailable", **reason(error))
        return RequestRejected(503, "The service is not available right now. Try again.", Retry_After=_RETRY_SECONDS)
    except Exception:  # an identity provider must get a SCIM error, not a page
        log.exception("scim_failed")
        return RequestRejected(500, "The request failed on the server; the request id is in X-Request-ID.")


def _begin(request: PortalRequest, connection_id: str) -> OpenRequest:
    """Return what the request log says of the call so far."""
    return OpenRequest(
        method=str(request.method),
        path=_below(request.path, connection_id),
        query=request.META.get("QUERY_STRING", ""),
        origin=request.origin,
        bearer_token=(bearer_token := _bearer_token(request)),
        rejection=None if bearer_token else _missing(request),
    )


def _below(path: str, connection_id: str) -> str:
    """Return what follows the connection's address; all of a path that names no connection, or not in its place."""
    before, _, rest = path.partition(connection_id)
    return rest if before == _BEFORE and connection_id.startswith(id_prefix("scim-connection")) else path


def _summary(response: HttpResponse, answer: HttpResponse | ScimError) -> ResponseSummary:
    if isinstance(answer, ScimError):
        return ResponseSummary(response.status_code, answer.scim_type, answer.detail)
    return ResponseSummary(response.status_code, location=response.get("Location", ""))


def json_response(document: Any, /, status: int = 200, **headers: str) -> HttpResponse:
    """Answer with a SCIM document."""
    response = HttpResponse(encoded(document), status=status, content_type=MEDIA_TYPE)
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response


def error_response(error: ScimError) -> HttpResponse:
    """Answer with a SCIM error."""
    return json_response(error_document(error), error.status, **error.headers)


def _admit(request: HttpRequest, connection_id: str, open_request: OpenRequest) -> IdpRequest:
    _check_service(request)
    client = _authenticate(connection_id, open_request)
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        open_request.rejection = ScimRejection.PLAIN_HTTP
        raise RequestRejected(403, "The call came over plain http, which anybody on the way can read. Use https.")
    if wait := wait_of_connection(client.connection_id):
        raise RequestRejected(
            429, "The connection sends more requests than it may. Try again later.", Retry_After=str(wait)
        )
    if not _has_share(request, client):
        raise RequestRejected(
            429, "The connection sends too many requests at once. Try again.", Retry_After=RETRY_SECONDS
        )
    if client.connection.paused_at:
        # Its token is in use all the same: a rotation must know.
        open_request.rejection, open_request.has_used_token = ScimRejection.PAUSED, True
        raise RequestRejected(503, _PAUSED, Retry_After=_PAUSED_SECONDS)
    method = str(request.method)
    access = access_of(request.resolver_match.func) if request.resolver_match else None
    if access is None or method not in access.methods:
        allowed = ", ".join(sorted(access.methods)) if access else ""
        raise RequestRejected(405, f"{method} is not offered here.", Allow=allowed)
    body = _read_body(request) if method in {"POST", "PUT", "PATCH"} else {}
    open_request.body, open_request.has_used_token = body, True
    if has_entra_flag(request.GET):
        client = replace(client, has_entra_flag=True)
    headers = request.META  # not `request.headers`, which makes a dictionary of all of them for each call
    return IdpRequest(
        client,
        method,
        request.GET.dict(),
        body,
        if_match=headers.get("HTTP_IF_MATCH", ""),
        if_none_match=headers.get("HTTP_IF_NONE_MATCH", ""),
    )


def _authenticate(connection_id: str, open_request: OpenRequest) -> ScimClient:
    """Return who calls. Raises Refusal: one for unknown, foreign, revoked and expired; only the log says which."""
    identification = authenticate(connection_id, open_request.bearer_token, open_request.origin)
    if identification.client is None and (wait := wait_after_failed_authentication(open_request.origin.ip_address)):
        # Without an entry in the request log: nobody can fill it who has no token.
        raise RequestRejected(
            429, "Too many requests without a valid token come from your address.", Retry_After=str(wait)
        )
    open_request.identification = identification
    open_request.rejection = open_request.rejection or identification.rejection
    if identification.client is None:
        raise RequestRejected(
            401, "The bearer token is not valid for this address.", WWW_Authenticate='Bearer realm="SCIM"'
        )
    return identification.client


def _check_service(request: HttpRequest) -> None:
    """Raise Refusal where no one can be served now, or not at this host."""
    if settings.MAINTENANCE:
        raise RequestRejected(503, "The service is being maintained. Try again later.", Retry_After="120")
    if not is_allowed_host(request):
        raise RequestRejected(400, "The host in the address isn't one of this service. Check the base URL.")
    if not is_admitted(request):
        raise RequestRejected(503, "The service is busy. Try again.", Retry_After=RETRY_SECONDS)


def _has_share(request: HttpRequest, client: ScimClient) -> bool:
    """Say whether the connection and its organization leave enough threads to others."""
    return claim(request, Share.CONNECTION, client.connection_id) and claim(
        request, Share.ORGANIZATION, public_id("organization", client.organization_id)
    )


def _bearer_token(request: HttpRequest) -> str:
    scheme, _, token = _authorization(request).partition(" ")
    # Some write the scheme themselves into a field to which their identity provider adds it.
    repeated, _, rest = token.strip().partition(" ")
    token = rest if repeated.lower() == "bearer" else token
    return token.strip() if scheme.lower() == "bearer" else ""


def _missing(request: HttpRequest) -> ScimRejection:
    """Return what is wrong where there is no bearer token."""
    return ScimRejection.NO_BEARER if _authorization(request) else ScimRejection.NO_TOKEN


def _authorization(request: HttpRequest) -> str:
    return str(request.META.get("HTTP_AUTHORIZATION", "")).strip()


def _read_body(request: HttpRequest) -> Body:
    if request.content_type not in _ACCEPTED:
        raise RequestRejected(415, f"Send the body as {MEDIA_TYPE} or application/json.")
    encoding = str(request.META.get("HTTP_CONTENT_ENCODING", "")).strip()[:100]
    if encoding.lower() not in _ENCODINGS:
        # RFC 9110, 15.5.16: the header says what is read instead.
        raise RequestRejected(
            415, f'The body is encoded as "{encoding}". Send it uncompressed.', Accept_Encoding="identity"
        )
    try:
        # Some clients begin with the mark that says nothing in UTF-8 (RFC 8259, 8.1).
        content = _read_content(request)
        if most_values(content) > settings.SCIM_MAX_VALUES:
            raise TooLarge(f"The body has more than {settings.SCIM_MAX_VALUES} values; send it in parts.")
        text = content.decode("utf-8").removeprefix("\ufeff")
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
    except OSError:
        raise _not_received(request) from None
    except (ValueError, RecursionError):
        raise InvalidSyntax("The body is not JSON in UTF-8.") from None
    if not isinstance(document, dict):
        raise InvalidSyntax("The body must be a JSON object.")
    _check(document, may_escape="\\u" in text or "\0" in text)
    return document


def _read_content(request: HttpRequest) -> bytes:
    """Return the body. Raises Refusal for one that is too large, without reading more of it than that takes."""
    most = settings.SCIM_MAX_BODY_BYTES
    # Django reads nothing of a body that comes in chunks, without a length; the server says whether it knows the end.
    is_chunked = "wsgi.input_terminated" in request.META and not request.META.get("CONTENT_LENGTH")
    # Not `request.body`, which has the limit of the portal's forms.
    stream = request.META["wsgi.input"] if is_chunked else request
    content: bytes = b"" if _length(request) > most else stream.read(most + 1)
    if max(_length(request), len(content)) > most:
        raise RequestRejected(413, f"The body is larger than {most} bytes.")
    return content


def _not_received(request: HttpRequest) -> ScimError:
    match body_problem(request):
        case BodyProblem.LATE:
            return RequestRejected(408, "The body didn't arrive in time.")
        case BodyProblem.BUSY:
            return RequestRejected(503, "The service is busy. Try again.", Retry_After=RETRY_SECONDS)
        case None:
            return InvalidSyntax("The body didn't arrive as a whole.")


def _length(request: HttpRequest) -> int:
    text = request.META.get("CONTENT_LENGTH") or ""
    return int(text) if text.isdecimal() else 0


def _object(pairs: list[tuple[str, Any]]) -> Body:
    document = dict(pairs)
    if len({name.lower() for name in document}) != len(pairs):
        raise InvalidSyntax("The body names an attribute twice.")
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise InvalidSyntax("The body has a number that is too large.")
    return number


def _no_constant(name: str) -> None:
    raise InvalidSyntax(f"{name} is not a JSON value.")


def _check(document: Body, *, may_escape: bool) -> None:
    """Refuse what is nested too deep, and text that no database keeps: NUL and halves of surrogate pairs."""
    level: list[Any] = [document]
    for _ in range(settings.SCIM_MAX_DEPTH):
        if may_escape:
            _check_texts(level)
        level = [inner for value in level if isinstance(value, _CONTAINERS) for inner in _inside(value)]
        if not level:
            return
    raise InvalidSyntax(f"The body is nested more than {settings.SCIM_MAX_DEPTH} deep.")


def _inside(value: "Body | list[Any]") -> list[Any]:
    return [*value.keys(), *value.values()] if isinstance(value, dict) else value


def _check_texts(values: list[Any]) -> None:
    for value in values:
        if isinstance(value, str) and not is_storable(value):
            raise InvalidSyntax("The body has a null character or half of a surrogate pair in a text.")
