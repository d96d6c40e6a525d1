"""What a directory returns of the members whom provisioning would take over: they wait for a decision."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ScimConflictState(StrEnum):
    """What was decided; an approved person is linked, and off the list, when the IdP sends them again."""

    WAITING = "waiting"
    APPROVED = "approved"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class ScimConflict:
    """A member, and the person of the IdP who would take them over.

    `version` stands for what was shown: it changes with the state, and with who wants the member.
    """

    conflict_id: str
    version: str
    state: ScimConflictState
    member_id: str
    email_address: str
    name: str
    roles: tuple[str, ...]
    member_since: datetime
    user_name: str
    display_name: str
    first_at: datetime
    last_at: datetime
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ScimLinkingRule:
    """The e-mail domains whose members are always linked; how many of those who wait have an address of `domain`."""

    allowed_domains: tuple[str, ...]
    domain: str
    waiting: int
