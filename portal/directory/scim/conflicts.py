"""SCIM conflicts: existing members that the identity provider also sends. They wait for an admin's decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from portal.directory.pages import DEFAULT_LIMIT, Page


class ScimConflictState(StrEnum):
    """What was decided. An approved member is linked, and leaves the list, when the IdP sends the user again."""

    WAITING = "waiting"
    APPROVED = "approved"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class ScimConflict:
    """A member, and the IdP's user that would be linked to them.

    `version` identifies what was shown: it changes with the state and with the user.
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
    """The email domains whose members are always linked, and how many waiting conflicts are of `domain`."""

    allowed_domains: tuple[str, ...]
    domain: str
    waiting: int


class ScimConflictGateway(Protocol):
    """Existing members that the IdP also sends. Until an admin decides, the IdP gets 409.

    Reading needs `stytch.scim:get`, deciding `stytch.scim:update`, and the domains also
    `stytch.organization:update.settings.allowed-domains`.
    """

    def page(
        self, connection_id: str, *, state: ScimConflictState, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimConflict]:
        """Return a page of conflicts in a state: those that wait oldest first, others newest first. `limit` is 1 to 1000.

        Raise Invalid, InvalidCursor, NotFound.
        """
        ...

    def decide(self, connection_id: str, chosen: Mapping[str, str], *, approve: bool) -> int:
        """Approve or dismiss conflicts, all or none, and return how many.

        `chosen` has 1 to 1000 versions by conflict ID. The IdP links an approved member when it sends the user again.
        Raise Invalid, NotFound, or Conflict if one of the conflicts changed after its version.
        """
        ...

    def linking_rule(self, connection_id: str, *, domain: str = "") -> ScimLinkingRule:
        """Return the domains that are always linked, and how many conflicts another one would approve.

        Raise NotFound, or Invalid if `domain` can't be allowed.
        """
        ...

    def always_link(self, connection_id: str, *, domain: str) -> str:
        """Add a domain to the organization's allowed email domains, and approve the conflicts that wait with it.

        Return the domain, normalized. Raise Invalid, NotFound, StepUpRequired.
        """
        ...

    def stop_linking(self, connection_id: str, *, domain: str) -> str:
        """Remove a domain from the organization's allowed email domains, and return it. Decisions and links stay.

        A domain that isn't allowed is ignored. Raise NotFound, StepUpRequired.
        """
        ...
