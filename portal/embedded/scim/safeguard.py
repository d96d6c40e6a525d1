"""The deactivation safeguard, as the portal shows it and as admins decide."""

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone

from portal.directory.errors import Conflict
from portal.directory.ids import public_id
from portal.directory.pages import DEFAULT_LIMIT, MAX_COUNTED, Page
from portal.directory.permissions import Permission
from portal.directory.scim.safeguard import ScimHeldGroup, ScimHeldUser, ScimSafeguard, ScimSafeguardDecision
from portal.embedded import audit, models
from portal.embedded.database.keyset import Keyset, check_limit
from portal.embedded.scim.connection import active_connection
from portal.embedded.scim.safeguard_rules import APPROVED_FOR, least, trial_until
from portal.embedded.scope import Scope

_FIELDS = ("hold_started_at", "hold_kept_at", "hold_approved_from", "hold_approved_until")
_ALL = 100


class EmbeddedScimSafeguard:
    """Implements portal.directory.scim.safeguard.ScimSafeguardGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def get(self, connection_id: str) -> ScimSafeguard:
        """Return the state of the safeguard. Raise NotFound, Refused."""
        self._scope.require(Permission.SCIM_GET)
        row = active_connection(self._scope.organization_id, connection_id)
        counted = models.ScimSafeguardRow.objects.filter(organization_id=row.organization_id, connection=row).first()
        return ScimSafeguard(
            version=_version(row),
            stopped_at=row.hold_started_at,
            kept_at=row.hold_kept_at,
            released_until=row.hold_approved_until,
            gone=counted.gone if counted else 0,
            people=counted.people if counted else 0,
            waiting=_held(row)[:MAX_COUNTED].count() if row.hold_started_at else 0,
            share=settings.SCIM_SAFEGUARD_SHARE % _ALL,
            least=least(row),
            told_at=row.hold_notified_at,
            trial_until=trial_until(row),
            removed=counted.removed if counted else 0,
            waiting_groups=_held_groups(row)[:MAX_COUNTED].count() if row.hold_started_at else 0,
        )

    def held_users(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldUser]:
        """Return a page of the people on hold, oldest first. Raise Invalid, InvalidCursor, NotFound, Refused."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        connection = active_connection(self._scope.organization_id, connection_id)
        keyset = Keyset("scim-held-people", connection.organization_id, connection.pk)
        rows = keyset.after(cursor, _held(connection), "pk")
        found = list(rows.only("user_name", "display_name", "deactivation_refused_at")[: limit + 1])
        return keyset.page(found, limit=limit, key=lambda row: row.pk).map(_held_person)

    def held_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldGroup]:
        """Return a page of the groups on hold, oldest first. Raise Invalid, InvalidCursor, NotFound, Refused."""
        self._scope.require(Permission.SCIM_GET)
        check_limit(limit)
        connection = active_connection(self._scope.organization_id, connection_id)
        keyset = Keyset("scim-held-groups", connection.organization_id, connection.pk)
        rows = keyset.after(cursor, _held_groups(connection), "pk")
        found = list(rows.only("display_name", "removal_refused_at", "removal_refused_people")[: limit + 1])
        return keyset.page(found, limit=limit, key=lambda row: row.pk).map(_held_group)

    def held_number(self, connection_id: str) -> int:
        """Return how many people lose access or the roles of a group once approved. Raise NotFound, Refused."""
        self._scope.require(Permission.SCIM_GET)
        return _held_number(active_connection(self._scope.organization_id, connection_id))

    def decide(
        self, connection_id: str, decision: ScimSafeguardDecision, *, version: str, number: int | None = None
    ) -> None:
        """Approve, keep or clear the hold. Raise NotFound, Conflict, Refused."""
        self._scope.require(Permission.SCIM_UPDATE)
        with transaction.atomic():
            row = active_connection(self._scope.organization_id, connection_id, lock=True)
            if row.hold_started_at is None or version != _version(row):
                raise Conflict("Someone else decided in the meantime. Nothing was changed.")
            if decision is ScimSafeguardDecision.KEEP:
                row.hold_kept_at = timezone.now()
            else:
                self._end_hold(row, approves=decision is ScimSafeguardDecision.RELEASE, number=number)
            row.save(update_fields=[*_FIELDS, "updated_at"])
            audit.record(
                self._scope.caller,
                f"scim_connection.safeguard_{decision}",
                organization_id=row.organization_id,
                target_id=connection_id,
                target_name=row.display_name,
                after={} if number is None else {"people": number},
            )

    def _end_hold(self, row: models.ScimConnectionRow, *, approves: bool, number: int | None) -> None:
        """Approve the people on hold, or cancel earlier approvals as well, and start counting again. Raise Conflict."""
        now, stopped_at = timezone.now(), row.hold_started_at
        if approves:
            waiting = _held_number(row)
            if waiting != number:
                raise Conflict(
                    f"{_people(waiting)} on hold now. Check who they are, then confirm the new number.",
                    field="number",
                )
            # Earlier approvals stay valid: their people were put on hold before these.
            has_approved = row.hold_approved_until is not None and row.hold_approved_until > now
            row.hold_approved_from = (row.hold_approved_from if has_approved else None) or stopped_at
        row.hold_approved_until = now + APPROVED_FOR if approves else None
        row.hold_started_at = row.hold_kept_at = None
        models.ScimSafeguardRow.objects.filter(organization_id=row.organization_id, connection=row).update(
            minutes={}, removal_minutes={}, counted_at=None
        )


def _held(connection: models.ScimConnectionRow) -> "QuerySet[models.ScimUserRow]":
    """Return the people on hold: they are still active, and the IdP asked to deactivate them since the hold began."""
    return models.ScimUserRow.objects.filter(
        organization_id=connection.organization_id,
        connection_id=connection.pk,
        active=True,
        deactivation_refused_at__isnull=False,
        deactivation_refused_at__gte=connection.hold_started_at or timezone.now(),
    )


def _held_groups(connection: models.ScimConnectionRow) -> "QuerySet[models.ScimGroupRow]":
    """Return the groups on hold: people are still in them, and the IdP asked to take many out since the hold began."""
    return models.ScimGroupRow.objects.filter(
        organization_id=connection.organization_id,
        connection_id=connection.pk,
        member_count__gt=0,
        removal_refused_at__isnull=False,
        removal_refused_at__gte=connection.hold_started_at or timezone.now(),
    )


def _held_number(connection: models.ScimConnectionRow) -> int:
    removed = _held_groups(connection).aggregate(people=Sum("removal_refused_people"))["people"]
    return _held(connection).count() + (removed or 0)


def _held_group(row: models.ScimGroupRow) -> ScimHeldGroup:
    at = row.removal_refused_at or row.updated_at
    return ScimHeldGroup(public_id("scim-group", row.pk), row.display_name, row.removal_refused_people, at)


def _held_person(row: models.ScimUserRow) -> ScimHeldUser:
    at = row.deactivation_refused_at or row.updated_at
    return ScimHeldUser(public_id("scim-user", row.pk), row.user_name, row.display_name, at)


def _version(row: models.ScimConnectionRow) -> str:
    return ",".join(at.isoformat() if at else "" for at in (row.hold_started_at, row.hold_kept_at))


def _people(number: int) -> str:
    """Return "7 people are", "1 person is" or "No one is"."""
    return {0: "No one is", 1: "1 person is"}.get(number, f"{number:,} people are")
