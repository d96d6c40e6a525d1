"""Admission of a request: its bearer token, and whether the service and the connection accept requests now."""

from django.conf import settings
from django.http import HttpRequest

from portal.access.hosts import is_allowed_host
from portal.access.rate_limits import wait_after_failed_authentication, wait_of_connection
from portal.directory.ids import public_id
from portal.directory.scim.log import ScimRejection
from portal.embedded.scim.log.entries import OpenRequest
from portal.embedded.scim.protocol.client import ScimClient, authenticate
from portal.embedded.scim.protocol.errors import RequestRejected
from portal.serving.threads import RETRY_SECONDS, Share, claim, is_admitted

_MAINTENANCE_SECONDS = "120"
_PAUSED_SECONDS = "600"
_PAUSED = "An admin of the organization paused this connection and can resume it in the portal. Try again later."


def admit(request: HttpRequest, connection_id: str, open_request: OpenRequest) -> ScimClient:
    """Return the client that the bearer token belongs to. Raise RequestRejected if it can't be served now."""
    _check_service(request)
    client = _authenticate(connection_id, open_request)
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():
        open_request.rejection = ScimRejection.PLAIN_HTTP
        raise RequestRejected(403, "The request was sent over plain HTTP, which exposes the token. Use https.")
    if wait := wait_of_connection(client.connection_id):
        raise RequestRejected(
            429, "The connection exceeded its limit of requests per minute. Try again later.", Retry_After=str(wait)
        )
    if not _has_free_thread(request, client):
        raise RequestRejected(
            429, "The connection sends too many requests at once. Try again.", Retry_After=RETRY_SECONDS
        )
    if client.connection.paused_at:
        # The token counts as used: a token rotation depends on it.
        open_request.rejection, open_request.has_used_token = ScimRejection.PAUSED, True
        raise RequestRejected(503, _PAUSED, Retry_After=_PAUSED_SECONDS)
    return client


def bearer_token(request: HttpRequest) -> str:
    """Return the token in the Authorization header, "" if there is none."""
    scheme, _, token = authorization(request).partition(" ")
    # Some admins enter the scheme too, in a field to which their identity provider adds it.
    repeated, _, rest = token.strip().partition(" ")
    token = rest if repeated.lower() == "bearer" else token
    return token.strip() if scheme.lower() == "bearer" else ""


def authorization(request: HttpRequest) -> str:
    """Return the Authorization header, "" if there is none."""
    return str(request.META.get("HTTP_AUTHORIZATION", "")).strip()


def _check_service(request: HttpRequest) -> None:
    """Raise RequestRejected if the service accepts no requests now, or not at this host."""
    if settings.MAINTENANCE:
        raise RequestRejected(
            503, "The service is down for maintenance. Try again later.", Retry_After=_MAINTENANCE_SECONDS
        )
    if not is_allowed_host(request):
        raise RequestRejected(400, "The host in the URL is not one of this service. Check the base URL.")
    if not is_admitted(request):
        raise RequestRejected(503, "The service is busy. Try again.", Retry_After=RETRY_SECONDS)


def _authenticate(connection_id: str, open_request: OpenRequest) -> ScimClient:
    """Return the client. Raise RequestRejected with the same response for every invalid token.

    Only the request log says whether the token is unknown, expired, revoked or belongs to another connection.
    """
    identification = authenticate(connection_id, open_request.bearer_token, open_request.origin)
    if identification.client is None and (wait := wait_after_failed_authentication(open_request.origin.ip_address)):
        # Without an entry in the request log, so that no one can fill it without a token.
        raise RequestRejected(
            429, "Too many requests without a valid token came from your IP address.", Retry_After=str(wait)
        )
    open_request.identification = identification
    open_request.rejection = open_request.rejection or identification.rejection
    if identification.client is None:
        raise RequestRejected(
            401, "The bearer token is not valid for this base URL.", WWW_Authenticate='Bearer realm="SCIM"'
        )
    return identification.client


def _has_free_thread(request: HttpRequest, client: ScimClient) -> bool:
    """Say whether the connection and its organization leave enough threads to others."""
    return claim(request, Share.CONNECTION, client.connection_id) and claim(
        request, Share.ORGANIZATION, public_id("organization", client.organization_id)
    )
