"""The newest changes, in a panel of Home or of what they changed."""

from dataclasses import dataclass
from datetime import datetime

from portal.directory.activity import ActivityFilter
from portal.directory.permissions import Permission
from portal.web.activity.links import target_url
from portal.web.activity.sentences import Sentence, sentence
from portal.web.request import PortalRequest


@dataclass(frozen=True, slots=True)
class Recent:
    """A change as a sentence, and the page of what it changed."""

    sentence: Sentence
    at: datetime
    url: str


def recent_changes(request: PortalRequest, *, limit: int, target_id: str = "") -> tuple[Recent, ...]:
    """Return the newest changes, of one object if its ID is given, with one query.

    There are none if the directory keeps no log, or if the member may not see it.
    """
    log = request.directory.activity
    if log is None or not request.allows(Permission.ACTIVITY_GET):
        return ()
    entries = log.page(ActivityFilter(target_id=target_id), limit=limit).items
    return tuple(Recent(sentence(entry), entry.at, target_url(request, entry)) for entry in entries)
