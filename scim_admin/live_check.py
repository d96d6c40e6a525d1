"""The live check: how far an identity provider has come, what is next, and what is wrong in between."""

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
# Who looks for somebody and does not find them has succeeded.
_HARMLESS = frozenset({"unknown-user", "unknown-group"})
_BROWSER = "Mozilla/"


class CheckState(StrEnum):
    """How it is with one milestone."""

    DONE = "done"
    # What the admin does now.
    NEXT = "next"
    LATER = "later"
    PROBLEM = "problem"
    # This identity provider does without it.
    NOT_NEEDED = "not-needed"


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One line of the check."""

    milestone: Milestone
    state: CheckState
    # When it was reached, or went wrong, and who or what it was.
    at: datetime | None = None
    who: str = ""
    problem: Explanation | None = None
    # How often it went wrong so, of the newest refused calls.
    times: int = 0
    # The step of the guide that is about it.
    step: int = 0


@dataclass(frozen=True)
class LiveCheck:
    """The whole check, in the order in which its lines are reached."""

    items: tuple[CheckItem, ...]

    @property
    def is_finished(self) -> bool:
        """Whether nothing is open any more, so that nobody needs to ask again."""
        return all(item.state in {CheckState.DONE, CheckState.NOT_NEEDED} for item in self.items)

    @property
    def problems(self) -> tuple[CheckItem, ...]:
        """What is wrong now."""
        return tuple(item for item in self.items if item.state is CheckState.PROBLEM)

    @property
    def number_done(self) -> int:
        """How many lines need nothing any more."""
        return sum(item.state in {CheckState.DONE, CheckState.NOT_NEEDED} for item in self.items)

    @cached_property
    def mark(self) -> str:
        """A short text that is another one whenever the check shows something else."""
        seen = [(item.milestone, item.state, item.who, item.problem and item.problem.code) for item in self.items]
        return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def live_check(progress: ScimProgress, identity_provider: ScimIdentityProvider, guide: Guide) -> LiveCheck:
    """Return the check of what was seen of the connection, in the words of the guide."""
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
    at, who = _reached(progress)[milestone]
    if problem is not None:
        return problem
    if milestone is Milestone.GROUP and progress.groups_are_empty:
        return CheckItem(milestone, CheckState.PROBLEM, at, who, _empty_groups(guide), step=guide.number_of(milestone))
    if at is not None:
        return CheckItem(milestone, CheckState.DONE, at, who)
    if _does_without(milestone, progress, guide):
        return CheckItem(milestone, CheckState.NOT_NEEDED)
    return CheckItem(milestone, unreached, step=guide.number_of(milestone))


def _reached(progress: ScimProgress) -> Mapping[Milestone, tuple[datetime | None, str]]:
    return {
        Milestone.ADDRESS: (progress.reached_at, progress.reached_by),
        Milestone.TOKEN: (progress.token_accepted_at, ""),
        Milestone.DISCOVERY: (progress.discovery_read_at, ""),
        Milestone.PERSON: (progress.first_person_at, progress.first_person_name),
        Milestone.GROUP: (progress.first_group_at, progress.first_group_name),
        Milestone.DEACTIVATION: (progress.first_deactivation_at, ""),
    }


def _does_without(milestone: Milestone, progress: ScimProgress, guide: Guide) -> bool:
    if milestone is Milestone.DISCOVERY:
        # Where people arrive it was not needed, whatever is usual.
        return not guide.reads_discovery or progress.first_person_at is not None
    return milestone is Milestone.GROUP and not guide.sends_groups


def _empty_groups(guide: Guide) -> Explanation:
    return Explanation(
        "empty-groups",
        "Groups have arrived, but nobody is in them",
        "The groups were sent without members, so nobody gets a role from them.",
        guide.empty_groups,
    )


def _problems(
    progress: ScimProgress, identity_provider: ScimIdentityProvider, guide: Guide
) -> Mapping[Milestone, CheckItem]:
    """Return for each milestone the newest open problem, and how often it was met."""
    found: dict[Milestone, CheckItem] = {}
    for milestone, call, explanation in _explained(progress, identity_provider, guide):
        known = found.get(milestone)
        if known is None or (known.problem and known.problem.code == explanation.code):
            at = known.at if known else call.at
            times = known.times + 1 if known else 1
            step = guide.number_of(milestone)
            found[milestone] = CheckItem(milestone, CheckState.PROBLEM, at, "", explanation, times, step)
    return found


def _explained(
    progress: ScimProgress, identity_provider: ScimIdentityProvider, guide: Guide
) -> Iterator[tuple[Milestone, ScimRequest, Explanation]]:
    """Yield the refused calls that still matter, newest first, each with the milestone that it stands before."""
    reached = _reached(progress)
    for call in progress.refused:
        explanation = explain(call, identity_provider, guide.key)
        if explanation is None or _is_harmless(call, explanation):
            continue
        milestone = _milestone(call, explanation)
        is_newest = progress.last_success_at is None or call.at > progress.last_success_at
        if milestone and (is_newest or reached[milestone][0] is None):
            yield milestone, call, explanation


def _milestone(call: ScimRequest, explanation: Explanation) -> Milestone | None:
    if explanation.code in _TOKEN:
        return Milestone.TOKEN
    # Before the wrong address: in its spelling it is what was meant that counts.
    if call.path.lower().startswith(tuple(path.lower() for path in _DISCOVERY)):
        return Milestone.DISCOVERY
    if explanation.code in _ACCESS:
        return Milestone.ADDRESS
    return _RESOURCES.get(call.resource_type)


def _is_harmless(call: ScimRequest, explanation: Explanation) -> bool:
    """Say whether a refusal is no sign of a mistake: a look-up without result, or a person who opened the address."""
    is_browser = call.user_agent.startswith(_BROWSER) and explanation.code in {"no-token", "base-url-alone"}
    return is_browser or (call.method == "GET" and explanation.code in _HARMLESS)
