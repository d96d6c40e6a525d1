"""Counts the requests of identity providers by the state of the connection, the outcome and its cause."""

from portal.directory.scim.connection import ScimConnectionStatus
from portal.directory.scim.log import FIRST_ERROR_STATUS
from portal.embedded.models import ScimConnectionRow
from portal.embedded.scim.log.entries import OpenRequest, ResponseSummary
from portal.embedded.scim.protocol.errors import ScimError
from portal.embedded.scim.safeguard import OnHold
from portal.metrics import SCIM_REQUESTS

# Causes of failures without a scimType.
_CAUSES = {
    400: "invalid",
    401: "token",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_late",
    409: "conflict",
    412: "version_mismatch",
    413: "too_large",
    415: "media_type",
    429: "too_many_requests",
    500: "server_error",
    501: "not_offered",
    503: "unavailable",
}


def count_request(request: OpenRequest, response: ResponseSummary, error: ScimError | None) -> None:
    """Count a request that was responded to."""
    outcome = "failed" if response.status >= FIRST_ERROR_STATUS else "succeeded"
    SCIM_REQUESTS.labels(_state(request.identification.connection), outcome, _cause(request, response, error)).inc()


def _state(connection: ScimConnectionRow | None) -> str:
    if connection is None:
        return "unknown"
    if connection.status != ScimConnectionStatus.ACTIVE:
        return "deleted"
    if connection.paused_at:
        return "paused"
    return "on_hold" if connection.hold_started_at else "active"


def _cause(request: OpenRequest, response: ResponseSummary, error: ScimError | None) -> str:
    if response.status < FIRST_ERROR_STATUS:
        return "none"
    if request.rejection:
        return request.rejection
    if isinstance(error, OnHold):
        return "on_hold"
    return response.scim_type or _CAUSES.get(response.status, "other")
