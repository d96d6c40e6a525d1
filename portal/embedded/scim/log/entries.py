"""Writing the request log: an entry for each request of a connection, with redacted values."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.ids import parse_id, uuid7
from portal.directory.scim.log import FIRST_ERROR_STATUS, ScimRejection
from portal.embedded import models
from portal.embedded.database.insert_queue import InsertQueue
from portal.embedded.database.writes import Writes
from portal.embedded.scim.log.counting import count_requests
from portal.embedded.scim.log.redaction import redact_body, redact_detail, redact_path, redact_query
from portal.embedded.scim.log.subjects import find_subject
from portal.embedded.scim.protocol.client import Identification, record_token_use
from portal.metrics import SCIM_LOG_ENTRIES_LOST
from portal.outages import UNAVAILABLE, reason

log = structlog.get_logger("gatehouse.scim")

_RESOURCE_TYPES = {"users": ("User", "scim-user"), "groups": ("Group", "scim-group")}
_MAX_ATTRIBUTES = 100
# Anything shorter isn't one of our tokens, and its last four characters would reveal too much of it.
_MIN_TOKEN_LENGTH = 16

# An entry as values by column; each request creates one, so no model instance is built for it.
Row = Mapping[str, Any]


@dataclass(slots=True)
class OpenRequest:
    """A request that is being processed. `path` is the part of the URL after the connection's base URL."""

    method: str
    path: str
    query: str
    origin: Origin
    bearer_token: str = field(default="", repr=False)
    identification: Identification = field(default_factory=lambda: Identification(None, None, None))
    body: Mapping[str, Any] | None = None
    # Whether it was admitted with its token, or would have been if the connection weren't paused.
    has_used_token: bool = False
    # Why it was rejected before its content was read.
    rejection: ScimRejection | None = None
    started: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True)
class ResponseSummary:
    """The part of a response that is logged. `location` is the URL of a resource that was created."""

    status: int
    scim_type: str = ""
    detail: str = ""
    location: str = ""


def record_request(request: OpenRequest, response: ResponseSummary) -> bool:
    """Log the request and the use of its token. Return whether there is an entry. Errors are logged, never raised."""
    token = request.identification.token
    try:
        if rows := tuple(_entries(request, response)):
            # Queue both entries at once, so that the response time doesn't reveal why a token was rejected.
            _QUEUE.put(*rows)
        if request.has_used_token and token is not None:
            record_token_use(token, request.origin)
    except UNAVAILABLE as error:
        SCIM_LOG_ENTRIES_LOST.labels("unavailable").inc()
        log.error("scim_request_not_logged", **reason(error))  # noqa: TRY400 -- as below
        return False
    except Exception:  # the identity provider must get its response
        SCIM_LOG_ENTRIES_LOST.labels("error").inc()
        log.exception("scim_request_not_logged")
        return False
    return request.identification.connection is not None


def _write(rows: Sequence[Row]) -> None:
    """Insert and count the entries. If that fails, insert them one by one and log those that can't be written."""
    try:
        writes = Writes()
        writes.insert_values(models.ScimRequestRow, rows)
        count_requests(writes, rows)
        writes.send_whole()
    except UNAVAILABLE as error:
        SCIM_LOG_ENTRIES_LOST.labels("unavailable").inc(len(rows))
        log.error("scim_requests_not_logged", number=len(rows), **reason(error))  # noqa: TRY400 -- an outage has no traceback
    except Exception:  # the responses were sent already
        if len(rows) == 1:
            SCIM_LOG_ENTRIES_LOST.labels("error").inc()
            log.exception("scim_request_not_logged")
            return
        for row in rows:
            _write([row])


_QUEUE: InsertQueue[Row] = InsertQueue(_write)


def _entries(request: OpenRequest, response: ResponseSummary) -> Iterator[Row]:
    """Yield the entry. If token and URL belong to two connections, yield one for each with its own side of the mistake."""
    identification = request.identification
    if identification.connection is not None:
        yield _entry(request, response, identification.connection, request.rejection)
    if identification.addressed is not None:
        yield _entry(request, response, identification.addressed, ScimRejection.FOREIGN_TOKEN)


def _entry(
    request: OpenRequest,
    response: ResponseSummary,
    scim_connection: models.ScimConnectionRow,
    rejection: ScimRejection | None,
) -> Row:
    endpoint, _, rest = request.path.strip("/").partition("/")
    resource_type, noun = _RESOURCE_TYPES.get(endpoint.lower(), ("", ""))
    about_groups = resource_type == "Group"
    body, is_cut = redact_body(request.body, about_groups=about_groups) if request.body else ("", False)
    return {
        "id": uuid7(),
        "at": timezone.now(),
        "organization_id": scim_connection.organization_id,
        "connection_id": scim_connection.pk,
        "method": _storable(request.method, 16),
        "path": _storable(redact_path(request.path), 512),
        "query": _storable(redact_query(request.query, about_groups=about_groups), 1024),
        "status": response.status,
        "scim_type": response.scim_type,
        "refusal": rejection or "",
        "detail": _storable(redact_detail(response.detail), 1024),
        "duration_ms": round((time.perf_counter() - request.started) * 1000),
        "resource_type": resource_type,
        "resource_id": (resource_id := _resource_id(noun, rest or response.location.rpartition("/")[2])),
        "subject": _subject(request, response, resource_type, "" if resource_id else rest),
        "changed_attributes": _changed_attributes(request, response),
        "body": body,
        "is_body_cut": is_cut,
        "token_last_four": _last_four(request.bearer_token),
        "ip_address": _storable(request.origin.ip_address, 45),
        "user_agent": _storable(request.origin.user_agent, 256),
        "request_id": request.origin.request_id,
    }


def _resource_id(noun: str, text: str) -> str:
    return text if noun and parse_id(noun, text).int else ""


def _subject(request: OpenRequest, response: ResponseSummary, resource_type: str, unknown_id: str) -> str:
    """Return the name that a failed request gives its user or group, or the unknown id in its URL.

    Return "" if the request isn't authenticated: anyone can send it, and it must not store names of their choice.
    """
    if response.status < FIRST_ERROR_STATUS or not resource_type or request.identification.client is None:
        return ""
    return _storable(find_subject(request.body, resource_type) or unknown_id, 256)


def _changed_attributes(request: OpenRequest, response: ResponseSummary) -> list[str]:
    client = request.identification.client
    is_change = response.status < 300 and request.method != "DELETE"  # noqa: PLR2004 -- RFC 9110, 15
    return sorted(client.changed)[:_MAX_ATTRIBUTES] if client and is_change else []


def _last_four(bearer_token: str) -> str:
    return _storable(bearer_token[-4:], 4) if len(bearer_token) >= _MIN_TOKEN_LENGTH else ""


def _storable(text: str, length: int) -> str:
    """Return a text cut to a length, without characters that a database rejects."""
    return text[:length].replace("\0", "?").encode("utf-8", "replace").decode()
