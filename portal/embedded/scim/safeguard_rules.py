"""The deactivation safeguard: after many deactivations within an hour, further ones are on hold until an admin decides.

Each deactivation locks one row of the connection, so that simultaneous ones are counted one after the other. So does a
request that takes many people out of a group with roles. Other requests don't touch it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from portal.directory.scim.safeguard import LEAST_IN_TRIAL, TRIAL
from portal.embedded import audit, models
from portal.embedded.database.statements import Statement, columns_of
from portal.embedded.database.writes import Writes
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import ScimError

_WINDOW = 60  # minutes
_ALL = 100  # percent
# For how long people whose deactivation was approved can be deactivated.
APPROVED_FOR = timedelta(hours=24)
# How old the number of people may be while deactivations succeed, and where it would put one on hold.
_COUNT_EVERY, _COUNT_AGAIN = timedelta(minutes=10), timedelta(minutes=1)


class Counted(NamedTuple):
    """What a hold began with: people deactivated within the hour, people who lost the roles of a group, and all of them."""

    gone: int
    removed: int
    people: int


class Held(ScimError):
    """The request is on hold: an admin of the organization decides. Without `counted`, the hold began before it."""

    status = 503  # docs/decisions/0011: identity providers take it as temporary, and retry
    headers: Mapping[str, str] = {"Retry_After": "600"}

    def __init__(self, client: ScimClient, detail: str, counted: Counted | None) -> None:
        super().__init__(f"{detail} Other requests succeed. Try again later.")
        self._at = timezone.now()
        self._client, self._counted = client, counted

    def note(self, now: datetime) -> None:
        """Note who or what is on hold."""
        raise NotImplementedError

    def after_rollback(self) -> None:
        """Note who or what is on hold, and begin the hold of the connection, so that an admin sees it."""
        now = timezone.now()
        self.note(now)
        if not self._counted:
            return
        organization, connection = self._client.organization_id, self._client.connection
        connections = models.ScimConnectionRow.objects.filter(organization_id=organization, pk=connection.pk)
        # Of simultaneous requests one begins it, and none that was answered before an approval.
        unmarked = connections.filter(hold_started_at=None).exclude(hold_approved_until__gt=self._at + APPROVED_FOR)
        if unmarked.update(hold_started_at=now, hold_kept_at=None, hold_notified_at=None):
            # The first request that is counted may be the one on hold, and its row is rolled back.
            models.ScimSafeguardRow.objects.update_or_create(
                organization_id=organization, connection_id=connection.pk, defaults=self._counted._asdict()
            )
            audit.record(
                self._client.caller,
                "scim_connection.safeguard",
                organization_id=organization,
                target_id=self._client.connection_id,
                target_name=connection.display_name,
                after={
                    "deactivated": self._counted.gone,
                    "removed_from_groups": self._counted.removed,
                    "people": self._counted.people,
                },
            )


class DeactivationsOnHold(Held):
    """Too many people were deactivated within an hour: an admin of the organization decides about the rest."""

    def __init__(self, client: ScimClient, member: models.MemberRow, counted: Counted | None = None) -> None:
        super().__init__(
            client,
            "Many people were deactivated within an hour, so further deactivations are on hold until an admin of the "
            "organization approves them in the portal, under SCIM, Safeguard.",
            counted,
        )
        self._member = member

    def note(self, now: datetime) -> None:
        """Note which person is on hold."""
        people = models.ScimUserRow.objects.filter(organization_id=self._client.organization_id, member=self._member)
        people.update(deactivation_refused_at=now)


class RemovalHeld(Held):
    """Too many people would lose the roles of a group by one request: an admin of the organization decides."""

    def __init__(
        self, client: ScimClient, group: models.ScimGroupRow, number: int, counted: Counted | None = None
    ) -> None:
        super().__init__(
            client,
            f'The request takes {number:,} people out of the group "{group.display_name}", who lose its roles. It\'s on hold '
            "until an admin of the organization approves it in the portal, under SCIM, Safeguard.",
            counted,
        )
        self._group, self._number = group.pk, number

    def note(self, now: datetime) -> None:
        """Note which group is on hold, and how many people lose its roles."""
        groups = models.ScimGroupRow.objects.filter(organization_id=self._client.organization_id, pk=self._group)
        groups.update(removal_refused_at=now, removal_refused_people=self._number)


def let_go(client: ScimClient, user: models.ScimUserRow, member: models.MemberRow, writes: Writes) -> None:
    """Count a deactivation, with the writes of the caller's transaction. Raise DeactivationsOnHold where it is put on hold."""
    if _is_off() or _is_approved(client.connection, lambda: user.deactivation_refused_at):
        return
    _count(client, "minutes", 1, partial(DeactivationsOnHold, client, member), writes)


