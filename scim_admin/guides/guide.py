"""A guide: what an admin does in one identity provider, step by step, by the names on its own screens.

In texts, *asterisks* stand around what is read on a screen (the filter `screen_names`).
"""

from dataclasses import dataclass, field
from enum import StrEnum

DEACTIVATION_DONE = "Their sessions here end at once, and the check shows it."


class Milestone(StrEnum):
    """What the live check waits for, in the order in which it comes."""

    ADDRESS = "address"
    TOKEN = "token"  # noqa: S105 -- a word
    DISCOVERY = "discovery"
    PERSON = "person"
    GROUP = "group"
    DEACTIVATION = "deactivation"


class Entry(StrEnum):
    """What goes into a field, where that is a value of the connection."""

    BASE_URL = "base-url"
    TOKEN = "token"  # noqa: S105 -- a word


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the identity provider and what goes into it: a value of the connection, a choice, or a text of lines."""

    name: str
    value: Entry | str
    note: str = ""

    @property
    def is_base_url(self) -> bool:
        """Whether it takes the connection's address."""
        return self.value is Entry.BASE_URL

    @property
    def is_token(self) -> bool:
        """Whether it takes the connection's token."""
        return self.value is Entry.TOKEN

    @property
    def is_block(self) -> bool:
        """Whether it takes several lines."""
        return "\n" in self.value


@dataclass(frozen=True, slots=True)
class Step:
    """One screen's worth of work: first `actions`, then what to enter and what to tick there, and then `after`."""

    title: str
    actions: tuple[str, ...]
    fields: tuple[Field, ...] = ()
    ticks: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    # What goes wrong here most often.
    trap: str = ""
    # What shows that the step is done.
    reaches: frozenset[Milestone] = frozenset()


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are, for sentences such as "In …, enter the token"."""

    # Where the connection's address and token are entered.
    settings: str
    # How the connection is tested, as a sentence's end.
    test: str
    # Where it says which attribute is sent from what.
    mapping: str
    # Where it says who is sent.
    assignments: str
    # What sends something once more, as a sentence's end.
    resend: str


@dataclass(frozen=True, slots=True)
class Guide:
    """Everything that an admin needs to connect one identity provider."""

    key: str
    name: str
    places: Places
    steps: tuple[Step, ...]
    # What comes first, and how long it takes.
    timing: str
    # Where the identity provider itself tells what it did.
    own_log: str
    traps: tuple[str, ...]
    # Why people may arrive without groups, and groups without people.
    no_groups: str
    empty_groups: str
    reads_discovery: bool = False
    sends_groups: bool = True
    # For a sentence's beginning, where the name is none.
    subject: str = field(default="")

    @property
    def called(self) -> str:
        """What sentences call the identity provider."""
        return self.subject or self.name

    @property
    def base_url_name(self) -> str:
        """The name of the field for the connection's address."""
        return next(field.name for step in self.steps for field in step.fields if field.is_base_url)

    @property
    def credential_name(self) -> str:
        """The name of the field for the connection's token."""
        return next(field.name for step in self.steps for field in step.fields if field.is_token)

    @property
    def push_groups(self) -> tuple[str, ...]:
        """How groups get here."""
        return self._told(Milestone.GROUP)

    @property
    def assign_people(self) -> tuple[str, ...]:
        """How people get here."""
        return self._told(Milestone.PERSON)

    def _told(self, milestone: Milestone) -> tuple[str, ...]:
        step = self.steps[self.number_of(milestone) - 1]
        return step.actions + step.after + ((step.trap,) if step.trap else ())

    def number_of(self, milestone: Milestone) -> int:
        """Return the number of the step that reaches the milestone, counted from 1."""
        return next(number for number, step in enumerate(self.steps, start=1) if milestone in step.reaches)
