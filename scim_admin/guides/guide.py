"""A guide: what an admin does in one identity provider, step by step, with the names on its own screens.

In texts, *asterisks* mark the names on screens (the filter `screen_names`).
"""

from dataclasses import dataclass, field
from enum import StrEnum

DEACTIVATION_DONE = "Their sessions here end at once, and the live check shows it."


class Milestone(StrEnum):
    """The milestones of the live check, in the order in which they are reached."""

    ADDRESS = "address"
    TOKEN = "token"  # noqa: S105 -- a word
    DISCOVERY = "discovery"
    PERSON = "person"
    GROUP = "group"
    DEACTIVATION = "deactivation"


class Entry(StrEnum):
    """A value of the connection that goes into a field."""

    BASE_URL = "base-url"
    TOKEN = "token"  # noqa: S105 -- a word


@dataclass(frozen=True, slots=True)
class Field:
    """A field on a screen and its value: a value of the connection, a choice, or a text of several lines."""

    name: str
    value: Entry | str
    note: str = ""

    @property
    def is_base_url(self) -> bool:
        """Whether it takes the base URL."""
        return self.value is Entry.BASE_URL

    @property
    def is_token(self) -> bool:
        """Whether it takes the token."""
        return self.value is Entry.TOKEN

    @property
    def is_block(self) -> bool:
        """Whether its value has several lines."""
        return "\n" in self.value

    @property
    def is_choice(self) -> bool:
        """Whether its value is the same for everyone, on one line."""
        return not (self.is_base_url or self.is_token or self.is_block)


@dataclass(frozen=True, slots=True)
class Step:
    """The work on one screen: `actions`, then `fields` to fill in and `ticks` to set, and then `after`."""

    title: str
    actions: tuple[str, ...]
    fields: tuple[Field, ...] = ()
    ticks: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    # The most frequent mistake in this step.
    trap: str = ""
    # The milestones that show that the step is done.
    reaches: frozenset[Milestone] = frozenset()

    @property
    def takes_token(self) -> bool:
        """Whether the token is entered in it."""
        return any(field.is_token for field in self.fields)


@dataclass(frozen=True, slots=True)
class Places:
    """Names of places in the identity provider, for sentences such as "In …, enter the token"."""

    # Where the base URL and the token are entered.
    settings: str
    # How to test the connection, as the end of a sentence.
    test: str
    # Where attributes are mapped.
    mapping: str
    # Where people and groups are assigned.
    assignments: str
    # How to send something again, as the end of a sentence.
    resend: str


@dataclass(frozen=True, slots=True)
class Guide:
    """Everything that an admin needs to connect one identity provider."""

    key: str
    name: str
    places: Places
    steps: tuple[Step, ...]
    # When changes arrive, and in which order.
    timing: str
    # Where the identity provider shows its own log.
    own_log: str
    traps: tuple[str, ...]
    # Why people may arrive without groups, and groups without people.
    no_groups: str
    empty_groups: str
    reads_discovery: bool = False
    sends_groups: bool = True
    # For the beginning of a sentence, if the name doesn't fit there.
    subject: str = field(default="")

    @property
    def called(self) -> str:
        """The name of the identity provider at the beginning of a sentence."""
        return self.subject or self.name

    @property
    def in_text(self) -> str:
        """The name of the identity provider within a sentence."""
        return self.subject[:1].lower() + self.subject[1:] or self.name

    @property
    def base_url_name(self) -> str:
        """The name of the field for the base URL."""
        return next(field.name for step in self.steps for field in step.fields if field.is_base_url)

    @property
    def credential_name(self) -> str:
        """The name of the field for the token."""
        return next(field.name for step in self.steps for field in step.fields if field.is_token)

    @property
    def token_step(self) -> Step:
        """The step in which the token is entered."""
        return next(step for step in self.steps if step.takes_token)

    @property
    def push_groups(self) -> tuple[str, ...]:
        """The texts of the step that sends groups."""
        return self._step_texts(Milestone.GROUP)

    @property
    def assign_people(self) -> tuple[str, ...]:
        """The texts of the step that sends people."""
        return self._step_texts(Milestone.PERSON)

    def _step_texts(self, milestone: Milestone) -> tuple[str, ...]:
        step = self.steps[self.number_of(milestone) - 1]
        return step.actions + step.after + ((step.trap,) if step.trap else ())

    def number_of(self, milestone: Milestone) -> int:
        """Return the number of the step that reaches the milestone, counted from 1."""
        return next(number for number, step in enumerate(self.steps, start=1) if milestone in step.reaches)
