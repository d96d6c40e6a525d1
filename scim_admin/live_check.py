"""Live check: the milestones of the setup, the next one, and what went wrong."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.health import ScimProgress
from portal.directory.scim.log import ScimRequest
from scim_admin.causes import Explanation, explain
from scim_admin.causes.access import ACCESS
from scim_admin.guides import Guide
from scim_admin.guides.guide import Milestone

_ACCESS = frozenset(cause.code for cause in ACCESS)
_TOKEN = frozenset({"no-token", "no-bearer", "unknown-token", "expired-token", "revoked-token", "foreign-token"})
_DISCOVERY = ("/ServiceProviderConfig", "/ResourceTypes", "/Schemas")
_RESOURCES = {"User": Milestone.PERSON, "Group": Milestone.GROUP}
# A lookup that finds nothing has succeeded.
_HARMLESS = frozenset({"unknown-user", "unknown-group"})
_BROWSER = "Mozilla/"


class CheckState(StrEnum):
    """The state of a milestone."""

    DONE = "done"
    # What the admin does next.
    NEXT = "next"
    LATER = "later"
    PROBLEM = "problem"
    # This identity provider doesn't need it.
    NOT_NEEDED = "not-needed"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One line of the check."""

    milestone: Milestone
    state: CheckState
    # When it was reached or last failed, and the name of the user, group or client.
    at: datetime | None = None
    name: str = ""
    problem: Explanation | None = None
    # How many of the newest failed requests have this problem.
    times: int = 0
    # The number of the step in the guide that reaches it.
    step: int = 0


@dataclass(frozen=True)
class LiveCheck:
    """The whole check, in the order in which its milestones are reached."""

    items: tuple[CheckItem, ...]

    @property
    def is_finished(self) -> bool:
        """Whether every milestone is reached or not needed, so that polling can stop."""
        return all(item.state in {CheckState.DONE, CheckState.NOT_NEEDED} for item in self.items)

    @property
    def problems(self) -> tuple[CheckItem, ...]:
        """The milestones that have a problem."""
        return tuple(item for item in self.items if item.state is CheckState.PROBLEM)

    @property
    def current(self) -> CheckItem | None:
        """The milestone to look at: the first problem, else the next one."""
        unreached = (item for item in self.items if item.state is CheckState.NEXT)
        return next(iter(self.problems), None) or next(unreached, None)

    @property
    def done_count(self) -> int:
        """The number of milestones that are reached or not needed."""
        return sum(item.state in {CheckState.DONE, CheckState.NOT_NEEDED} for item in self.items)

    def finished_steps(self, guide: Guide) -> frozenset[int]:
        """Return the numbers of the guide's steps that are done, by their milestones; one without any, by a later step's."""
        over = {item.milestone for item in self.items if item.state in {CheckState.DONE, CheckState.NOT_NEEDED}}
        reached = {item.milestone for item in self.items if item.state is CheckState.DONE}
        numbered = tuple(enumerate(guide.steps, start=1))
        proven = {number for number, step in numbered if step.reaches & reached and step.reaches <= over}
        last = max(proven, default=0)
        return frozenset(proven | {number for number, step in numbered if not step.reaches and number < last})

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what the check shows."""
        seen = [(item.milestone, item.state, item.name, item.problem and item.problem.code) for item in self.items]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def live_check(progress: ScimProgress, identity_provider: ScimIdentityProvider, guide: Guide) -> LiveCheck:
    """Return the check of a connection's progress, in the terms of the guide."""
    problems = _problems(progress, identity_provider, guide)
    items: list[CheckItem] = []
    for milestone in Milestone:
        has_next = any(item.state is CheckState.NEXT for item in items)
        unreached = CheckState.LATER if has_next else CheckState.NEXT
        items.append(_item(milestone, progress, guide, problems.get(milestone), unreached))
    return LiveCheck(tuple(items))


