"""Email domains of an organization: who proved them, and how. Stytch takes the organization's word instead."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol

MAX_DOMAINS = 100  # that one organization can add here
CODE_MINUTES = 10
# For how long ownership lasts after its record was first missing.
GRACE = timedelta(days=7)
# After a domain was added, its record is looked up each minute for an hour, then each day for a month.
FIRST_HOUR = timedelta(hours=1)
UNPROVED_FOR = timedelta(days=30)


class DomainState(StrEnum):
    """What is known about a domain."""

    NOT_PROVED = "not_proved"
    # The product set it with its project secret, or the operator did.
    TRUSTED = "trusted"
    # Someone has a code that was sent to an address in the domain.
    AFFILIATED = "affiliated"
    # The domain has the organization's DNS record.
    OWNED = "owned"
    # It had it, and will count as owned for GRACE.
    LAPSING = "lapsing"
    # It had it, and the grace is over.
    LAPSED = "lapsed"


class DomainFinding(StrEnum):
    """What the last look at the DNS record found."""

    NONE_YET = ""
    FOUND = "found"
    MISSING = "missing"
    OTHER_VALUE = "other_value"
    # The record is there, but another organization proved first that it owns the domain.
    TAKEN = "taken"
    # No name server answered. This proves nothing, and nothing lapses because of it.
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain that the organization added. `record_name` is as DNS has it, with `xn--` labels."""

    domain_id: str
    domain: str
    state: DomainState
    # Whether people with an address in it may join, if the organization lets them join by domain.
    lets_join: bool
    record_name: str
    record_value: str
    added_at: datetime
    added_by: str = ""
    affiliated_at: datetime | None = None
    affiliated_address: str = ""
    owned_at: datetime | None = None
    # Since when the record is missing, and when ownership ends because of it.
    missing_since: datetime | None = None
    lapses_at: datetime | None = None
    # Whether a check is under way, when the last one was, and when the next one is due. None if none is planned.
    is_being_checked: bool = False
    checked_at: datetime | None = None
    next_check_at: datetime | None = None
    finding: DomainFinding = DomainFinding.NONE_YET
    # The value of the record that was found instead.
    found_value: str = ""

    @property
    def is_new(self) -> bool:
        """Whether its record is looked up each minute."""
        return self.state is DomainState.NOT_PROVED and datetime.now(UTC) < self.added_at + FIRST_HOUR

    @property
    def needs_attention(self) -> bool:
        """Whether nobody can join by it, or soon can't."""
        return not self.lets_join or self.state in {DomainState.LAPSING, DomainState.LAPSED}


class DomainGateway(Protocol):
    """The domains of one organization. Stytch's `email_allowed_domains` lists the same ones.

    Changes need `stytch.organization:update.settings.allowed-domains`, those that let people join also a recent proof.
    """

    def all(self) -> tuple[Domain, ...]:
        """Return the domains, the oldest first. Raise Unauthenticated for a visitor."""
        ...

    def get(self, domain_id: str) -> Domain:
        """Return a domain. Raise NotFound."""
        ...

    def add(self, domain: str) -> Domain:
        """Add a domain, which lets nobody join until it is proved. Its record is looked up from now on.

        Raise Forbidden, StepUpRequired, Invalid for one that isn't a domain or in which anyone can get an address, Conflict
        if it was added already or there are MAX_DOMAINS.
        """
        ...

    def remove(self, domain_id: str) -> Domain:
        """Remove a domain. Another organization can then prove that it owns it. Raise Forbidden, StepUpRequired, NotFound."""
        ...

    def check_now(self, domain_id: str) -> Domain:
        """Have a worker look the record up soon. Raise Forbidden, NotFound, TooManyRequests."""
        ...

    def send_code(self, domain_id: str, email_address: str) -> None:
        """Email a code to an address in the domain, which has a limit.

        Raise Forbidden, StepUpRequired, NotFound, also without email, Invalid for an address elsewhere, TooManyRequests.
        """
        ...

    def prove_affiliation(self, domain_id: str, *, email_address: str, code: str) -> Domain:
        """Record that someone got the code. It works once, and no longer after five wrong ones.

        Raise Forbidden, StepUpRequired, NotFound, Unauthenticated for a wrong code, Conflict if another organization owns it.
        """
        ...

    @property
    def are_codes_emailed(self) -> bool:
        """Whether the directory can send emails."""
        ...
