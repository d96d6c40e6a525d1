"""The newest changes, in a panel of Home or of what they changed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.directory.activity import ActivityEntry, ActivityFilter, ActivityGateway
from portal.directory.actor import ActorType
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


# Changes by members that are looked at for those that aren't sign-ins.
_MAX_BY_MEMBERS = 20


def recent_changes(request: PortalRequest, *, limit: int, target_id: str = "") -> tuple[Recent, ...]:
    """Return the newest changes of one object, with one query; without its ID, the newest notable ones, with three.

    There are none if the directory keeps no log, or if the member may not see it.
    """
    log = request.directory.activity
    if log is None or not request.allows(Permission.ACTIVITY_GET):
        return ()
    if target_id:
        entries: Iterable[ActivityEntry] = log.page(ActivityFilter(target_id=target_id), limit=limit).items
    else:
        entries = _notable(log)[:limit]
    return tuple(Recent(sentence(entry), entry.at, target_url(request, entry)) for entry in entries)


def _notable(log: ActivityGateway) -> Sequence[ActivityEntry]:
    """Return what isn't routine, and what members did other than signing in and out, newest first."""
    by_members = log.page(ActivityFilter(actor_type=ActorType.MEMBER), limit=_MAX_BY_MEMBERS).items
    found = [
        *log.page(ActivityFilter(without_routine=True), limit=_MAX_BY_MEMBERS).items,
        *by_members,
    ]
    own = {entry.activity_id: entry for entry in found if not entry.action.startswith("member_session.")}
    # IDs begin with the time.
    return sorted(own.values(), key=lambda entry: entry.activity_id, reverse=True)
