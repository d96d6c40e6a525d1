"""Reading the request log: newest first, page by page, with a bound on the entries that one page looks at."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Case, CharField, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.db.models.functions import Left

from portal.directory.errors import NotFound
from portal.directory.ids import first_uuid7, parse_id, public_id, timestamp_of
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.scim.log import (
    FIRST_ERROR_STATUS,
    ScimAttempt,
    ScimHour,
    ScimOutcome,
    ScimRejection,
    ScimReplay,
    ScimRequest,
    ScimRequestFilter,
    ScimRequestNeighbors,
)
from portal.embedded import audit, models
from portal.embedded.database.keyset import Keyset
from portal.embedded.database.name_search import name_search
from portal.embedded.scim.groups import EmbeddedScimGroups
from portal.embedded.scim.log.attempts import find_attempt
from portal.embedded.scim.log.counting import hours
from portal.embedded.scim.log.replay import replay, replay_obstacle
from portal.embedded.scim.log.resource_names import ResourceNames
from portal.embedded.scim.users import active_users, matching_users
from portal.embedded.scope import Scope

# Entries that one page looks at if no index matches its filter.
MAX_SEARCHED = 10_000
MAX_EXPORTED = 100_000
_BATCH = 1000
# Users and groups whose requests a search finds.
_MAX_NAMED = 100
# What a list reads of each body that changes something: enough for all but long ones.
_BODY_START = 2000
# A request is logged when it has been answered.
_LONGEST_REQUEST = timedelta(hours=1)
_EVERY_REQUEST = ScimRequestFilter()

RequestRows = QuerySet[models.ScimRequestRow]


class EmbeddedScimLog:
    """Implements portal.directory.scim.log.ScimLogGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def retention_days(self) -> int:
        """Number of days that requests are kept."""
        return int(settings.SCIM_LOG_DAYS)

    @property
    def max_entries(self) -> int:
        """Number of requests of a connection that are kept; beyond it the oldest are deleted."""
        return int(settings.SCIM_LOG_ENTRIES)

    def hours(self, connection_id: str) -> tuple[ScimHour, ...]:
        """Return the number of requests in each of the last 24 hours, oldest first."""
        self._scope.require(Permission.SCIM_GET)
        return hours(self._scope, parse_id("scim-connection", connection_id))

    def page(
        self,
        connection_id: str,
        wanted: ScimRequestFilter = _EVERY_REQUEST,
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Page[ScimRequest]:
        """Return a page of requests, newest first, without bodies. Raise Invalid, InvalidCursor or NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        connection = parse_id("scim-connection", connection_id)
        # A period that begins relative to now begins later on the next page, and its cursor must stay valid.
        keyset = Keyset("scim-requests", self._scope.organization_id, connection, replace(wanted, since=None))
        indexed = indexed_requests(self._scope, connection, wanted).defer("body").annotate(body_start=_BODY_START_OF)
        rows, searched_to = _search(
            indexed, self._unindexed_conditions(connection_id, wanted), keyset.key(cursor), limit + 1
        )
        if not rows and not searched_to:
            self._connection_name(connection)
        page = keyset.page(rows, limit=limit, key=lambda row: row.pk, searched_to=searched_to)
        stopped_at = searched_to if len(rows) <= limit else None
        return Page(tuple(self._values(page.items)), page.next_cursor, timestamp_of(stopped_at) if stopped_at else None)

    def get(self, scim_request_id: str) -> ScimRequest:
        """Return a request with its body. Raise NotFound if the log doesn't have it."""
        self._scope.require(Permission.SCIM_GET)
        return next(self._values([self._row(scim_request_id)]))

    def neighbors(
        self, connection_id: str, scim_request_id: str, wanted: ScimRequestFilter = _EVERY_REQUEST
    ) -> ScimRequestNeighbors:
        """Return the requests next to one in the list of a connection."""
        self._scope.require(Permission.SCIM_GET)
        connection, key = parse_id("scim-connection", connection_id), parse_id("scim-request", scim_request_id)
        in_list = indexed_requests(self._scope, connection, wanted).only("pk")
        unindexed = self._unindexed_conditions(connection_id, wanted)
        older, _ = _search(in_list, unindexed, str(key), 1)
        after = in_list.filter(pk__gt=key).order_by("pk")
        # The entry MAX_SEARCHED after this one is the bound.
        if unindexed:
            bound = next(iter(after.values_list("pk", flat=True)[MAX_SEARCHED - 1 : MAX_SEARCHED]), None)
            after = (after.filter(pk__lte=bound) if bound else after).filter(unindexed)
        return ScimRequestNeighbors(_request_id(after[:1]), _request_id(older))

    def export(self, connection_id: str, wanted: ScimRequestFilter = _EVERY_REQUEST) -> Iterator[ScimRequest]:
        """Record the export in the activity log, and return up to MAX_EXPORTED requests, read while they are iterated over.

        Raise NotFound for an unknown connection.
        """
        self._scope.require(Permission.SCIM_GET)
        connection = parse_id("scim-connection", connection_id)
        audit.record(
            self._scope.caller,
            "scim_request.export",
            organization_id=self._scope.organization_id,
            target_id=connection_id,
            target_name=self._connection_name(connection),
            after=_filter_document(wanted),
        )
        conditions = self._unindexed_conditions(connection_id, wanted)
        return map(request_value, _newest(indexed_requests(self._scope, connection, wanted), conditions, MAX_EXPORTED))

    def replay(self, scim_request_id: str) -> ScimReplay:
        """Return what a failed request would do now, changing nothing. Raise NotFound, Conflict or Unavailable."""
        self._scope.require(Permission.SCIM_GET)
        return replay(self._row(scim_request_id), self._scope)

    def _row(self, scim_request_id: str) -> models.ScimRequestRow:
        rows = self._scope.of(models.ScimRequestRow)
        row = rows.filter(pk=parse_id("scim-request", scim_request_id)).first()
        if row is None:
            raise NotFound(f"The log has no such request. Requests are kept for {self.retention_days} days.")
        return row

    def _connection_name(self, connection: UUID) -> str:
        """Return the name of a connection, active or deleted. Raise NotFound if the organization doesn't have it."""
        name = (
            self._scope.of(models.ScimConnectionRow)
            .filter(pk=connection)
            .values_list("display_name", flat=True)
            .first()
        )
        if name is None:
            raise NotFound("This SCIM connection does not exist.")
        return name

    def _values(self, rows: Sequence[models.ScimRequestRow]) -> Iterator[ScimRequest]:
        names = ResourceNames(self._scope, rows)
        return (
            request_value(row, names.current_name(row), names.holder(row), find_attempt(row.method, _body_start(row)))
            for row in rows
        )

    def _unindexed_conditions(self, connection_id: str, wanted: ScimRequestFilter) -> Q:
        conditions = _unindexed_conditions(wanted)
        return conditions & self._matches(connection_id, wanted.text.strip()) if wanted.text.strip() else conditions

    def _matches(self, connection_id: str, text: str) -> Q:
        """Return the condition that a request has this ID, or is about a user or group that has the text in its name."""
        key = parse_id("scim-request", text)
        if key.int:
            return Q(pk=key)
        organization_id, connection = self._scope.organization_id, parse_id("scim-connection", connection_id)
        in_order = active_users(organization_id).filter(connection_id=connection).order_by("user_name_folded")
        users, _ = matching_users(organization_id, in_order, connection, name_search(text))
        resource_ids = [public_id("scim-user", user) for user in users.values_list("pk", flat=True)[:_MAX_NAMED]]
        try:
            groups = EmbeddedScimGroups(self._scope).search(connection_id, text, limit=_MAX_NAMED)
            resource_ids += (group.group_id for group in groups.items)
        except NotFound:
            # A deleted connection has no users and groups, only requests.
            pass
        return Q(request_id=text) | Q(subject__icontains=text) | Q(resource_id__in=resource_ids)


def indexed_requests(scope: Scope, connection: UUID, wanted: ScimRequestFilter = _EVERY_REQUEST) -> RequestRows:
    """Return a connection's requests, newest first, under the conditions of the filter that an index covers."""
    rows = scope.of(models.ScimRequestRow).filter(connection_id=connection)
    if wanted.since:
        rows = rows.filter(pk__gte=first_uuid7(wanted.since))
    if wanted.until:
        rows = rows.filter(pk__lt=first_uuid7(wanted.until))
    if period := _period_of(wanted.text.strip()):
        rows = rows.filter(pk__gte=first_uuid7(period[0]), pk__lt=first_uuid7(period[1]))
    if wanted.resource_id:
        # Repeat the condition of the partial index literally: a planner can't derive it from a parameter.
        rows = rows.filter(resource_id=wanted.resource_id).exclude(resource_id=RawSQL("''", ()))
    elif wanted.outcome is ScimOutcome.FAILED:
        rows = rows.filter(status__gte=RawSQL(str(FIRST_ERROR_STATUS), ()))  # noqa: S611 -- a constant, see above
    return rows.order_by("-pk")


# The queries of lists and pages have it, those of exports don't.
_BODY_START_OF = Case(
    When(method__in=("PATCH", "PUT"), then=Left("body", _BODY_START)), default=Value(""), output_field=CharField()
)


def _body_start(row: models.ScimRequestRow) -> str:
    return getattr(row, "body_start", "") if "body" in row.get_deferred_fields() else row.body


def request_value(
    row: models.ScimRequestRow,
    resource_name: str = "",
    holder: tuple[str, str] = ("", ""),
    attempt: ScimAttempt | None = None,
) -> ScimRequest:
    """Return a row as a value; its body is empty if it was deferred."""
    # If the request's own user or group has the name, nobody else has taken it.
    holder_id, holder_name = holder if holder[0] != row.resource_id else ("", "")
    return ScimRequest(
        scim_request_id=public_id("scim-request", row.pk),
        connection_id=public_id("scim-connection", row.connection_id),
        at=row.at,
        method=row.method,
        path=row.path,
        query=row.query,
        status=row.status,
        scim_type=row.scim_type,
        detail=row.detail,
        rejection=ScimRejection(row.refusal) if row.refusal else None,
        duration_ms=row.duration_ms,
        resource_type=row.resource_type,
        resource_id=row.resource_id,
        resource_name=resource_name,
        subject=row.subject,
        holder_id=holder_id,
        holder_name=holder_name,
        changed_attributes=tuple(row.changed_attributes),
        token_last_four=row.token_last_four,
        ip_address=row.ip_address,
        user_agent=row.user_agent,
        request_id=row.request_id,
        body="" if "body" in row.get_deferred_fields() else row.body,
        is_body_cut=row.is_body_cut,
        replay_obstacle=replay_obstacle(row),
        attempt=attempt,
    )


def _request_id(rows: Iterable[models.ScimRequestRow]) -> str:
    """Return the ID of the first request, "" if there is none."""
    return next((public_id("scim-request", row.pk) for row in rows), "")


def _period_of(text: str) -> tuple[datetime, datetime] | None:
    """Return when the request with this request ID arrived and was logged at the latest; None if the text isn't such an ID."""
    key = parse_id("request-id", text)
    try:
        arrived_at = timestamp_of(key)
        return (arrived_at, arrived_at + _LONGEST_REQUEST) if key.int else None
    except (ValueError, OverflowError):  # not by our clock
        return None


def _search(rows: RequestRows, unindexed: Q, after: str, limit: int) -> tuple[list[models.ScimRequestRow], UUID | None]:
    """Return up to `limit` rows, and the key of the last row looked at if the search stopped before the end."""
    if after:
        rows = rows.filter(pk__lt=UUID(after))
    if not unindexed:
        return list(rows[:limit]), None
    bound = next(iter(rows.values_list("pk", flat=True)[MAX_SEARCHED - 1 : MAX_SEARCHED]), None)
    window = rows.filter(pk__gte=bound) if bound else rows
    return list(window.filter(unindexed)[:limit]), bound


def _unindexed_conditions(wanted: ScimRequestFilter) -> Q:
    conditions = Q()
    if wanted.resource_type:
        conditions &= Q(resource_type=wanted.resource_type)
    if wanted.method:
        conditions &= Q(method=wanted.method)
    if wanted.changes_only:
        conditions &= ~Q(method="GET") & ~Q(path__endswith="/.search")
    if wanted.outcome is ScimOutcome.SUCCEEDED:
        conditions &= Q(status__lt=FIRST_ERROR_STATUS)
    elif wanted.outcome is ScimOutcome.FAILED and wanted.resource_id:
        conditions &= Q(status__gte=FIRST_ERROR_STATUS)
    return conditions


def _newest(rows: RequestRows, unindexed: Q, limit: int) -> Iterator[models.ScimRequestRow]:
    """Yield up to `limit` rows, reading them in batches."""
    after: str | None = ""
    while after is not None and limit > 0:
        batch, searched_to = _search(rows, unindexed, after, min(_BATCH, limit))
        yield from batch
        limit -= len(batch)
        last = batch[-1].pk if len(batch) == _BATCH else searched_to
        after = str(last) if last else None


def _filter_document(wanted: ScimRequestFilter) -> dict[str, str]:
    """Return the conditions of a filter for the activity log."""
    given = {name: getattr(wanted, name) for name in wanted.__slots__}
    return {
        name: value.isoformat() if name in {"since", "until"} else str(value) for name, value in given.items() if value
    }