def _item(
    milestone: Milestone, progress: ScimProgress, guide: Guide, problem: CheckItem | None, unreached: CheckState
) -> CheckItem:
    at, name = _reached(progress)[milestone]
    if problem is not None:
        return problem
    if milestone is Milestone.GROUP and progress.groups_are_empty:
        return CheckItem(milestone, CheckState.PROBLEM, at, name, _empty_groups(guide), step=guide.number_of(milestone))
    if at is not None:
        return CheckItem(milestone, CheckState.DONE, at, name)
    if _is_not_needed(milestone, progress, guide):
        return CheckItem(milestone, CheckState.NOT_NEEDED)
    return CheckItem(milestone, unreached, step=guide.number_of(milestone))


def _reached(progress: ScimProgress) -> Mapping[Milestone, tuple[datetime | None, str]]:
    return {
        Milestone.ADDRESS: (progress.reached_at, progress.reached_by),
        Milestone.TOKEN: (progress.token_accepted_at, ""),
        Milestone.DISCOVERY: (progress.discovery_read_at, ""),
        Milestone.PERSON: (progress.first_user_at, progress.first_user_name),
        Milestone.GROUP: (progress.first_group_at, progress.first_group_name),
        Milestone.DEACTIVATION: (progress.first_deactivation_at, ""),
    }


def _is_not_needed(milestone: Milestone, progress: ScimProgress, guide: Guide) -> bool:
    if milestone is Milestone.DISCOVERY:
        # If users arrive, this identity provider didn't need it.
        return not guide.reads_discovery or progress.first_user_at is not None
    return milestone is Milestone.GROUP and not guide.sends_groups


def _empty_groups(guide: Guide) -> Explanation:
    return Explanation(
        "empty-groups",
        "Groups arrived without people",
        "The groups were sent without members, so no one gets a role through them.",
        guide.empty_groups,
    )


def _problems(
    progress: ScimProgress, identity_provider: ScimIdentityProvider, guide: Guide
) -> Mapping[Milestone, CheckItem]:
    """Return the newest open problem of each milestone, and how often it occurred."""
    found: dict[Milestone, CheckItem] = {}
    for milestone, request, explanation in _explained(progress, identity_provider, guide):
        known = found.get(milestone)
        if known is None or (known.problem and known.problem.code == explanation.code):
            at = known.at if known else request.at
            times = known.times + 1 if known else 1
            step = guide.number_of(milestone)
            found[milestone] = CheckItem(milestone, CheckState.PROBLEM, at, "", explanation, times, step)
    return found


def _explained(
    progress: ScimProgress, identity_provider: ScimIdentityProvider, guide: Guide
) -> Iterator[tuple[Milestone, ScimRequest, Explanation]]:
    """Yield the failed requests that still matter, newest first, each with the milestone that it kept from being reached."""
    reached = _reached(progress)
    for request in progress.failed_requests:
        explanation = explain(request, identity_provider, guide.key)
        if explanation is None or _is_harmless(request, explanation):
            continue
        milestone = _milestone(request, explanation)
        is_newest = progress.last_success_at is None or request.at > progress.last_success_at
        if milestone and (is_newest or reached[milestone][0] is None):
            yield milestone, request, explanation


def _milestone(request: ScimRequest, explanation: Explanation) -> Milestone | None:
    if explanation.code in _TOKEN:
        return Milestone.TOKEN
    # Checked before wrong URLs: a misspelled discovery URL was meant as discovery.
    if request.path.lower().startswith(tuple(path.lower() for path in _DISCOVERY)):
        return Milestone.DISCOVERY
    if explanation.code in _ACCESS:
        return Milestone.ADDRESS
    return _RESOURCES.get(request.resource_type)


def _is_harmless(request: ScimRequest, explanation: Explanation) -> bool:
    """Return whether a failure isn't a mistake: an empty lookup, or a person who opened the URL in a browser."""
    is_browser = request.user_agent.startswith(_BROWSER) and explanation.code in {"no-token", "base-url-alone"}
    return is_browser or (request.method == "GET" and explanation.code in _HARMLESS)
