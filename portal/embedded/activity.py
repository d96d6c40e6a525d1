"""The activity log, read newest first, with a bound on the entries that one page looks at. `audit.py` writes it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from uuid import UUID

from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from portal.directory.activity import ACTIONS, ActivityEntry, ActivityFilter, ActivityKind, ExportedList
from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import NotFound
from portal.directory.ids import first_uuid7, id_prefix, parse_id, public_id, timestamp_of
from portal.directory.pages import DEFAULT_LIMIT, Page, check_limit
from portal.directory.permissions import Permission
from portal.embedded import audit, models
from portal.embedded.database.integrity import is_text
from portal.embedded.database.keyset import Keyset, search_words
from portal.embedded.models.activity import ROUTINE_ACTIONS
from portal.embedded.scope import Scope

# Entries that one page looks at if no index matches its filter.
MAX_SEARCHED = 10_000
MAX_EXPORTED = 100_000
_BATCH = 1000
_EVERY_ENTRY = ActivityFilter()
# Kinds without routine actions, which have an index of their own.
_RARE_KINDS = tuple(
    kind
    for kind, names in ACTIONS.items()
    if not any(
        action.startswith(name) if name.endswith(".") else action == name
        for action in ROUTINE_ACTIONS
        for name in names
    )
)
# Routine, too: each time someone opens a page of the product. The index of what isn't routine contains them all the same.
_OF_FRAMES = ("embed_ticket.create", "member_session.embed", "member_session.renew")
# What the export of a list is called, and who may do it.
_EXPORTS = {
    ExportedList.USERS: ("scim_user.export", Permission.SCIM_GET),
    ExportedList.GROUPS: ("scim_group.export", Permission.SCIM_GET),
    ExportedList.MEMBERS: ("member.export", Permission.MEMBER_SEARCH),
}
# What a text can be the ID of, besides a request.
_TARGETS = ("member", "member-session", "organization", "scim-connection", "scim-group", "scim-user")

Rows = QuerySet[models.ActivityEntryRow]


class EmbeddedActivity:
    """Implements portal.directory.activity.ActivityGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def page(
        self, wanted: ActivityFilter = _EVERY_ENTRY, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ActivityEntry]:
        """Return a page of entries, newest first. Raise Invalid, InvalidCursor."""
        self._scope.require(Permission.ACTIVITY_GET)
        check_limit(limit)
        keyset = Keyset("activity", self._scope.organization_id, wanted)
        rows, searched_to = self._search(wanted, keyset.key(cursor), limit + 1)
        page = keyset.page(rows, limit=limit, key=lambda row: row.pk, searched_to=searched_to)
        stopped_at = searched_to if len(rows) <= limit else None
        return Page(tuple(map(_value, page.items)), page.next_cursor, timestamp_of(stopped_at) if stopped_at else None)

    def get(self, activity_id: str) -> ActivityEntry:
        """Return an entry. Raise NotFound if the log doesn't have it."""
        self._scope.require(Permission.ACTIVITY_GET)
        row = self._rows().filter(pk=parse_id("activity", activity_id)).first()
        if row is None:
            raise NotFound("The activity log has no such entry.")
        return _value(row)

    def export(self, wanted: ActivityFilter = _EVERY_ENTRY) -> Iterator[ActivityEntry]:
        """Record the export, and return up to MAX_EXPORTED entries, read while they are iterated over."""
        self._scope.require(Permission.ACTIVITY_GET)
        organization = self._scope.organization
        audit.record(
            self._scope.caller,
            "activity_log.export",
            organization_id=self._scope.organization_id,
            target_id=organization.organization_id,
            target_name=organization.organization_name,
            after=_filter_document(wanted),
        )
        return map(_value, self._newest(wanted))

    def record_export(
        self, exported: ExportedList, wanted: Mapping[str, str], *, of: tuple[str, str] | None = None
    ) -> None:
        """Record that a list is exported. Raise Forbidden."""
        action, permission = _EXPORTS[exported]
        self._scope.require(permission)
        organization = self._scope.organization
        target_id, target_name = of or (organization.organization_id, organization.organization_name)
        audit.record(
            self._scope.caller,
            action,
            organization_id=self._scope.organization_id,
            target_id=target_id,
            target_name=target_name,
            after=dict(wanted),
        )

    def _rows(self) -> Rows:
        return self._scope.of(models.ActivityEntryRow)

    def _search(
        self, wanted: ActivityFilter, after: str, limit: int
    ) -> tuple[list[models.ActivityEntryRow], UUID | None]:
        """Return up to `limit` rows, and the key of the last row looked at if the search stopped before the end."""
        rows, others = _conditions(self._rows(), _with_meaning(wanted))
        if after:
            rows = rows.filter(pk__lt=UUID(after))
        if not others:
            return list(rows[:limit]), None
        bound = next(iter(rows.values_list("pk", flat=True)[MAX_SEARCHED - 1 : MAX_SEARCHED]), None)
        window = rows.filter(pk__gte=bound) if bound else rows
        return list(window.filter(others)[:limit]), bound

    def _newest(self, wanted: ActivityFilter) -> Iterator[models.ActivityEntryRow]:
        """Yield up to MAX_EXPORTED rows, reading them in batches."""
        after: str | None = ""
        limit = MAX_EXPORTED
        while after is not None and limit > 0:
            batch, searched_to = self._search(wanted, after, min(_BATCH, limit))
            yield from batch
            limit -= len(batch)
            last = batch[-1].pk if len(batch) == _BATCH else searched_to
            after = str(last) if last else None


