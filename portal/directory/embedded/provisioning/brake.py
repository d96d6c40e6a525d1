"""The deactivation safeguard: after many deactivations within an hour, further ones are on hold until an admin decides.

Each deactivation locks one row of the connection, so that simultaneous ones are counted one after the other. Other requests
don't touch it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from portal.directory.embedded import activity, models
from portal.directory.embedded.provisioning.clients import ScimClient
from portal.directory.embedded.provisioning.errors import ScimError
from portal.directory.embedded.statements import Statement, Writes
from portal.directory.scim_brake import LEAST_IN_TRIAL, TRIAL

_WINDOW = 60  # minutes
_ALL = 100  # percent
# For how long people whose deactivation was approved can be deactivated.
APPROVED_FOR = timedelta(hours=24)
# How old the number of people may be while deactivations succeed, and where it would put one on hold.
_COUNT_EVERY, _COUNT_AGAIN = timedelta(minutes=10), timedelta(minutes=1)


class Braked(ScimError):
    """Too many people were deactivated within an hour: an admin of the organization decides about the rest."""

    status = 503  # docs/decisions/0011: identity providers take it as temporary, and retry
    headers: ClassVar[Mapping[str, str]] = {"Retry_After": "600"}

    def __init__(self, client: ScimClient, member: models.Member, gone: int = 0, people: int = 0) -> None:
        super().__init__(
            "Many people were deactivated within an hour, so further deactivations are on hold until an admin of the "
            "organization approves them in the portal, under SCIM, Safeguard. Other requests succeed. Try again later."
        )
        self._at = timezone.now()
        self._client, self._member, self._gone, self._people = client, member, gone, people

    def aftermath(self) -> None:
        """Note who is on hold, and begin the hold of the connection, so that an admin sees it."""
        now = timezone.now()
        organization = self._client.organization_id
        models.ScimUser.objects.filter(organization_id=organization, member=self._member).update(
            deactivation_refused_at=now
        )
        if not self._people:
            return
        connection = self._client.connection
        connections = models.ScimConnection.objects.filter(organization_id=organization, pk=connection.pk)
        # Of simultaneous requests one begins it, and none that was answered before an approval.
        unmarked = connections.filter(brake_stopped_at=None).exclude(brake_released_until__gt=self._at + APPROVED_FOR)
        if unmarked.update(brake_stopped_at=now, brake_kept_at=None, brake_told_at=None):
            counted = models.ScimBrake.objects.filter(organization_id=organization, connection_id=connection.pk)
            counted.update(people=self._people, gone=self._gone)
            activity.record(
                self._client.caller,
                "scim_connection.brake",
                organization_id=organization,
                target_id=self._client.connection_id,
                target_name=connection.display_name,
                after={"deactivated": self._gone, "people": self._people},
            )


def let_go(client: ScimClient, user: models.ScimUser, member: models.Member, writes: Writes) -> None:
    """Count a deactivation, with the writes of the caller's transaction. Raise Braked where it is put on hold."""
    if not 0 < settings.SCIM_BRAKE_SHARE < _ALL:
        return
    now = timezone.now()
    if _is_approved(client.connection, user, now):
        return
    if client.connection.brake_stopped_at:
        raise Braked(client, member)
    row = _hold(client)
    minute = int(now.timestamp()) // 60
    minutes = {text: number for text, number in row.minutes.items() if int(text) > minute - _WINDOW}
    gone = sum(minutes.values())
    if gone >= least(client.connection) and gone >= _most(row, gone, now):
        raise Braked(client, member, gone, row.people)
    row.minutes = {**minutes, str(minute): minutes.get(str(minute), 0) + 1}
    writes.update(row, "minutes", "people", "counted_at")


def trial_until(connection: models.ScimConnection) -> datetime | None:
    """Return until when a connection is new, None for one that isn't."""
    until = connection.created_at + TRIAL
    return until if until > timezone.now() else None


def least(connection: models.ScimConnection) -> int:
    """Return how many people can be deactivated within an hour in any case."""
    return max(settings.SCIM_BRAKE_LEAST, LEAST_IN_TRIAL if trial_until(connection) else 0)


def _is_approved(connection: models.ScimConnection, user: models.ScimUser, now: datetime) -> bool:
    """Say whether the person was on hold when an admin approved, less than a day ago."""
    first, until = connection.brake_approved_from, connection.brake_released_until
    if first is None or until is None or until <= now:
        return False
    # Not loaded with the person, who is seldom approved: one query more.
    at = user.deactivation_refused_at
    return at is not None and first <= at <= until - APPROVED_FOR


def _hold(client: ScimClient) -> models.ScimBrake:
    """Return the connection's row, locked until the transaction ends."""
    place = (client.organization_id, client.connection.pk)
    row = _HELD.first(*place)
    if row is None:
        new = models.ScimBrake(organization_id=place[0], connection_id=place[1])
        models.ScimBrake.objects.bulk_create([new], ignore_conflicts=True)
        row = _HELD.first(*place)
    # It is only deleted with the connection.
    assert row is not None  # noqa: S101 -- for the type checker
    return row


_KEY = models.ScimConnection._meta.pk  # noqa: SLF001 -- Django's documented model API
_HELD = Statement(
    lambda organization, connection: (
        models.ScimBrake.objects.select_for_update()
        .filter(organization_id=organization)
        .filter(connection_id=connection)
    ),
    (_KEY, UUID(int=1)),
    (_KEY, UUID(int=2)),
)


def _most(row: models.ScimBrake, gone: int, now: datetime) -> int:
    """Return how many people may be deactivated within an hour; people are counted once in a while, not each time."""
    age = now - row.counted_at if row.counted_at else _COUNT_EVERY
    most = _share(row.people)
    if age >= _COUNT_EVERY or (gone >= most and age >= _COUNT_AGAIN):
        users = models.ScimUser.objects.filter(organization_id=row.organization_id, connection_id=row.connection_id)
        row.people = users.filter(active=True).exclude(member=None).count() + gone
        row.counted_at = now
        most = _share(row.people)
    return most


def _share(people: int) -> int:
    return people * int(settings.SCIM_BRAKE_SHARE) // _ALL
