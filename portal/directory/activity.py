"""The activity log: one entry for each change in the organization, and how to filter it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.pages import DEFAULT_LIMIT, Page


class ActivityKind(StrEnum):
    """What a change is about. The values appear in URLs."""

    MEMBERS = "members"
    SIGN_IN = "sign-in"
    USERS = "people"
    GROUPS = "groups"
    ROLES = "roles"
    SCIM = "scim"
    ORGANIZATION = "organization"


class ExportedList(StrEnum):
    """Lists that are exported as files."""

    USERS = "users"
    GROUPS = "groups"
    MEMBERS = "members"


# The actions of each kind: a name, or the beginning of names if it ends with a period. Some belong to two kinds.
ACTIONS: Mapping[ActivityKind, tuple[str, ...]] = {
    ActivityKind.MEMBERS: ("member.", "invitation_job."),
    ActivityKind.SIGN_IN: (
        "member_session.",
        "embed_ticket.",
        "member.set_password",
        "member.delete_password",
        "member.send_sign_in_link",
        "member.accept_invitation",
        "member.add_mfa_phone_number",
        "member.delete_mfa_phone_number",
        "member.add_passkey",
        "member.add_totp",
        "member.delete_passkey",
        "member.delete_totp",
        "member.rename_passkey",
        "member.rotate_recovery_codes",
        "member.use_recovery_code",
    ),
    ActivityKind.USERS: ("scim_user.",),
    ActivityKind.GROUPS: ("scim_group.create", "scim_group.update", "scim_group.delete", "scim_group.export"),
    ActivityKind.ROLES: (
        "scim_group.update_roles",
        "organization.set_roles",
        "role.create",
        "role.update",
        "role.delete",
    ),
    ActivityKind.SCIM: (
        "scim_connection.",
        "scim_request.",
        "member.approve_scim_link",
        "member.dismiss_scim_link",
    ),
    ActivityKind.ORGANIZATION: ("organization.", "activity_log."),
}


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Conditions that entries must meet; an empty one matches every entry. `since` is inclusive, `until` exclusive."""

    # Words that the names of the actor and the target contain, the ID of a target, or a request ID.
    text: str = ""
    actor_type: ActorType | None = None
    actor_id: str = ""
    target_id: str = ""
    kind: ActivityKind | None = None
    # Leave out what identity providers and sign-ins do many times a day.
    without_routine: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ActivityEntry:
    """A change. `before` and `after` have the changed fields, never a secret."""

    activity_id: str
    at: datetime
    actor: Actor
    # `noun.verb`
    action: str
    target_id: str
    # The name at that time.
    target_name: str
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin = field(default_factory=Origin)


class ActivityGateway(Protocol):
    """The organization's activity log. Needs `gatehouse.activity:get`."""

    def page(
        self, wanted: ActivityFilter = ..., *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ActivityEntry]:
        """Return a page of entries, newest first.

        A search for rare entries stops after some thousand entries; the page's `searched_to` says how far it got. Raise
        Invalid unless `limit` is 1 to 1000, InvalidCursor for a cursor of another list.
        """
        ...

    def get(self, activity_id: str) -> ActivityEntry:
        """Return an entry. Raise NotFound if the log doesn't have it."""
        ...

    def record_export(
        self, exported: ExportedList, wanted: Mapping[str, str], *, of: tuple[str, str] | None = None
    ) -> None:
        """Record that a list is exported: its filters, and the ID and name of its connection. None for the organization.

        Needs the permission to read the list, not that for the log.
        """
        ...

    def export(self, wanted: ActivityFilter = ...) -> Iterator[ActivityEntry]:
        """Return the newest entries, up to 100,000, and record the export in the log. They are read while iterated over."""
        ...
