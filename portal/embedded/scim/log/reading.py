"""The log of SCIM requests, as the portal reads it: newest first, and never more of it in one go than a page is worth."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from portal.directory.errors import NotFound
from portal.directory.ids import first_uuid7, moment_of, parse_id, public_id
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.health import ScimHealth, ScimProgress, health_of
from portal.directory.scim.log import (
    FIRST_REFUSAL,
    ScimOutcome,
    ScimRefusal,
    ScimReplay,
    ScimRequest,
    ScimRequestFilter,
)
from portal.embedded import audit, models
from portal.embedded.database.keyset import Keyset, check_limit
from portal.embedded.models.fields import fold_name
from portal.embedded.scim.log.health import Entries, Seen, newest_calls
from portal.embedded.scim.log.replay import obstacle, replay
from portal.embedded.scope import Scope

# Entries that one page looks at, where no index knows which of them are wanted.
MOST_SEARCHED = 10_000
# Entries of one export.
MOST_EXPORTED = 100_000
# Calls that a live check explains.
MOST_REFUSED = 20
# Groups among which a live check looks for one with members.
MOST_GROUPS = 100
_GROUP = ("created_at", "display_name", "member_count")
_BATCH = 1000
_ANY = ScimRequestFilter()

# The connection, "User" or "Group", and a folded name.
_NameKey = tuple[UUID, str, str]

Row = TypeVar("Row", models.ScimUserRow, models.ScimGroupRow)


class _LogScoped:
    """One organization, one caller, and the entries of a connection."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def _of(self, rows: "QuerySet[Row]", connection: UUID) -> "QuerySet[Row]":
        """Return what is the connection's."""
        return rows.filter(organization_id=self._scope.organization_id, connection_id=connection)

    def _entries(self, connection: UUID, wanted: ScimRequestFilter) -> Entries:
        """Return the entries, newest first, as far as an index chooses them."""
        found = models.ScimRequestRow.objects.filter(
            organization_id=self._scope.organization_id, connection_id=connection
        )
        if wanted.since:
            found = found.filter(pk__gte=first_uuid7(wanted.since))
        if wanted.until:
            found = found.filter(pk__lt=first_uuid7(wanted.until))
        if wanted.resource_id:
            # Said once more as the index has it: a database does not conclude it from a parameter.
            found = found.filter(resource_id=wanted.resource_id).exclude(resource_id=RawSQL("''", ()))
        elif wanted.outcome is ScimOutcome.REFUSED:
            found = found.filter(status__gte=RawSQL(str(FIRST_REFUSAL), ()))  # noqa: S611 -- a number of ours
        return found.order_by("-pk")


