"""The requests of the last 24 hours, for the pages that show their numbers (ui/hour_chart.html)."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from portal.directory.scim.connection import ScimConnection
from portal.directory.scim.log import ScimHour, ScimOutcome
from portal.web.request import PortalRequest


@dataclass(frozen=True, slots=True)
class Traffic:
    """The numbers by hour, oldest first, and the pages of the log with these requests."""

    hours: tuple[ScimHour, ...]
    log_url: str
    failed_url: str

    @property
    def requests(self) -> int:
        """How many requests there were."""
        return sum(hour.requests for hour in self.hours)

    @property
    def failures(self) -> int:
        """How many of them failed."""
        return sum(hour.failed for hour in self.hours)

    @property
    def trend(self) -> tuple[int, ...]:
        """The number of requests in each hour; nothing if there were none."""
        return tuple(hour.requests for hour in self.hours) if self.requests else ()

    @property
    def only_failing_hour(self) -> ScimHour | None:
        """The hour with all failures, None if there are several or none."""
        failing = [hour for hour in self.hours if hour.failed]
        return failing[0] if len(failing) == 1 else None


def traffic(request: PortalRequest, connection: ScimConnection | None) -> Traffic | None:
    """Return the requests of the last 24 hours, with one query; None if there is no connection or no log."""
    log = request.directory.scim.log
    if connection is None or log is None:
        return None
    hours = log.hours(connection.connection_id)
    url = reverse("scim:log", args=[request.signed_in.organization.organization_slug])
    return Traffic(hours, *(f"{url}?{urlencode(query)}" for query in _queries(hours)))


def _queries(hours: Sequence[ScimHour]) -> tuple[dict[str, str], dict[str, str]]:
    since = f"{timezone.localtime(hours[0].start):%Y-%m-%dT%H:%M}"
    return {"since": since}, {"outcome": ScimOutcome.FAILED, "since": since}