def let_roles_go(client: ScimClient, group: models.ScimGroupRow, number: int, writes: Writes) -> None:
    """Count people taken out of a group with roles by one request, as `let_go`. Raise RemovalHeld.

    Up to as many as may be deactivated in any case aren't counted.
    """
    if _is_off() or number <= least(client.connection):
        return
    if _is_approved(client.connection, lambda: group.removal_refused_at) and number <= group.removal_refused_people:
        return
    _count(client, "removal_minutes", number, partial(RemovalHeld, client, group, number), writes)
    client.taken_out[group.pk] = 0


def _is_off() -> bool:
    return not 0 < settings.SCIM_SAFEGUARD_SHARE < _ALL


def _count(
    client: ScimClient, kind: str, number: int, held: Callable[[Counted | None], ScimError], writes: Writes
) -> None:
    """Count people in the minutes of a kind. Raise `held` where they're more than the connection may lose in an hour."""
    if client.connection.hold_started_at:
        raise held(None)
    row, now = _hold(client), timezone.now()
    minute = int(now.timestamp()) // 60
    minutes = {name: _recent(getattr(row, name), minute) for name in ("minutes", "removal_minutes")}
    gone, removed = (sum(one.values()) for one in minutes.values())
    wanted = gone + removed + number
    if wanted > least(client.connection) and wanted > _most(row, gone, wanted, now):
        raise held(Counted(gone, removed, row.people))
    counted = minutes[kind]
    setattr(row, kind, {**counted, str(minute): counted.get(str(minute), 0) + number})
    writes.update(row, kind, "people", "counted_at")


def _recent(minutes: Mapping[str, int], minute: int) -> dict[str, int]:
    return {text: number for text, number in minutes.items() if int(text) > minute - _WINDOW}


def trial_until(connection: models.ScimConnectionRow) -> datetime | None:
    """Return until when a connection is new, None for one that isn't."""
    until = connection.created_at + TRIAL
    return until if until > timezone.now() else None


def least(connection: models.ScimConnectionRow) -> int:
    """Return how many people can be deactivated within an hour in any case."""
    return max(settings.SCIM_SAFEGUARD_MINIMUM, LEAST_IN_TRIAL if trial_until(connection) else 0)


def _is_approved(connection: models.ScimConnectionRow, asked_at: Callable[[], datetime | None]) -> bool:
    """Say whether what the IdP asked for then was on hold when an admin approved, less than a day ago."""
    first, until = connection.hold_approved_from, connection.hold_approved_until
    if first is None or until is None or until <= timezone.now():
        return False
    # Not loaded with the row, which is seldom approved: one query more.
    at = asked_at()
    return at is not None and first <= at <= until - APPROVED_FOR


def _hold(client: ScimClient) -> models.ScimSafeguardRow:
    """Return the connection's row, locked until the transaction ends."""
    place = (client.organization_id, client.connection.pk)
    row = _HELD.first_object(*place)
    if row is None:
        new = models.ScimSafeguardRow(organization_id=place[0], connection_id=place[1])
        models.ScimSafeguardRow.objects.bulk_create([new], ignore_conflicts=True)
        row = _HELD.first_object(*place)
    # It is only deleted with the connection.
    assert row is not None  # noqa: S101 -- for the type checker
    return row


_KEY = models.ScimConnectionRow._meta.pk
_HELD = Statement(
    lambda organization, connection: (
        models.ScimSafeguardRow.objects.select_for_update()
        .filter(organization_id=organization)
        .filter(connection_id=connection)
    ),
    columns_of(models.ScimSafeguardRow),
    (_KEY, UUID(int=1)),
    (_KEY, UUID(int=2)),
)


def _most(row: models.ScimSafeguardRow, gone: int, wanted: int, now: datetime) -> int:
    """Return how many people may be deactivated within an hour; people are counted once in a while, not each time."""
    age = now - row.counted_at if row.counted_at else _COUNT_EVERY
    most = _share(row.people)
    if age >= _COUNT_EVERY or (wanted > most and age >= _COUNT_AGAIN):
        users = models.ScimUserRow.objects.filter(organization_id=row.organization_id, connection_id=row.connection_id)
        row.people = users.filter(active=True).exclude(member=None).count() + gone
        row.counted_at = now
        most = _share(row.people)
    return most


def _share(people: int) -> int:
    return people * int(settings.SCIM_SAFEGUARD_SHARE) // _ALL