class EmbeddedScimLog(_LogScoped):
    """Implements portal.directory.scim.log.ScimLogGateway."""

    @property
    def kept_days(self) -> int:
        """For how long entries are kept."""
        return int(settings.SCIM_LOG_DAYS)

    def page(
        self,
        connection_id: str,
        wanted: ScimRequestFilter = _ANY,
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
    ) -> Page[ScimRequest]:
        """Return a page of the calls, newest first, without their bodies. Raises Invalid, InvalidCursor, NotFound."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        connection = parse_id("scim-connection", connection_id)
        keyset = Keyset("scim-requests", self._scope.organization_id, connection, wanted)
        after = keyset.key(cursor)
        rows, searched_to = _search(self._entries(connection, wanted).defer("body"), wanted, after, limit + 1)
        if not rows and not searched_to:
            self._check_connection(connection)
        page = keyset.page(rows, limit=limit, key=lambda row: row.pk, searched_to=searched_to)
        items = tuple(self._values(page.items))
        is_stopped = searched_to and len(rows) <= limit
        return Page(items, page.next_cursor, moment_of(searched_to) if searched_to and is_stopped else None)

    def get(self, scim_request_id: str) -> ScimRequest:
        """Return one call with its body. Raises NotFound."""
        self._scope.require(Permission.SCIM_GET)
        return next(self._values([self._row(scim_request_id)]))

    def export(
        self,
        connection_id: str,
        wanted: ScimRequestFilter = _ANY,
    ) -> Iterator[ScimRequest]:
        """Write into the activity log who takes it, and return the newest calls with their bodies, at most MOST_EXPORTED.

        Raises NotFound. The calls are read while they are iterated over.
        """
        self._scope.require(Permission.SCIM_GET)
        connection = parse_id("scim-connection", connection_id)
        name = self._check_connection(connection)
        audit.record(
            self._scope.caller,
            "scim_request.export",
            organization_id=self._scope.organization_id,
            target_id=connection_id,
            target_name=name,
            after=_described(wanted),
        )
        return map(_value, _walk(self._entries(connection, wanted), wanted, MOST_EXPORTED))

    def replay(self, scim_request_id: str) -> ScimReplay:
        """Return what a refused call would do now; nothing is changed. Raises NotFound, Conflict, Unavailable."""
        self._scope.require(Permission.SCIM_GET)
        return replay(self._row(scim_request_id), self._scope.origin)

    def _row(self, scim_request_id: str) -> models.ScimRequestRow:
        entries = models.ScimRequestRow.objects.filter(organization_id=self._scope.organization_id)
        row = entries.filter(pk=parse_id("scim-request", scim_request_id)).first()
        if row is None:
            raise NotFound(f"There is no such call in the log; calls are kept for {self.kept_days} days.")
        return row

    def _check_connection(self, connection: UUID) -> str:
        """Return the name of the organization's connection, also of a deleted one. Raises NotFound."""
        connections = models.ScimConnectionRow.objects.filter(
            organization_id=self._scope.organization_id, pk=connection
        )
        name = connections.values_list("display_name", flat=True).first()
        if name is None:
            raise NotFound("There is no such SCIM connection.")
        return name

    def _values(self, rows: Sequence[models.ScimRequestRow]) -> Iterator[ScimRequest]:
        """Yield the requests with the names of what they are about: at most two queries for people, and two for groups."""
        names = {**self._names("User", rows), **self._names("Group", rows)}
        holders = {**self._holders("User", rows), **self._holders("Group", rows)}
        return (
            _value(
                row, names.get(row.resource_id, ""), holders.get(_name_key(row), ("", "")) if row.subject else ("", "")
            )
            for row in rows
        )

    def _holders(self, resource_type: str, rows: Iterable[models.ScimRequestRow]) -> Mapping[_NameKey, tuple[str, str]]:
        """Return who has a name that a failed request has: id and name, by connection, kind and folded name."""
        named = {_name_key(row) for row in rows if row.subject and row.resource_type == resource_type}
        if not named:
            return {}
        folded, connections = {key[2] for key in named}, {key[0] for key in named}
        noun = f"scim-{resource_type.lower()}"
        return {
            (connection, resource_type, name): (public_id(noun, key), shown)
            for connection, name, key, shown in self._named(resource_type, connections, folded)
        }

    def _named(
        self, resource_type: str, connections: Collection[UUID], folded: Collection[str]
    ) -> Iterator[tuple[UUID, str, UUID, str]]:
        """Yield connection, folded name, key and name of who has one of the folded names."""
        if resource_type == "Group":
            groups = models.ScimGroupRow.objects.filter(organization_id=self._scope.organization_id)
            found = groups.filter(connection_id__in=connections, display_name_folded__in=folded)
            yield from found.values_list("connection_id", "display_name_folded", "pk", "display_name")
            return
        people = models.ScimUserRow.objects.filter(organization_id=self._scope.organization_id)
        users = people.filter(connection_id__in=connections, user_name_folded__in=folded)
        for row in users.only("connection_id", "user_name_folded", "display_name", "user_name"):
            yield row.connection_id, row.user_name_folded, row.pk, row.display_name or row.user_name

    def _names(self, resource_type: str, rows: Iterable[models.ScimRequestRow]) -> Mapping[str, str]:
        noun = f"scim-{resource_type.lower()}"
        ids = {row.resource_id for row in rows if row.resource_id and row.resource_type == resource_type}
        keys = [parse_id(noun, one) for one in ids]
        if not keys:
            return {}
        if resource_type == "Group":
            groups = models.ScimGroupRow.objects.filter(organization_id=self._scope.organization_id, pk__in=keys)
            return {public_id(noun, key): name for key, name in groups.values_list("pk", "display_name")}
        people = models.ScimUserRow.objects.filter(organization_id=self._scope.organization_id, pk__in=keys)
        names = people.values_list("pk", "display_name", "user_name")
        return {public_id(noun, key): name or user_name for key, name, user_name in names}


