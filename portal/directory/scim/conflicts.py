"""What a directory returns of the members whom provisioning would take over: they wait for a decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page


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


class ScimConflictGateway(Protocol):
    """Members whom provisioning would take over (ScimFeature.CONFLICTS; without it, all raise NotOffered).

    Until somebody has decided the IdP gets 409. Reading needs `stytch.scim:get`.
    """

    def page(
        self, connection_id: str, *, state: ScimConflictState, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimConflict]:
        """Return a page of conflicts in a state, the newest first.

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor, NotFound, NotOffered.
        """
        ...

    def decide(self, connection_id: str, chosen: Mapping[str, str], *, approve: bool) -> int:
        """Approve or dismiss conflicts, all or none, and return how many; needs `stytch.scim:update`.

        `chosen` has the version of each by its id, 1 to 1000 of them. Whom is approved the IdP links when it sends them
        again. Raises Invalid, Conflict where one is not as its version says any more, NotFound, NotOffered.
        """
        ...

    def linking_rule(self, connection_id: str, *, domain: str = "") -> ScimLinkingRule:
        """Return whose members are linked always, and what one more domain would mean. Raises Invalid, NotFound, NotOffered."""
        ...

    def always_link(self, connection_id: str, *, domain: str) -> str:
        """Add a domain to those that the organization vouches for, approve who waits with it, and return it.

        Needs `stytch.scim:update`, and `update.settings.allowed-domains` on `stytch.organization`. Raises Invalid,
        NotFound, NotOffered.
        """
        ...

    def stop_linking(self, connection_id: str, *, domain: str) -> str:
        """Take a domain off those that the organization vouches for, and return it; what is linked or approved stays so.

        Harmless for one that is not among them. Needs the rights of `always_link`. Raises NotFound, NotOffered.
        """
        ...