def _conditions(rows: Rows, wanted: ActivityFilter) -> tuple[Rows, Q]:
    """Return the rows in the order of the index that fits the filter best, and the conditions that it doesn't cover."""
    if wanted.since:
        rows = rows.filter(pk__gte=first_uuid7(wanted.since))
    if wanted.until:
        rows = rows.filter(pk__lt=first_uuid7(wanted.until))
    conditions = {
        "target": Q(target_id=wanted.target_id) if wanted.target_id else Q(),
        "actor": Q(actor_id=wanted.actor_id) if wanted.actor_id else Q(),
        "actor_type": Q(actor_type=wanted.actor_type) if wanted.actor_type else Q(),
        "kind": _of_kind(wanted.kind) if wanted.kind else Q(),
        "routine": ~Q(action__in=ROUTINE_ACTIONS) if wanted.without_routine else Q(),
        "frames": ~Q(action__in=_OF_FRAMES) if wanted.without_routine else Q(),
        "text": _with_text(wanted.text) if wanted.text else Q(),
    }
    is_by_scim = wanted.actor_type is ActorType.SCIM or wanted.actor_id.startswith(id_prefix("scim-connection"))
    # Repeat the conditions of partial indexes literally: a planner can't derive them from parameters.
    not_by_scim = rows.exclude(actor_type=RawSQL(f"'{ActorType.SCIM}'", ()))  # noqa: S611 -- a constant
    if wanted.target_id:
        rows = rows.filter(conditions.pop("target"))
    elif wanted.actor_id and not is_by_scim:
        rows = not_by_scim.filter(conditions.pop("actor"))
    elif wanted.actor_type and not is_by_scim:
        rows = not_by_scim.filter(conditions.pop("actor_type"))
    elif wanted.kind in _RARE_KINDS or wanted.without_routine:
        names = ", ".join(f"'{name}'" for name in ROUTINE_ACTIONS)
        rows = rows.filter(RawSQL(f"NOT (action IN ({names}))", (), BooleanField()))  # noqa: S611 -- constants
        conditions.pop("routine")
    others = Q()
    for condition in conditions.values():
        others &= condition
    return rows.order_by("-pk"), others


def _of_kind(kind: ActivityKind) -> Q:
    names = ACTIONS[kind]
    found = Q(action__in=[name for name in names if not name.endswith(".")])
    for beginning in names:
        if beginning.endswith("."):
            found |= Q(action__startswith=beginning)
    return found


def _with_text(text: str) -> Q:
    if not is_text(text):
        return Q(pk__in=())
    if text.startswith(id_prefix("request-id")):
        return Q(request_id=text)
    found = Q()
    for word in search_words(text):
        found &= Q(target_name__icontains=word) | Q(actor_name__icontains=word)
    return found


def _with_meaning(wanted: ActivityFilter) -> ActivityFilter:
    """Return a filter whose text isn't the ID of a target, which an index finds."""
    text = wanted.text.strip()
    if any(text.startswith(id_prefix(noun)) for noun in _TARGETS) and not wanted.target_id and is_text(text):
        return replace(wanted, text="", target_id=text)
    return replace(wanted, text=text)


def _value(row: models.ActivityEntryRow) -> ActivityEntry:
    return ActivityEntry(
        activity_id=public_id("activity", row.pk),
        at=row.at,
        actor=Actor(ActorType(row.actor_type), row.actor_id, row.actor_name, row.on_behalf_of),
        action=row.action,
        target_id=row.target_id,
        target_name=row.target_name,
        before=row.before,
        after=row.after,
        origin=Origin(row.ip_address, row.user_agent, row.request_id),
    )


def _filter_document(wanted: ActivityFilter) -> dict[str, str]:
    """Return the conditions of a filter for the activity log."""
    given = {name: getattr(wanted, name) for name in wanted.__slots__}
    return {
        name: value.isoformat() if name in {"since", "until"} else str(value) for name, value in given.items() if value
    }