class EmbeddedScimHealth(_LogScoped):
    """Implements portal.directory.scim.health.ScimHealthGateway."""

    def get(self, connection: ScimConnection) -> ScimHealth:
        """Return how a connection is, by its newest calls: two queries."""
        self._scope.require(Permission.SCIM_GET)
        key = parse_id("scim-connection", connection.connection_id)
        has_people = self._of(models.ScimUserRow.objects.all(), key).exists()
        newest = newest_calls(self._entries(key, _ANY))
        return health_of(connection, newest, has_people=has_people, now=timezone.now())

    def progress(self, connection_id: str) -> ScimProgress:
        """Return how far the identity provider has come: seven queries at most."""
        self._scope.require(Permission.SCIM_GET)
        key = parse_id("scim-connection", connection_id)
        entries = self._entries(key, _ANY)
        seen = Seen(entries)
        person = self._of(models.ScimUserRow.objects.all(), key).order_by("pk").first()
        groups = list(self._of(models.ScimGroupRow.objects.all(), key).order_by("pk").only(*_GROUP)[:MOST_GROUPS])
        group = groups[0] if groups else None
        first = entries.order_by("pk").values_list("at", "user_agent").first()
        refused = self._entries(key, ScimRequestFilter(outcome=ScimOutcome.REFUSED)).defer("body")[:MOST_REFUSED]
        return ScimProgress(
            reached_at=first[0] if first else None,
            reached_by=first[1] if first else "",
            token_accepted_at=seen.token_accepted_at,
            discovery_read_at=seen.discovery_read_at,
            first_person_at=person.created_at if person else seen.first_created_at("/Users"),
            first_person_name=(person.display_name or person.user_name) if person else "",
            first_group_at=group.created_at if group else seen.first_created_at("/Groups"),
            first_group_name=group.display_name if group else "",
            groups_are_empty=bool(groups) and not any(one.member_count for one in groups),
            first_deactivation_at=seen.first_deactivation_at(),
            last_call_at=seen.last_call_at,
            last_success_at=seen.last_success_at,
            refused=tuple(_value(row) for row in refused),
        )


def _search(
    entries: Entries, wanted: ScimRequestFilter, after: str, number: int
) -> tuple[list[models.ScimRequestRow], UUID | None]:
    """Return so many entries, and the last one looked at where the search ended before all of them were."""
    if after:
        entries = entries.filter(pk__lt=UUID(after))
    rest = _rest(wanted)
    if not rest:
        return list(entries[:number]), None
    bound = next(iter(entries.values_list("pk", flat=True)[MOST_SEARCHED - 1 : MOST_SEARCHED]), None)
    window = entries.filter(pk__gte=bound) if bound else entries
    return list(window.filter(rest)[:number]), bound


def _rest(wanted: ScimRequestFilter) -> Q:
    """Return what no index chooses."""
    rest = Q()
    if wanted.resource_type:
        rest &= Q(resource_type=wanted.resource_type)
    if wanted.method:
        rest &= Q(method=wanted.method)
    if wanted.outcome is ScimOutcome.SUCCEEDED:
        rest &= Q(status__lt=FIRST_REFUSAL)
    elif wanted.outcome is ScimOutcome.REFUSED and wanted.resource_id:
        rest &= Q(status__gte=FIRST_REFUSAL)
    return rest


def _walk(entries: Entries, wanted: ScimRequestFilter, most: int) -> Iterator[models.ScimRequestRow]:
    """Yield the newest entries, reading some at a time."""
    after: str | None = ""
    while after is not None and most > 0:
        rows, searched_to = _search(entries, wanted, after, min(_BATCH, most))
        yield from rows
        most -= len(rows)
        last = rows[-1].pk if len(rows) == _BATCH else searched_to
        after = str(last) if last else None


def _described(wanted: ScimRequestFilter) -> dict[str, str]:
    """Return what the activity log says of a filter."""
    given = {name: getattr(wanted, name) for name in wanted.__slots__}
    return {
        name: value.isoformat() if name in {"since", "until"} else str(value) for name, value in given.items() if value
    }


def _name_key(row: models.ScimRequestRow) -> _NameKey:
    return row.connection_id, row.resource_type, fold_name(row.subject)


def _value(row: models.ScimRequestRow, resource_name: str = "", holder: tuple[str, str] = ("", "")) -> ScimRequest:
    # A person who has the name themselves isn't worth mentioning.
    holder_id, holder_name = holder if holder[0] != row.resource_id else ("", "")
    is_deferred = "body" in row.get_deferred_fields()
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
        refusal=ScimRefusal(row.refusal) if row.refusal else None,
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
        body="" if is_deferred else row.body,
        is_body_cut=row.is_body_cut,
        replay_obstacle=obstacle(row),
    )
