"""The request log: one entry for each request of a connection. Bodies are redacted; only the name that failed is kept."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.ids import first_uuid7, parse_id, uuid7
from portal.directory.scim.log import FIRST_REFUSAL, ScimRefusal
from portal.embedded import models
from portal.embedded.database.insert_queue import InsertQueue
from portal.embedded.database.statements import insert_values
from portal.embedded.scim.log.redaction import redacted_body, redacted_detail, redacted_path, redacted_query
from portal.embedded.scim.log.subjects import subject_of
from portal.embedded.scim.protocol.client import Identification, touch
from portal.outages import UNAVAILABLE, reason

log = structlog.get_logger("gatehouse.scim")

_KINDS = {"users": ("User", "scim-user"), "groups": ("Group", "scim-group")}
_MOST_NAMES = 100
_BATCH = 1000
# A shorter one is no token of ours, and too much of it would be shown.
_SHORTEST_TOKEN = 16

# A row of the log as values by column: each call makes one.
Row = Mapping[str, Any]


@dataclass(slots=True)
class Exchange:
    """A call while it is answered; `path` is what follows the connection's address."""

    method: str
    path: str
    query: str
    origin: Origin
    bearer_token: str = field(default="", repr=False)
    identification: Identification = field(default_factory=lambda: Identification(None, None, None))
    body: Mapping[str, Any] | None = None
    # Whether it came as far as the resources, or would have but for a pause.
    has_used_token: bool = False
    # What was wrong with who called, or with the address.
    refusal: ScimRefusal | None = None
    started: float = field(default_factory=time.perf_counter)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call was answered; `location` is the address of what was created."""

    status: int
    scim_type: str = ""
    detail: str = ""
    location: str = ""


def finish(exchange: Exchange, outcome: Outcome) -> bool:
    """Write the entry, and that the token was used; say whether there is one. What goes wrong here fails no call."""
    token = exchange.identification.token
    try:
        if rows := tuple(_entries(exchange, outcome)):
            # Together, so that the time does not tell one refusal from another.
            _QUEUE.put(*rows)
        if exchange.has_used_token and token is not None:
            touch(token, exchange.origin)
    except UNAVAILABLE as error:
        log.error("scim_request_not_logged", **reason(error))  # noqa: TRY400 -- as below
        return False
    except Exception:  # whatever it is: the answer is there, and the IdP must get it
        log.exception("scim_request_not_logged")
        return False
    return exchange.identification.connection is not None


def prune() -> int:
    """Delete the entries older than SCIM_LOG_DAYS, a thousand in a transaction, and return how many."""
    # The keys begin with the time: no further index is needed to find the old ones.
    oldest = first_uuid7(timezone.now() - timedelta(days=settings.SCIM_LOG_DAYS))
    old = models.ScimRequestRow.objects.filter(pk__lt=oldest).order_by("pk")
    deleted = 0
    while keys := list(old.values_list("pk", flat=True)[:_BATCH]):
        deleted += models.ScimRequestRow.objects.filter(pk__in=keys).delete()[0]
    return deleted


def _write(rows: Sequence[Row]) -> None:
    """Insert the entries; one that cannot be written is logged, and takes no other with it."""
    try:
        insert_values(models.ScimRequestRow, rows)
    except UNAVAILABLE as error:
        log.error("scim_requests_not_logged", number=len(rows), **reason(error))  # noqa: TRY400 -- an outage has no traceback
    except Exception:  # whatever it is: the answers are there already
        if len(rows) == 1:
            log.exception("scim_request_not_logged")
            return
        for row in rows:
            _write([row])


_QUEUE: InsertQueue[Row] = InsertQueue(_write)


def _entries(exchange: Exchange, outcome: Outcome) -> Iterator[Row]:
    """Yield the entry, and one for the other connection where token and address are of two: each is told its own part."""
    identification = exchange.identification
    if identification.connection is not None:
        yield _entry(exchange, outcome, identification.connection, exchange.refusal)
    if identification.addressed is not None:
        yield _entry(exchange, outcome, identification.addressed, ScimRefusal.FOREIGN_TOKEN)


def _entry(
    exchange: Exchange, outcome: Outcome, scim_connection: models.ScimConnectionRow, refusal: ScimRefusal | None
) -> Row:
    endpoint, _, rest = exchange.path.strip("/").partition("/")
    resource_type, noun = _KINDS.get(endpoint.lower(), ("", ""))
    about_groups = resource_type == "Group"
    body, is_cut = redacted_body(exchange.body, about_groups=about_groups) if exchange.body else ("", False)
    return {
        "id": uuid7(),
        "at": timezone.now(),
        "organization_id": scim_connection.organization_id,
        "connection_id": scim_connection.pk,
        "method": _stored(exchange.method, 16),
        "path": _stored(redacted_path(exchange.path), 512),
        "query": _stored(redacted_query(exchange.query, about_groups=about_groups), 1024),
        "status": outcome.status,
        "scim_type": outcome.scim_type,
        "refusal": refusal or "",
        "detail": _stored(redacted_detail(outcome.detail), 1024),
        "duration_ms": round((time.perf_counter() - exchange.started) * 1000),
        "resource_type": resource_type,
        "resource_id": (resource_id := _resource_id(noun, rest or outcome.location.rpartition("/")[2])),
        "subject": _subject(exchange, outcome, resource_type, "" if resource_id else rest),
        "changed_attributes": _changed_attributes(exchange, outcome),
        "body": body,
        "is_body_cut": is_cut,
        "token_last_four": _last_four(exchange.bearer_token),
        "ip_address": _stored(exchange.origin.ip_address, 45),
        "user_agent": _stored(exchange.origin.user_agent, 256),
        "request_id": exchange.origin.request_id,
    }


def _resource_id(noun: str, text: str) -> str:
    return text if noun and parse_id(noun, text).int else ""


def _subject(exchange: Exchange, outcome: Outcome, resource_type: str, unknown_id: str) -> str:
    """Return the name of the person or group in a failed request, "" for none. The body is there only if the connection's own token came with it."""
    if outcome.status < FIRST_REFUSAL or not resource_type or exchange.identification.client is None:
        return ""
    return _stored(subject_of(exchange.body, resource_type) or unknown_id, 256)


def _changed_attributes(exchange: Exchange, outcome: Outcome) -> list[str]:
    client = exchange.identification.client
    is_change = outcome.status < 300 and exchange.method != "DELETE"  # noqa: PLR2004 -- RFC 9110, 15
    return sorted(client.changed)[:_MOST_NAMES] if client and is_change else []


def _last_four(bearer_token: str) -> str:
    return _stored(bearer_token[-4:], 4) if len(bearer_token) >= _SHORTEST_TOKEN else ""


def _stored(text: str, length: int) -> str:
    """Return what every database keeps of a text that came from outside."""
    return text[:length].replace("\0", "?").encode("utf-8", "replace").decode()
